"""The README says what the code says."""

from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_settings_table_is_what_about_prints() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "settings_table.py"))
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert script["rewritten"](readme) == readme, "run scripts/settings_table.py"


def test_sandbox_page_is_what_the_sandbox_defines() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "sandbox_reference.py"))
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert script["rewritten"](page) == page, "run scripts/sandbox_reference.py"
