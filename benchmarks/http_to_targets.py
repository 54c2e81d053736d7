"""The whole tap: from HTTP to nowhere, to `cat`, to files, to targets, and under Meltano.

The sandbox runs in a process of its own and has made its pages before anything is measured.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from environments import installed
from measuring import Measured, Usage, row_of
from plots import bars
from results import HERE, Ratio, Result, Row, parser, progress
from sandbox_process import Sandbox, tap_config

if TYPE_CHECKING:
    from collections.abc import Sequence

_OBJECT, _EMPTY_OBJECT = "Account", "Empty__c"
_TAP_TITLE = "The tap alone"
_TARGETS_TITLE = "The tap and a target"
_BATCHES = {"arrow": "none", "parquet": "zstd", "jsonl": "gzip"}
_TARGETS = {
    "target-jsonl": ("target-jsonl~=0.1.4",),
    "target-duckdb": ("target-duckdb~=0.8.0", "duckdb>=1.1,<1.3"),
    "target-postgres": ("meltanolabs-target-postgres~=0.8.0",),
}


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, default=1_000_000, help="that the tap reads alone")
    options.add_argument("--page-rows", type=int, default=50_000)
    options.add_argument("--target-records", type=int, default=50_000, help="read into targets")
    options.add_argument("--repeat", type=int, default=3, help="runs a case; the cheapest counts")
    options.add_argument("--postgres-config", type=Path, help="of target-postgres, as JSON")
    options.add_argument("--without-targets", action="store_true")
    chosen = options.parse_args()
    result = Result(
        "http_to_targets",
        {
            "records": chosen.records,
            "page_rows": chosen.page_rows,
            "target_records": chosen.target_records,
            "repeat": chosen.repeat,
        },
    )
    scenario = {"rows": {_OBJECT: chosen.records}, "page_rows": chosen.page_rows}
    with Sandbox(scenario) as sandbox:
        _measure_tap(result, sandbox, chosen.records, chosen.repeat)
    _compare(result, _csv_and_json(chosen.page_rows))
    if not chosen.without_targets:
        with Sandbox({"rows": {_OBJECT: chosen.target_records}, "page_rows": 10_000}) as sandbox:
            _measure_targets(result, sandbox, chosen.target_records, chosen.postgres_config)
    plot = result.save(chosen.output)
    rows = [row for table in result.tables.values() for row in table if row["records"]]
    bars(
        plot,
        "From HTTP to targets",
        "records per second",
        {row["case"]: row["records per s"] for row in rows},
    )


def _measure_tap(result: Result, sandbox: Sandbox, records: int, repeat: int) -> None:
    """Measure the tap with outputs that cost little."""
    progress("warming up the sandbox")
    state = sandbox.warmed_state(_OBJECT)
    rows: list[Row] = []

    def measure(case: str, command: Sequence[str], count: int = records, **rest: Any) -> None:
        progress(case)
        usages = [Measured(command, **rest).end() for _ in range(repeat)]
        rows.append(row_of(case, count, min(usages, key=lambda usage: usage.cpu_seconds)))

    command = sandbox.tap(_OBJECT, state=state)
    measure("to /dev/null", command)
    measure("to /dev/null, one core", command, cores=[min(os.sched_getaffinity(0))])
    with subprocess.Popen(
        ["cat"],  # noqa: S607 - whichever there is
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
    ) as cat:
        measure("to cat", command, stdout=cat.stdin)
        cat.communicate()
    for file_format, compression in _BATCHES.items():
        with tempfile.TemporaryDirectory() as folder:
            config = {
                "encoding": {"format": file_format, "compression": compression},
                "storage": {"root": f"file://{folder}"},
            }
            batches = sandbox.tap(_OBJECT, state=state, batch_config=config)
            measure(f"BATCH, {file_format} ({compression})", batches)
    # No simple one, which would be followed by columns.
    by_rows = {_OBJECT: {"Name": "str(Name)"}}
    measure("row path (stream map)", sandbox.tap(_OBJECT, state=state, stream_maps=by_rows))
    empty = sandbox.tap(_EMPTY_OBJECT, state=sandbox.warmed_state(_EMPTY_OBJECT))
    measure("an empty object", empty, 0)
    measure("an empty object, one core", empty, 0, cores=[min(os.sched_getaffinity(0))])
    result.tables[_TAP_TITLE] = rows


def _csv_and_json(records: int) -> float:
    """Return the records per CPU second of csv + json on a page like the sandbox's."""
    progress("csv + json")
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run([sys.executable, str(HERE / "pages.py"), folder, str(records)], check=True)
        page = str(Path(folder) / "45 columns.csv")
        walker = [sys.executable, str(HERE / "page_paths.py"), "csv_and_json", page, "5"]
        cost: dict[str, Any] = json.loads(subprocess.check_output(walker))
    return float(cost["records"] / cost["cpu_seconds"])


