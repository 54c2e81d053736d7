"""Where a refresh token that Salesforce has replaced is saved.

With rotation switched on, each use of a refresh token returns another and makes the one in the
settings invalid; if an old one is used again, Salesforce may revoke them all. So only one process
signs in at a time, with the newest token, and not before there is room for its successor. A file's
name is a fingerprint of the configured token.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import SignInError
from tap_sfbulk_pages.quoting import keep_secret

if TYPE_CHECKING:
    from collections.abc import Iterator

# Longer than a sign-in of another process takes.
LONGEST_WAIT_SECONDS = 300.0
# Salesforce's refresh tokens have about a hundred bytes.
_ROOM_BYTES = 4096


class RefreshTokenStore:
    """The current refresh token for one configured token.

    Args:
        configured: The `refresh_token` setting.
        folder: Where replacements are saved: kept between runs, shared by all that use the token.
    """

    def __init__(self, configured: str, folder: Path) -> None:
        self._configured = configured
        fingerprint = hashlib.sha256(configured.encode()).hexdigest()[:32]
        self._folder = folder
        self._path = folder / "refresh-tokens" / fingerprint
        self._lock_path = folder / "locks" / fingerprint
        self._room = Path()

    @contextmanager
    def alone(self) -> Iterator[None]:
        """Keep other processes away from the token, and room for its successor.

        Raises:
            SignInError: If a successor could not be saved, or another process does not end its
                sign-in.
        """
        # Few runs sign in so, and every start of a command would pay for the import.
        from filelock import FileLock, Timeout  # noqa: PLC0415

        with ExitStack() as stack:
            try:
                for path in (self._path, self._lock_path):
                    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
                stack.enter_context(FileLock(self._lock_path, timeout=LONGEST_WAIT_SECONDS))
                descriptor, name = tempfile.mkstemp(dir=self._path.parent)
                self._room = Path(name)
                stack.callback(self._room.unlink, missing_ok=True)
                _write(descriptor, b"\0" * _ROOM_BYTES)
            except Timeout as error:
                raise SignInError(
                    "Another process has been signing in with the same refresh token for "
                    f"{LONGEST_WAIT_SECONDS:.0f} s ({self._lock_path})."
                ) from error
            # NotImplementedError: the file system has no locks.
            except (OSError, NotImplementedError) as error:
                raise SignInError(
                    f"A new refresh token could not be saved in {self._folder}: {error}. "
                    "Salesforce may replace the token at each sign-in. Make the folder writable, "
                    "or set state_folder to one that is kept between runs."
                ) from error
            yield

    def current(self) -> str:
        """Return the newest refresh token: the saved one, else the configured one.

        Raises:
            SignInError: If there is a saved one that cannot be read.
        """
        try:
            saved = self._path.read_text(encoding="utf-8")
        except FileNotFoundError:
            return self._configured
        except OSError as error:
            raise SignInError(f"The saved refresh token cannot be read: {error}") from error
        keep_secret(saved)
        return saved or self._configured

    def replace(self, token: str) -> None:
        """Save a new token while `alone`: a crash leaves either the old file or the new one whole.

        Raises:
            SignInError: If it cannot be written; the next run could not sign in.
        """
        keep_secret(token)
        try:
            _write(os.open(self._room, os.O_WRONLY), token.encode())
            self._room.replace(self._path)
        except OSError as error:
            raise SignInError(
                f"Salesforce replaced the refresh token, and the new one cannot be saved: {error}. "
                f"Make {self._folder} writable, then authorise again."
            ) from error


def _write(descriptor: int, content: bytes) -> None:
    """Write a file from its beginning, into the room that it has, and close it."""
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.truncate()
        file.flush()
        os.fsync(file.fileno())
