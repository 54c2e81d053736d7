"""A refresh token that Salesforce has replaced is never lost."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tap_sfbulk_pages.errors import SignInError
from tap_sfbulk_pages.salesforce.sign_in.refresh_tokens import RefreshTokenStore

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


def test_the_configured_one_until_there_is_another(tmp_path: Path) -> None:
    store = RefreshTokenStore("first", folder=tmp_path / "tokens")
    assert store.current() == "first"
    assert files(tmp_path) == []


def test_the_newest_is_found_by_later_runs(tmp_path: Path) -> None:
    for number in range(3):
        store = RefreshTokenStore("first", folder=tmp_path / "tokens")
        store.replace(f"later {number}")
        assert store.current() == f"later {number}"
    assert RefreshTokenStore("first", folder=tmp_path / "tokens").current() == "later 2"
    assert len(files(tmp_path)) == 1


def test_a_token_that_is_configured_anew_wins(tmp_path: Path) -> None:
    RefreshTokenStore("first", folder=tmp_path).replace("later")
    assert RefreshTokenStore("second", folder=tmp_path).current() == "second"
    assert RefreshTokenStore("first", folder=tmp_path).current() == "later"


def test_only_the_user_can_read_it_and_its_name_tells_nothing(tmp_path: Path) -> None:
    RefreshTokenStore("first", folder=tmp_path / "a" / "b").replace("later")
    (file,) = files(tmp_path)
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    assert "first" not in str(file.relative_to(tmp_path))


def test_a_crash_in_the_middle_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = RefreshTokenStore("first", folder=tmp_path)
    store.replace("second")

    def crash(*_: object) -> None:
        raise OSError("no space left")

    for step in ("os.fsync", "pathlib.Path.replace"):
        with monkeypatch.context() as patch:
            patch.setattr(step, crash)
            with pytest.raises(SignInError, match="no space left") as error:
                store.replace("third")
        assert "third" not in str(error.value)
        assert store.current() == "second"


def test_a_kept_token_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    store = RefreshTokenStore("first", folder=tmp_path)
    store.replace("second")
    (file,) = files(tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(SignInError, match="cannot be read"):
        store.current()


def test_repr_holds_no_token(tmp_path: Path) -> None:
    assert "first" not in repr(RefreshTokenStore("first", folder=tmp_path))
