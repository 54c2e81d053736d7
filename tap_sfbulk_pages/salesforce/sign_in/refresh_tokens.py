"""Where a refresh token that Salesforce has replaced is saved.

With rotation switched on, each use of a refresh token may return another, and the one in the
settings becomes invalid. The newest is written to a file in the user's state folder before it is
used, in one step and readable only by the user. Its name is a fingerprint of the configured one.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from platformdirs import user_state_path

from tap_sfbulk_pages.errors import SignInError
from tap_sfbulk_pages.quoting import keep_secret


class RefreshTokenStore:
    """The current refresh token for one configured token.

    Args:
        configured: The `refresh_token` setting.
        folder: Where replacements are saved.
    """

    def __init__(self, configured: str, *, folder: Path | None = None) -> None:
        self._configured = configured
        fingerprint = hashlib.sha256(configured.encode()).hexdigest()[:32]
        folder = folder or user_state_path("tap-sfbulk-pages") / "refresh-tokens"
        self._path = folder / fingerprint

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
        """Save a new token, so that a crash leaves either the old file or the new one whole.

        Raises:
            SignInError: If it cannot be written; the next run could not sign in.
        """
        keep_secret(token)
        try:
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor, name = tempfile.mkstemp(dir=self._path.parent)
            with os.fdopen(descriptor, "w", encoding="utf-8") as file:
                file.write(token)
                file.flush()
                os.fsync(file.fileno())
            Path(name).replace(self._path)
        except OSError as error:
            raise SignInError(
                f"Salesforce replaced the refresh token, and the new one cannot be saved: {error}. "
                "Make the folder writable, then authorise again."
            ) from error
