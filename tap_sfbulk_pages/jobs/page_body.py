"""The bytes of result pages, held as they came: in memory up to a bound, beyond it on disk."""

from __future__ import annotations

import tempfile
import threading
from contextlib import suppress
from typing import IO, TYPE_CHECKING

from tap_sfbulk_pages.salesforce.transport import CHUNK_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator


class PageMemory:
    """The memory that all pages together may take.

    Args:
        limit_bytes: The bound.
    """

    def __init__(self, limit_bytes: int) -> None:
        self._free = limit_bytes
        self._lock = threading.Lock()

    def take(self, count: int) -> bool:
        """Reserve bytes; False, and nothing reserved, if they are not free."""
        with self._lock:
            if count > self._free:
                return False
            self._free -= count
            return True

    def give_back(self, count: int) -> None:
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
            OSError: If the disk is full.
        """
        self.size += len(chunk)
        if self._file is None and self._memory.take(len(chunk)):
            self._reserved += len(chunk)
            self._chunks.append(chunk)
            return
        if self._file is None:
            self._file = tempfile.TemporaryFile(prefix="sfbulk-page-")  # noqa: SIM115 - see close
            self._file.writelines(self._chunks)
            self._free_memory()
        self._file.write(chunk)

    def chunks(self) -> Iterator[bytes]:
        """Yield the bytes from the start."""
        if self._file is None:
            yield from self._chunks
            return
        self._file.seek(0)
        while chunk := self._file.read(CHUNK_BYTES):
            yield chunk

    def close(self) -> None:
        """Free memory and disk."""
        self._free_memory()
        if self._file is not None:
            # On a full disk it is told once more what could not be written.
            with suppress(OSError):
                self._file.close()
            self._file = None

    def _free_memory(self) -> None:
        self._chunks = []
        self._memory.give_back(self._reserved)
        self._reserved = 0
