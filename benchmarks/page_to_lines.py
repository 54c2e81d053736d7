"""From one result page to RECORD lines: the tap's block path against others and the bare limits."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from plots import bars
from results import HERE, Ratio, Result, Row, parser, progress

_PAGES = ("20 columns", "45 columns")
_LABELS = {
    "block_path": "block path (count, parse, encode)",
    "block_path_uncounted": "block path without the count",
    "block_path_from_gzip": "block path, page as gzip",
    "block_path_mapped": "block path, one field left out and one hashed, page as gzip",
    "block_path_by_columns": "block path through columns",
    "batch_arrow": "BATCH as Arrow, page as gzip",
    "batch_arrow_lz4": "BATCH as Arrow (lz4), page as gzip",
    "batch_parquet": "BATCH as Parquet, page as gzip",
    "arrow_csv": "bare pyarrow.csv (doubles), Arrow file, page as gzip",
    "write_file": "writing a file alone",
    "pipeline": "pages received and written at once, as gzip",
    "csv_and_json": "csv + json",
    "row_path": "row path, SDK's messages",
    "bare_polars": "bare Polars, by blocks",
    "bare_polars_whole_page": "bare Polars, whole page",
    "parse": "parse alone",
    "scan": "count alone",
    "inflate": "inflate alone",
    "pipe": "pipe alone",
}
_BOTH_CORES = ("pipeline", "bare_polars", "bare_polars_whole_page")


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, default=100_000, help="of each page")
    options.add_argument("--seconds", type=float, default=5.0, help="of processor time a case")
    chosen = options.parse_args()
    result = Result("page_to_lines", {"records": chosen.records, "seconds": chosen.seconds})
    with tempfile.TemporaryDirectory() as folder:
        maker = [sys.executable, str(HERE / "pages.py"), folder, str(chosen.records)]
        subprocess.run(maker, check=True)
        for page in _PAGES:
            path = Path(folder) / f"{page}.csv"
            _measure(result, page, path, chosen.seconds)
    plot = result.save(chosen.output)
    rows = result.tables[_title(_PAGES[0])]
    bars(
        plot,
        "One page of 20 columns to RECORD lines, one core",
        "records per CPU second",
        {
            row["case"]: row["records per CPU s"]
            for row in rows
            if row["cores"] == 1 and not row["case"].endswith("alone")
        },
    )


def _title(page: str) -> str:
    return f"A page of {page}"


def _measure(result: Result, page: str, path: Path, seconds: float) -> None:
    """Walk all ways with one page; ratios are of one core's processor time, but for the last."""
    found = {name: _walked(name, path, seconds, cores=1) for name in _LABELS}
    both = {name: _walked(name, path, seconds, cores=2) for name in _BOTH_CORES}
    speed = {name: row["records per CPU s"] for name, row in found.items()}
    limit = max(speed["bare_polars"], speed["bare_polars_whole_page"])
    result.ratios += [
        Ratio(f"{page}: block path / csv + json", speed["block_path"] / speed["csv_and_json"], 4.0),
        Ratio(f"{page}: block path / row path", speed["block_path"] / speed["row_path"]),
        Ratio(f"{page}: block path / bare Polars", speed["block_path"] / limit, 0.7),
        Ratio(
            f"{page}: block path without the count / bare Polars",
            speed["block_path_uncounted"] / limit,
        ),
        Ratio(
            f"{page}: one field left out and one hashed / RECORD lines, page as gzip",
            speed["block_path_mapped"] / speed["block_path_from_gzip"],
        ),
        Ratio(
            f"{page}: BATCH as Arrow / RECORD lines, page as gzip",
            speed["batch_arrow"] / speed["block_path_from_gzip"],
            1.2,
        ),
        Ratio(
            f"{page}: BATCH as Parquet / RECORD lines, page as gzip",
            speed["batch_parquet"] / speed["block_path_from_gzip"],
            0.65,
        ),
        Ratio(
            f"{page}: pages received and written at once, records per second, two cores / one",
            both["pipeline"]["records per s"] / found["pipeline"]["records per s"],
            1.6,
        ),
    ]
    size = path.stat().st_size / found["block_path"]["records"]
    result.notes.append(f"A record of the page of {page} is {size:.0f} bytes of CSV.")
    result.tables[_title(page)] = [*found.values(), *both.values()]


def _walked(name: str, path: Path, seconds: float, *, cores: int) -> Row:
    progress(f"{path.stem}: {_LABELS[name]}, {cores} core(s)")
    usable = ",".join(map(str, sorted(os.sched_getaffinity(0))[:cores]))
    walk = [sys.executable, str(HERE / "page_paths.py"), name, str(path), str(seconds)]
    environment = {**os.environ, "POLARS_MAX_THREADS": str(cores)}
    output = subprocess.check_output(["taskset", "--cpu-list", usable, *walk], env=environment)  # noqa: S607 - of util-linux
    cost: dict[str, Any] = json.loads(output)
    return {
        "case": _LABELS[name],
        "cores": cores,
        "records": cost["records"],
        "records per CPU s": cost["records"] / cost["cpu_seconds"],
        "records per s": cost["records"] / cost["wall_seconds"],
        "peak MB": cost["peak_mb"],
    }


if __name__ == "__main__":
    main()
