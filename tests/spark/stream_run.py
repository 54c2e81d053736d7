"""A run of a stream; as a program, in a driver of its own: `stream_run.py URL FOLDER`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pyspark.sql import SparkSession

FIELDS = ["Id", "Name", "SystemModstamp"]
# A quick start is worth more to a test than fast code.
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


def read_available(session: SparkSession, url: str, folder: Path) -> None:
    """Read what is there into a folder of Parquet files, beside the checkpoint."""
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
    """Run it in a session of its own."""
    from pyspark.sql import SparkSession  # noqa: PLC0415 - elsewhere the session is given

    session = SparkSession.builder.master("local[2]").config(map=QUICK_START).getOrCreate()
    read_available(session, sys.argv[1], Path(sys.argv[2]))


if __name__ == "__main__":
    main()
