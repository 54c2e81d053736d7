"""One job into Parquet files: Spark with 1 and 2 executors, Sail, Dask, and the tap beside them.

All read the same pages from a double (`org_double.py`) on the same cores; no number is Salesforce's
own speed. Engines are measured twice after their start, since the first reading compiles code; the
tap is measured as a whole command.
"""

from __future__ import annotations

import json
import os
import subprocess
import tempfile
from pathlib import Path

from environments import installed
from measuring import Measured
from org_double import OrgDouble
from pages import page_of_20_columns
from plots import bars
from results import HERE, Ratio, Result, Row, parser, progress
from sandbox_process import TOKEN

# What an org may generate in 24 hours, 1 TB, a second.
_MOST_MB_OF_AN_ORG = 11.6
_ENGINES = {
    "Spark, 1 executor": ("spark", 1),
    "Spark, 2 executors": ("spark", 2),
    "Sail, local": ("sail", 1),
    "Dask, 1 worker": ("dask", 1),
    "Dask, 2 workers": ("dask", 2),
}
_REQUIREMENTS = {
    "spark": ("-e", ".[test-spark]"),
    "sail": ("-e", ".[test-sail]"),
    "dask": ("-e", ".[spark]", "distributed>=2026.1"),
}
_ARROW = "tap, BATCH as Arrow files"
_RECORD = "tap, RECORD lines"


class Double(OrgDouble):
    """The double, read by others than the tap too."""

    @property
    def url(self) -> str:
        """Its address."""
        return self._url


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    options.add_argument("--pages", type=int, default=20)
    options.add_argument("--page-records", type=int, default=50_000)
    chosen = options.parse_args()
    parameters = {name: value for name, value in vars(chosen).items() if name != "output"}
    result = Result("spark_lanes", parameters)
    different = 1_000
    bytes_a_record = len(page_of_20_columns(different)) / different
    double = Double(
        pages=chosen.pages, page_records=different, page_repeats=chosen.page_records // different
    )
    with double:
        rows = [
            *_taps(double),
            *(_engine(double, case, *how) for case, how in _ENGINES.items()),
        ]
    for row in rows:
        row["MB per s"] = row["records per s"] * bytes_a_record / 1e6
    result.tables["One job into files"] = rows
    speeds = {row["case"]: row["records per s"] for row in rows}
    megabytes = {row["case"]: row["MB per s"] for row in rows}
    result.ratios = [
        Ratio(
            f"{_ARROW}: MB per s / the most that an org may generate",
            megabytes[_ARROW] / _MOST_MB_OF_AN_ORG,
        ),
        Ratio(f"{_ARROW} / {_RECORD}", speeds[_ARROW] / speeds[_RECORD]),
        Ratio(
            "Spark, 2 executors / 1 executor",
            speeds["Spark, 2 executors"] / speeds["Spark, 1 executor"],
        ),
        Ratio(f"Spark, 2 executors / {_RECORD}", speeds["Spark, 2 executors"] / speeds[_RECORD]),
        Ratio(f"Sail, local / {_RECORD}", speeds["Sail, local"] / speeds[_RECORD]),
    ]
    result.notes = [
        "Engines: the second reading after their start; the tap: the whole command.",
        "MB are those of the CSV before compression.",
    ]
    plot = result.save(chosen.output)
    bars(plot, f"One job of {double.records:,} records into files", "records per s", speeds)


def _taps(double: Double) -> list[Row]:
    """Measure the tap: RECORD lines to nowhere, and Arrow files."""
    rows: list[Row] = []
    with tempfile.TemporaryDirectory() as folder:
        batches = {"encoding": {"format": "arrow"}, "storage": {"root": f"file://{folder}"}}
        for case, command in (
            (_RECORD, double.tap()),
            (_ARROW, double.tap(batch_config=batches)),
        ):
            progress(case)
            seconds = Measured(command).end().wall_seconds
            rows.append(_row(case, double.records, seconds))
    return rows


def _engine(double: Double, case: str, engine: str, workers: int) -> Row:
    """Measure an engine in an environment of its own."""
    python = installed(engine, *_REQUIREMENTS[engine]) / "python"
    progress(case)
    with tempfile.TemporaryDirectory() as folder:
        command = [
            str(python),
            str(HERE / "spark_lane_run.py"),
            engine,
            str(workers),
            double.url,
            "Object0__c",
            str(Path(folder) / "table"),
        ]
        found = json.loads(
            subprocess.run(
                command,
                check=True,
                stdout=subprocess.PIPE,
                env={
                    **os.environ,
                    "TAP_SFBULK_PAGES_ACCESS_TOKEN": TOKEN,
                    "PYSPARK_PYTHON": str(python),
                    "SPARK_LOCAL_IP": "127.0.0.1",
                    "TMPDIR": folder,
                },
            ).stdout
        )
    if found["records"] != double.records:
        raise RuntimeError(f"{case}: {found['records']} records instead of {double.records}")
    first, second = found["readings"]
    return {
        **_row(case, double.records, second),
        "start s": found["start"],
        "first reading s": first,
    }


def _row(case: str, records: int, seconds: float) -> Row:
    return {"case": case, "records": records, "records per s": records / seconds, "s": seconds}


if __name__ == "__main__":
    main()
