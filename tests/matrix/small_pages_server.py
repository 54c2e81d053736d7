"""`tap_server.py` with serial pages as small as the others of the matrix.

A program of its own, started by `fault_runs.py`.
"""

from __future__ import annotations

import atexit
import resource
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import tap_server

from tap_sfbulk_pages.jobs import serial_pages

serial_pages.RECORDS_A_PAGE_IN_SERIES = 3


def _tell_peak_memory() -> None:
    """Append the run's peak memory, in kilobytes, to its log."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    sys.stderr.write(f"peak memory {peak}\n")


if __name__ == "__main__":
    atexit.register(_tell_peak_memory)
    # The peak is to be that of an ordinary run.
    tap_server.main(with_arrow=False)
