"""What the unit tests share."""

from __future__ import annotations

import pytest

from tap_sfbulk_pages import quoting


@pytest.fixture(autouse=True)
def forget_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test know its own secrets only, which a whole process would keep."""
    monkeypatch.setattr(quoting, "_secrets", ())
