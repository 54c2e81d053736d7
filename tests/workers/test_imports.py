"""What a worker loads before it reads its first page."""

from __future__ import annotations

import subprocess
import sys

# The SDK and what it brings, what columns need, and the engines: each costs a short task more than
# its page, or is not installed where the task runs.
NOT_NEEDED = ("singer_sdk", "joblib", "numpy", "polars", "pyarrow", "pyspark", "pysail", "dask")


def test_importing_the_workers_loads_neither_the_sdk_nor_an_engine() -> None:
    program = (
        "import sys\n"
        "from tap_sfbulk_pages.workers import JobOptions, JobRead, check_records, job_partitions\n"
        "print(*{name.partition('.')[0] for name in sys.modules})"
    )
    run = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, check=True, text=True, timeout=60
    )
    loaded = set(run.stdout.split())
    assert "tap_sfbulk_pages" in loaded
    assert not loaded.intersection(NOT_NEEDED)
