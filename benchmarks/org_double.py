"""An org of any size, for what the sandbox would take too long to make: its pages are all the same.

The sandbox answers as Salesforce does and makes real data; this double only feeds the tap, and
costs little itself. It runs in a process of its own (`org_double_server.py`).
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from results import HERE
from sandbox_process import TAP, tap_config

if TYPE_CHECKING:
    from typing_extensions import Self


class OrgDouble:
    """Runs the double, as a context manager.

    Args:
        objects: How many sObjects, `Object0__c` and so on.
        fields: How many fields each has, at least 20.
        pages: How many pages each job has.
        page_records: Different records of a page, about 500 bytes each.
        page_repeats: How often they stand in a page.
        job_seconds: How long a job runs.
    """

    def __init__(
        self,
        *,
        objects: int = 1,
        fields: int = 20,
        pages: int = 1,
        page_records: int = 1000,
        page_repeats: int = 1,
        job_seconds: float = 0.0,
    ) -> None:
        self._parameters = {
            "objects": objects,
            "fields": fields,
            "pages": pages,
            "page_records": page_records,
            "page_repeats": page_repeats,
            "job_seconds": job_seconds,
        }
        self.records = objects * pages * page_records * page_repeats
        self._temporary = tempfile.TemporaryDirectory(prefix="sfbulk-benchmark-")
        self._url = ""

    def __enter__(self) -> Self:
        server = str(HERE / "org_double_server.py")
        self._process = subprocess.Popen(
            [sys.executable, server, json.dumps(self._parameters)],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout  # noqa: S101 - a pipe was asked for
        self._url = self._process.stdout.readline().strip()
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.communicate()
        self._temporary.cleanup()

    def tap(self, *arguments: str, **settings: Any) -> list[str]:
        """Write the tap's config, and return its command."""
        path = Path(self._temporary.name) / "config.json"
        path.write_text(json.dumps(tap_config(self._url, **settings)), encoding="utf-8")
        return [*TAP, f"--config={path}", *arguments]
