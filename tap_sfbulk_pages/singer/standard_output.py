"""stdout, on which a write is whole or ends the run: a half line would garble what follows it.

A pipe that takes nothing at the moment is waited for, whether it blocks or not. What cannot be
written at all (the disk is full, the reader is gone) is not the failure of the stream that is being
read, so that it must not be caught as one.
"""

from __future__ import annotations

import errno
import io
import os
import select
import stat
import sys
import time
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_sfbulk_pages.reading.stop_signal import RunStopped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from typing_extensions import Buffer

# How long a run that was told to stop still waits for a reader that takes nothing.
GRACE_SECONDS = 5.0
_LOOK_MILLISECONDS = 200


class OutputError(BaseException):
    """stdout takes no more, which ends the run: nothing that is read would arrive."""


class StandardOutput(io.RawIOBase):
    """The descriptor of stdout.

    Args:
        descriptor: Open for writing.
    """

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._is_discarded = False
        self._stopped_by: int | None = None
        self._progress_at = 0.0
        self._is_changed = False
        # Bytes since the last line end.
        self._unfinished = 0

    @override
    def fileno(self) -> int:
        return self._descriptor

    @override
    def writable(self) -> bool:
        return True

    @override
    def isatty(self) -> bool:
        return os.isatty(self._descriptor)

    @override
    def write(self, data: Buffer, /) -> int:
        """Write all of the data.

        Raises:
            OutputError: If that cannot be done.
            RunStopped: If the run was told to stop, and nobody reads.
        """
        view = memoryview(data).cast("B")
        written = 0
        while written < len(view) and not self._is_discarded:
            written += self._write_some(view[written:])
        return len(view)

    def _write_some(self, data: memoryview) -> int:
        """Write what the descriptor takes, which may be nothing at the moment."""
        try:
            count = os.write(self._descriptor, data)
        except BlockingIOError:
            self._wait()
            return 0
        except OSError as error:
            self._take_back()
            self._is_discarded = True
            raise OutputError(_describe(error)) from error
        self._note(data[:count])
        return count

    def stop(self, signal_number: int) -> None:
        """Wait no longer than `GRACE_SECONDS` for a reader from now on; for a signal handler.

        A write that blocks would be taken up again after the handler, for as long as nobody reads.
        """
        self._stopped_by = signal_number
        self._progress_at = time.monotonic()
        if sys.platform == "win32":
            # Its pipes always block.
            return
        mode = os.fstat(self._descriptor).st_mode
        # A terminal is shared with the shell, which would find it changed.
        is_pipe = stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)
        if is_pipe and os.get_blocking(self._descriptor):
            self._is_changed = True
            os.set_blocking(self._descriptor, False)

    @contextmanager
    def discarded_on_a_terminal(self) -> Iterator[None]:
        """Write nothing to a terminal; what is written to a pipe or a file gets there."""
        if not self.isatty():
            yield
            return
        sys.stdout.flush()
        self._is_discarded = True
        try:
            yield
            sys.stdout.flush()
        finally:
            self._is_discarded = False

    def restore(self) -> None:
        """Leave the descriptor as it was."""
        if self._is_changed and sys.platform != "win32":
            os.set_blocking(self._descriptor, True)

    def _wait(self) -> None:
        if sys.platform == "win32":
            time.sleep(_LOOK_MILLISECONDS / 1000)
        else:
            poll = select.poll()
            poll.register(self._descriptor, select.POLLOUT)
            if poll.poll(_LOOK_MILLISECONDS):
                return
        if self._stopped_by is None:
            return
        if time.monotonic() - self._progress_at > GRACE_SECONDS:
            self._is_discarded = True
            raise RunStopped(self._stopped_by)

    def _note(self, written: memoryview) -> None:
        self._progress_at = time.monotonic() if self._stopped_by is not None else 0.0
        end = bytes(written).rfind(b"\n")
        self._unfinished = len(written) - end - 1 if end >= 0 else self._unfinished + len(written)

    def _take_back(self) -> None:
        """Cut a file where its last whole line ends, if nothing stands after it."""
        if not self._unfinished or not stat.S_ISREG(os.fstat(self._descriptor).st_mode):
            return
        with suppress(OSError):
            place = os.lseek(self._descriptor, 0, os.SEEK_CUR)
            if place == os.fstat(self._descriptor).st_size:
                os.ftruncate(self._descriptor, place - self._unfinished)
                os.lseek(self._descriptor, place - self._unfinished, os.SEEK_SET)


def take_stdout() -> StandardOutput | None:
    """Put `StandardOutput` in the place of `sys.stdout`, once; None where that is no descriptor.

    There is a buffer before it, also where Python was told to have none (PYTHONUNBUFFERED).
    """
    raw = getattr(getattr(sys.stdout, "buffer", None), "raw", None)
    if isinstance(raw, StandardOutput):
        return raw
    try:
        descriptor = sys.stdout.fileno()
    except (AttributeError, OSError):
        return None
    sys.stdout.flush()
    output = StandardOutput(descriptor)
    sys.stdout = io.TextIOWrapper(io.BufferedWriter(output), encoding="utf-8", newline="\n")
    return output


def _describe(error: OSError) -> str:
    # Windows calls a closed pipe an invalid argument.
    if error.errno == errno.EPIPE or (sys.platform == "win32" and error.errno == errno.EINVAL):
        return "The target has closed its input; nothing more is read."
    return (
        f"stdout cannot be written: {error.strerror}. Nothing more is read. Start the next run "
        "with the last STATE that has arrived."
    )
