"""One of the engines, and its executors."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pyspark.sql import DataFrame, SparkSession
    from pyspark.sql.types import StructType

    from sfbulk_sandbox import SandboxServer

SECRET = "a secret to be kept"
_EXECUTOR = b"CoarseGrainedExecutorBackend"


@dataclass(frozen=True)
class Lane:
    """An engine.

    Attributes:
        session: Its session.
        name: `sail` or `spark`.
        remote: Where other processes find it; None for an engine inside this one.
        event_log: The folder that Spark writes down in what it does; None for Sail.
    """

    session: SparkSession
    name: str
    remote: str | None = None
    event_log: Path | None = None

    def load(
        self, server: SandboxServer, schema: StructType | str | None = None, **options: str
    ) -> DataFrame:
        """Read from a sandbox."""
        if self.remote is not None:
            # Spark finds the format by itself.
            source = pytest.importorskip("tap_sfbulk_pages.workers.spark_source").SFBulkDataSource
            self.session.dataSource.register(source)
        reader = self.session.read.format("sfbulk").option("instance_url", server.url)
        if schema is not None:
            reader = reader.schema(schema)
        return reader.options(**options).load()

    def records(self, frame: DataFrame) -> list[dict[str, Any]]:
        """Collect all rows, datetimes with their time zone."""
        records: list[dict[str, Any]] = frame.toArrow().to_pylist()
        return records


def executor_processes() -> list[int]:
    """Return the executors that descend from this process."""
    return [each for each in descendants(os.getpid()) if _EXECUTOR in _read(each, "cmdline")]


def descendants(ancestor: int) -> list[int]:
    """Return the processes that descend from a process."""
    processes = (int(each.name) for each in Path("/proc").iterdir() if each.name.isdigit())
    return [each for each in processes if _descends(each, ancestor)]


def _descends(process: int, ancestor: int) -> bool:
    while process > 1:
        status = _read(process, "stat").rpartition(b")")[2].split()
        if not status:
            return False
        process = int(status[1])
        if process == ancestor:
            return True
    return False


def _read(process: int, name: str) -> bytes:
    try:
        return Path(f"/proc/{process}/{name}").read_bytes()
    except OSError:
        return b""
