"""Where BATCH files go: to a folder on disk or in an object store."""

from __future__ import annotations

import re
from contextlib import contextmanager, suppress
from functools import cached_property
from pathlib import Path
from typing import IO, TYPE_CHECKING

from upath import UPath

from tap_sfbulk_pages.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from singer_sdk.helpers._batch import StorageTarget

_LOCAL = ("", "file", "local")
_UNFINISHED = ".part"
_NOT_IN_NAMES = re.compile(r"[^\w.-]|^\.+")


class BatchStorage:
    """A folder for files.

    Args:
        target: The setting `batch_config.storage`.
    """

    def __init__(self, target: StorageTarget) -> None:
        self._name = target.root
        self._prefix = target.prefix or ""
        with self.explain_errors():
            self._root = UPath(target.root, **target.params).resolve()
        self._is_made = False

    def create(self, name: str) -> NewFile:
        """Begin a file.

        Raises:
            SettingsError: If it cannot be written.
        """
        with self.explain_errors():
            if not self._is_made:
                self._root.mkdir(parents=True, exist_ok=True)
                self._is_made = True
            # Streams are named by catalogs, and jobs by replies.
            name = _NOT_IN_NAMES.sub("_", name)
            return NewFile(self, self._root / f"{self._prefix}{name}")

    @contextmanager
    def explain_errors(self) -> Iterator[None]:
        """Say which storage it is that fails.

        Raises:
            SettingsError: For whatever is raised.
        """
        try:
            yield
        except SettingsError:
            raise
        except Exception as error:  # every store has errors of its own
            raise SettingsError(
                f"batch_config.storage.root: {self._name} cannot be written to: {error}"
            ) from error


class NewFile:
    """A file that is being written; on disk it has its name once it is whole.

    Args:
        storage: Where it is.
        path: What it will be called.
    """

    def __init__(self, storage: BatchStorage, path: UPath) -> None:
        self._storage = storage
        self._path = path
        self._is_local = path.protocol in _LOCAL
        self._written = path
        if self._is_local:
            self._written = UPath(f"{path.path}{_UNFINISHED}")
            # A link that others have put in its place is not followed.
            self._written.unlink(missing_ok=True)
            self._written.touch(exist_ok=False)

    @cached_property
    def stream(self) -> IO[bytes]:
        """The file, open for writing; not together with `path`."""
        return self._written.open("wb")

    @property
    def path(self) -> str | None:
        """Where it is written on disk, for those who open files better; None in an object store."""
        return str(self._written.path) if self._is_local else None

    @property
    def address(self) -> str:
        """What the BATCH message calls it."""
        return self._path.as_uri()

    def complete(self) -> None:
        """Give a whole file its name.

        Raises:
            SettingsError: If the storage does not take it.
        """
        with self._storage.explain_errors():
            self._close()
            if self._is_local:
                Path(self._written.path).replace(self._path.path)
                self._written = self._path

    def remove(self) -> None:
        """Remove it, as far as that can be done: nobody has been told of it."""
        with suppress(Exception):
            self._close()
        with suppress(Exception):
            self._written.unlink()

    def _close(self) -> None:
        if "stream" in self.__dict__:
            self.stream.close()
