"""A run of a stream. As a program, it has its own driver: `stream_run.py URL FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FIELDS = ["Id", "Name", "SystemModstamp"]
# For a test, a quick start matters more than fast code.
JAVA_OPTIONS = "-XX:TieredStopAtLevel=1 -XX:+UseSerialGC"
QUICK_START = {
    "spark.driver.extraJavaOptions": JAVA_OPTIONS,
    "spark.driver.bindAddress": "127.0.0.1",
    "spark.driver.host": "127.0.0.1",
    "spark.sql.codegen.wholeStage": "false",
    "spark.sql.shuffle.partitions": "2",
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
}


# Spark gives the process that plans a stream ten seconds to start, which a busy machine may exceed.
_SLOW_START = "Python worker failed to connect back"
_STARTS = 3


def read_available(session: SparkSession, url: str, folder: Path) -> None:
    """Read what there is into a folder of Parquet files, next to the checkpoint."""
    for start in range(1, _STARTS + 1):
        if _has_run(session, url, folder, is_last_try=start == _STARTS):
            return


def _has_run(session: SparkSession, url: str, folder: Path, *, is_last_try: bool) -> bool:
    try:
        _run(session, url, folder)
    except Exception as error:
        if is_last_try or _SLOW_START not in str(error):
            raise
        return False
    return True


def _run(session: SparkSession, url: str, folder: Path) -> None:
    stream = (
        session.readStream.format("sfbulk")
        .option("instance_url", url)
        .option("object", "Account")
        .option("fields", ",".join(FIELDS))
        .option("pages_per_batch", "5")
        .load()
    )
    query = (
        stream.writeStream.format("parquet")
        .option("path", str(folder / "table"))
        .option("checkpointLocation", str(folder / "checkpoint"))
        .trigger(availableNow=True)
        .start()
    )
    query.awaitTermination()


def main() -> None:
    """Run it in its own session."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - elsewhere the session is given

    session = SparkSession.builder.master("local[2]").config(map=QUICK_START).getOrCreate()
    read_available(session, sys.argv[1], Path(sys.argv[2]))


if __name__ == "__main__":
    main()
