"""Where a refresh token that Salesforce has replaced is kept.

With rotation switched on, each use of a refresh token may return another, and the one from the
settings is void. The newest is written to a file of the user's state folder before it is used,
in one step, readable by the user alone; it is found again by a fingerprint of the configured one.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from pathlib import Path

from platformdirs import user_state_path

from tap_sfbulk_pages.errors import SignInError


class RefreshTokenStore:
    """The refresh token in force for one configured token.

    Args:
        configured: The `refresh_token` setting.
        folder: Where replacements are kept.
    """

    def __init__(self, configured: str, *, folder: Path | None = None) -> None:
        self._configured = configured
        fingerprint = hashlib.sha256(configured.encode()).hexdigest()[:32]
        folder = folder or user_state_path("tap-sfbulk-pages") / "refresh-tokens"
        self._path = folder / fingerprint

    def current(self) -> str:
        """Give the newest refresh token: the kept one, else the configured one.

        Raises:
            SignInError: If there is a kept one that cannot be read.
        """
        try:
            return self._path.read_text(encoding="utf-8") or self._configured
        except FileNotFoundError:
            return self._configured
        except OSError as error:
            raise SignInError(f"The kept refresh token cannot be read: {error}") from error

    def replace(self, token: str) -> None:
        """Keep a new token, so that a crash leaves either the old file or the new one whole.

        Raises:
            SignInError: If it cannot be written; the next run could not sign in.
        """
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
                f"Salesforce replaced the refresh token, and the new one cannot be kept: {error}. "
                "Make the folder writable, then authorise again."
            ) from error
