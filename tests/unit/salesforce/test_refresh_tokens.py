"""A refresh token that Salesforce has replaced is never lost, and never used by two at a time."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

import pytest
from token_server import TokenServer

from tap_sfbulk_pages.errors import SignInError
from tap_sfbulk_pages.salesforce.sign_in import refresh_tokens
from tap_sfbulk_pages.salesforce.sign_in.refresh_tokens import RefreshTokenStore
from tap_sfbulk_pages.salesforce.transport import Transport
from tap_sfbulk_pages.settings import Settings

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("refresh-tokens/*") if path.is_file()]


def replaced(folder: Path, configured: str, *tokens: str) -> RefreshTokenStore:
    store = RefreshTokenStore(configured, folder)
    for token in tokens:
        with store.alone():
            store.replace(token)
    return store


def test_the_configured_one_until_there_is_another(tmp_path: Path) -> None:
    store = RefreshTokenStore("first", tmp_path)
    assert store.current() == "first"
    with store.alone():
        assert store.current() == "first"
    assert files(tmp_path) == []


def test_the_newest_is_found_by_later_runs(tmp_path: Path) -> None:
    for number in range(3):
        assert replaced(tmp_path, "first", f"later {number}").current() == f"later {number}"
    assert RefreshTokenStore("first", tmp_path).current() == "later 2"
    assert len(files(tmp_path)) == 1


def test_a_token_that_is_configured_anew_wins(tmp_path: Path) -> None:
    replaced(tmp_path, "first", "later")
    assert RefreshTokenStore("second", tmp_path).current() == "second"
    assert RefreshTokenStore("first", tmp_path).current() == "later"


def test_only_the_user_can_read_it_and_its_name_tells_nothing(tmp_path: Path) -> None:
    replaced(tmp_path / "a" / "b", "first", "later")
    (file,) = files(tmp_path)
    assert file.read_text() == "later"
    assert file.stat().st_mode & 0o077 == 0
    assert file.parent.stat().st_mode & 0o077 == 0
    assert "first" not in "".join(str(each.relative_to(tmp_path)) for each in tmp_path.rglob("*"))


def test_a_crash_in_the_middle_leaves_the_old_one_whole(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = replaced(tmp_path, "first", "second")

    def crash(*_: object) -> None:
        raise OSError("no space left")

    for step in ("os.fsync", "pathlib.Path.replace"):
        with store.alone(), monkeypatch.context() as patch:
            patch.setattr(step, crash)
            with pytest.raises(SignInError, match="no space left") as error:
                store.replace("third")
        assert "third" not in str(error.value)
        assert store.current() == "second"
        assert len(files(tmp_path)) == 1


def test_a_kept_token_that_cannot_be_read_is_reported(tmp_path: Path) -> None:
    store = replaced(tmp_path, "first", "second")
    (file,) = files(tmp_path)
    file.unlink()
    file.mkdir()
    with pytest.raises(SignInError, match="cannot be read"):
        store.current()


def test_repr_holds_no_token(tmp_path: Path) -> None:
    assert "first" not in repr(RefreshTokenStore("first", tmp_path))


def test_a_process_that_does_not_end(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refresh_tokens, "LONGEST_WAIT_SECONDS", 0.1)
    with (
        RefreshTokenStore("first", tmp_path).alone(),
        pytest.raises(SignInError, match="Another process has been signing in"),
        RefreshTokenStore("first", tmp_path).alone(),
    ):
        pytest.fail("two at a time")
    with RefreshTokenStore("first", tmp_path).alone():
        pass


class Rotation:
    """Replaces the token at each use, and revokes all of them if one is used twice."""

    def __init__(self) -> None:
        self.valid = "configured"
        self.uses = 0
        self._lock = threading.Lock()

    def __call__(self, form: str) -> tuple[int, dict[str, str]]:
        token = parse_qs(form)["refresh_token"][0]
        with self._lock:
            if token != self.valid:
                self.valid = "none"
                return 400, {"error": "invalid_grant", "error_description": "expired"}
            self.uses += 1
            self.valid = f"successor-{self.uses}"
            return 200, {"access_token": f"access-{self.uses}", "refresh_token": self.valid}


def sign_in(url: str, folder: Path) -> str:
    """Sign in as a process of its own would."""
    config = {
        "instance_url": url,
        "client_id": "app",
        "refresh_token": "configured",
        "state_folder": str(folder),
    }
    transport: Any = Transport(connections=1, silence_seconds=60, user_agent="test")
    sessions = Settings.parse(config).sign_in.connect(transport, max_tries=1)
    return sessions.session().access_token


def test_many_at_a_time(tmp_path: Path) -> None:
    rotation = Rotation()
    with TokenServer(answer=rotation) as server, ThreadPoolExecutor(8) as threads:
        tokens = list(threads.map(lambda _: sign_in(server.url, tmp_path), range(24)))
    assert sorted(tokens) == sorted(f"access-{number}" for number in range(1, 25))
    assert RefreshTokenStore("configured", tmp_path).current() == "successor-24"


def test_a_token_is_not_spent_where_its_successor_cannot_be_saved(tmp_path: Path) -> None:
    rotation = Rotation()
    blocked = tmp_path / "state"
    blocked.write_text("no folder")
    with TokenServer(answer=rotation) as server:
        with pytest.raises(SignInError, match=r"could not be saved in .*set state_folder"):
            sign_in(server.url, blocked)
        assert rotation.uses == 0
        blocked.unlink()
        assert sign_in(server.url, blocked) == "access-1"