def _compare(result: Result, csv_and_json: float) -> None:
    """Make the ratios."""
    by_case = {row["case"]: row for row in result.tables[_TAP_TITLE]}
    whole, empty = by_case["to /dev/null"], by_case["an empty object"]
    one, empty_one = by_case["to /dev/null, one core"], by_case["an empty object, one core"]
    two_cores = (one["wall s"] - empty_one["wall s"]) / (whole["wall s"] - empty["wall s"])
    lasting = whole["records"] / (whole["CPU s"] - empty["CPU s"])
    speed = {case: row["records per CPU s"] for case, row in by_case.items()}
    result.ratios = [
        Ratio("whole tap / csv + json on a page", speed["to /dev/null"] / csv_and_json, 4.0),
        Ratio("the same without the start of the tap", lasting / csv_and_json),
        Ratio("two cores / one, without the start of the tap", two_cores, 1.6),
        Ratio("block path / row path", speed["to /dev/null"] / speed["row path (stream map)"]),
        Ratio("BATCH arrow / RECORD", speed["BATCH, arrow (none)"] / speed["to /dev/null"]),
    ]
    result.notes = [
        (
            f"csv + json on a page of the same records: {csv_and_json:,.0f} records per CPU s, "
            "without start, HTTP and gzip."
        ),
        "The sandbox runs on the same cores; its processor time is not counted.",
        "Under `meltano run` the processor time is that of Meltano, tap and target together.",
    ]


def _measure_targets(
    result: Result, sandbox: Sandbox, records: int, postgres_config: Path | None
) -> None:
    """Measure the tap in a pipe to each target, then Meltano."""
    sandbox.warmed_state(_OBJECT)
    configs: dict[str, Any] = {
        "target-jsonl": {"destination_path": str(sandbox.folder)},
        "target-duckdb": {
            "filepath": str(sandbox.folder / "warehouse.duckdb"),
            "default_target_schema": "salesforce",
        },
    }
    if postgres_config:
        configs["target-postgres"] = json.loads(postgres_config.read_text(encoding="utf-8"))
    rows: list[Row] = []
    for name, config in configs.items():
        folder = installed(name, *_TARGETS[name])
        progress(name)
        command = [str(folder / name), f"--config={sandbox.write(f'{name}.json', config)}"]
        tap, target = _piped(sandbox.tap(_OBJECT), command)
        rows += [
            row_of(f"to {name}", records, tap),
            row_of(f"{name} itself", records, target),
        ]
    meltano = installed("meltano", "meltano>=4.0,<5")
    progress("meltano run")
    rows.append(row_of("meltano run, target-jsonl", records, _under_meltano(sandbox, meltano)))
    result.tables[_TARGETS_TITLE] = rows


def _piped(tap: Sequence[str], target: Sequence[str]) -> tuple[Usage, Usage]:
    """Run the tap into a target."""
    writer = Measured(tap, stdout=subprocess.PIPE)
    assert writer.process.stdout  # noqa: S101 - a pipe was asked for
    reader = Measured(target, stdin=writer.process.stdout)
    writer.process.stdout.close()
    return writer.end(), reader.end()


def _under_meltano(sandbox: Sandbox, meltano: Path) -> Usage:
    """Run tap and target in a Meltano project made for it; JSON is YAML too."""
    target = installed("target-jsonl", *_TARGETS["target-jsonl"]) / "target-jsonl"
    config = tap_config(sandbox.url, _OBJECT)
    settings = [{"name": name} for name in config if name != "objects"]
    extractor = {
        "name": "tap-sfbulk-pages",
        "namespace": "tap_sfbulk_pages",
        "executable": str(Path(sys.executable).with_name("tap-sfbulk-pages")),
        "capabilities": ["catalog", "state", "discover"],
        "settings": [*settings, {"name": "objects", "kind": "array"}],
        "config": config,
    }
    loader = {
        "name": "target-jsonl",
        "namespace": "target_jsonl",
        "executable": str(target),
        "settings": [{"name": "destination_path"}],
        "config": {"destination_path": str(sandbox.folder)},
    }
    project = {
        "requires_meltano": ">=4.0,<5",
        "default_environment": "benchmark",
        "environments": [{"name": "benchmark"}],
        "project_id": "benchmark",
        "send_anonymous_usage_stats": False,
        "plugins": {"extractors": [extractor], "loaders": [loader]},
    }
    sandbox.write("meltano.yml", project)
    command = [str(meltano / "meltano"), f"--cwd={sandbox.folder}", "--log-level=warning"]
    return Measured([*command, "run", "--force", "tap-sfbulk-pages", "target-jsonl"]).end()


if __name__ == "__main__":
    main()
