"""What a process and its children cost: time, processor time, memory."""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

_LONGEST_QUOTE = 2000
# Modules are compiled once, not at each start.
_USUAL_ENVIRONMENT = {
    name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"
}


@dataclass(frozen=True)
class Usage:
    """The cost of one process, its children included as far as it waited for them.

    Attributes:
        wall_seconds: From its start to its end.
        cpu_seconds: User and system time.
        peak_mb: The largest resident size of one process. Linux counts the size of the process
            that started it too, so whoever measures must stay small.
    """

    wall_seconds: float
    cpu_seconds: float
    peak_mb: float


class FailedError(Exception):
    """A process that was measured has failed; the message is the end of its log."""


class Measured:
    """A process that is being measured.

    Args:
        command: Program and arguments.
        stdin: What it reads; nothing by default.
        stdout: Where its output goes; nowhere by default.
        environment: Added to this process's own.
        cores: Which it may use; all by default.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        stdin: IO[bytes] | int = subprocess.DEVNULL,
        stdout: IO[bytes] | int = subprocess.DEVNULL,
        environment: Mapping[str, str] | None = None,
        cores: Iterable[int] | None = None,
    ) -> None:
        pinned = ["taskset", "--cpu-list", ",".join(map(str, cores))] if cores else []
        self._log = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `end`
        self._begun = time.perf_counter()
        self.process = subprocess.Popen(
            [*pinned, *command],
            stdin=stdin,
            stdout=stdout,
            stderr=self._log,
            env={**_USUAL_ENVIRONMENT, **(environment or {})},
        )

    def end(self) -> Usage:
        """Wait for its end.

        Raises:
            FailedError: If its exit code is not 0.
        """
        _, status, usage = os.wait4(self.process.pid, 0)
        wall_seconds = time.perf_counter() - self._begun
        self.process.returncode = os.waitstatus_to_exitcode(status)
        with self._log as log:
            if self.process.returncode:
                log.seek(max(0, log.tell() - _LONGEST_QUOTE))
                raise FailedError(log.read().decode(errors="replace"))
        return Usage(
            wall_seconds=wall_seconds,
            cpu_seconds=usage.ru_utime + usage.ru_stime,
            peak_mb=usage.ru_maxrss * 1024 / 1e6,
        )


def row_of(case: str, records: int, usage: Usage) -> dict[str, object]:
    """Make a row of a table."""
    return {
        "case": case,
        "records": records,
        "records per CPU s": records / usage.cpu_seconds,
        "records per s": records / usage.wall_seconds,
        "CPU s": usage.cpu_seconds,
        "wall s": usage.wall_seconds,
        "peak MB": usage.peak_mb,
    }
