"""The bytes of result pages as received: in memory up to a limit, beyond it on disk."""

from __future__ import annotations

import tempfile
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from tap_sfbulk_pages.errors import explain_temporary_files
from tap_sfbulk_pages.salesforce.transport import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


class PageMemory:
    """The memory that all pages together may use.

    Args:
        limit_bytes: The limit.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._free = limit_bytes
        self._lock = threading.Lock()

    def reserve(self, count: int) -> bool:
        """Reserve bytes.

        Returns:
            False, with nothing reserved, if there are not as many left.
        """
        with self._lock:
            if count > self._free:
                return False
            self._free -= count
            return True

    def release(self, count: int) -> None:
        """Free reserved bytes."""
        with self._lock:
            self._free += count


class PageBody:
    """The body of one page. Written once, read any number of times, then closed.

    Args:
        memory: Shared with the other pages.
    """

    def __init__(self, memory: PageMemory) -> None:
        self._memory = memory
        self._chunks: list[bytes] = []
        self._reserved = 0
        self._file: IO[bytes] | None = None
        self.size = 0

    def write(self, chunk: bytes) -> None:
        """Add bytes at the end, moving to disk when memory is used up.

        Raises:
            TemporaryFileError: If the disk is full.
        """
        self.size += len(chunk)
        if self._file is None and self._memory.reserve(len(chunk)):
            self._reserved += len(chunk)
            self._chunks.append(chunk)
            return
        with explain_temporary_files():
            if self._file is None:
                self._file = tempfile.TemporaryFile(prefix="sfbulk-page-")  # noqa: SIM115 - see close
                self._file.writelines(self._chunks)
                self._free_memory()
            self._file.write(chunk)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes from the start.

        Raises:
            TemporaryFileError: If the disk is full.
        """
        if self._file is None:
            yield from self._chunks
            return
        with explain_temporary_files():
            # Writes what is still buffered.
            self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        """Free memory and disk."""
        self._free_memory()
        if self._file is not None:
            # On a full disk, closing raises once more for what could not be written.
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _free_memory(self) -> None:
        self._chunks = []
        self._memory.release(self._reserved)
        self._reserved = 0
