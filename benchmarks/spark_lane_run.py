"""One engine reads a job into Parquet files, twice; run by `spark_lanes.py`.

`spark_lane_run.py ENGINE WORKERS URL OBJECT FOLDER` prints JSON: how long the engine took to start,
how long each reading took, and how many records the files of the last one hold.
"""

from __future__ import annotations

import json
import os
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq

from tap_sfbulk_pages.workers.options import JobOptions
from tap_sfbulk_pages.workers.partitions import JobPartition, JobRead, job_partitions

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from pyspark.sql import SparkSession

    Reading = Callable[[], None]

_READINGS = 2
_EXECUTOR_MB = 1024


@contextmanager
def spark(workers: int, options: Mapping[str, str], folder: Path) -> Iterator[Reading]:
    """Start Spark with executors of one core each."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - each engine has its own environment

    session = (
        SparkSession.builder.master(f"local-cluster[{workers},1,{_EXECUTOR_MB}]")
        .config("spark.executor.memory", f"{_EXECUTOR_MB}m")
        .config("spark.ui.enabled", "false")
        .config("spark.ui.showConsoleProgress", "false")
        .getOrCreate()
    )
    session.sparkContext.setLogLevel("ERROR")
    yield lambda: _to_parquet(session, options, folder)
    session.stop()


@contextmanager
def sail(_: int, options: Mapping[str, str], folder: Path) -> Iterator[Reading]:
    """Start Sail inside this process, with a thread for each core."""
    from pysail.spark import SparkConnectServer  # noqa: PLC0415 - as above
    from pyspark.sql import SparkSession  # noqa: PLC0415

    from tap_sfbulk_pages.workers.spark_source import SFBulkDataSource  # noqa: PLC0415

    server = SparkConnectServer()
    server.start()
    session = SparkSession.builder.remote(f"sc://127.0.0.1:{server.listening_address[1]}").create()
    session.dataSource.register(SFBulkDataSource)
    yield lambda: _to_parquet(session, options, folder)
    session.stop()
    server.stop()


def _to_parquet(session: SparkSession, options: Mapping[str, str], folder: Path) -> None:
    frame = session.read.format("sfbulk").options(**options).load()
    frame.write.mode("overwrite").parquet(str(folder))


@contextmanager
def dask(workers: int, options: Mapping[str, str], folder: Path) -> Iterator[Reading]:
    """Start Dask with processes of one thread each."""
    from distributed import Client  # noqa: PLC0415 - as above

    parsed = JobOptions.parse(options)
    read = JobRead(parsed.access, parsed.properties())
    folder.mkdir()

    def write(numbered: tuple[int, JobPartition]) -> None:
        number, partition = numbered
        with pq.ParquetWriter(folder / f"{number}.parquet", read.schema) as writer:
            for batch in read.batches(partition):
                writer.write_batch(batch)

    def reading() -> None:
        job = parsed.job(list(read.properties))
        parts = list(enumerate(job_partitions(parsed.access.org(), job)))
        client.gather(client.map(write, parts, pure=False))

    with Client(n_workers=workers, threads_per_worker=1, dashboard_address=None) as client:  # type: ignore[no-untyped-call]
        yield reading


def main() -> None:
    """Measure one engine."""
    engine, workers, url, sobject, folder = sys.argv[1:]
    options = {"instance_url": url, "object": sobject}
    # Engines and their workers print what they like.
    findings = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    begun = time.perf_counter()
    start = {"spark": spark, "sail": sail, "dask": dask}[engine]
    with start(int(workers), options, Path(folder)) as reading:
        seconds = [time.perf_counter() - begun]
        for _ in range(_READINGS):
            begun = time.perf_counter()
            reading()
            seconds.append(time.perf_counter() - begun)
    records = sum(pq.read_metadata(path).num_rows for path in Path(folder).glob("*.parquet"))
    json.dump({"start": seconds[0], "readings": seconds[1:], "records": records}, findings)
    findings.close()


if __name__ == "__main__":
    pa.set_cpu_count(1)
    main()
