"""Write the tables of this folder's README.md, and the first of the project's, from the results.

Each benchmark has a place of its own between `<!-- name -->` and `<!-- /name -->`.
"""

from __future__ import annotations

import json
from typing import Any

from results import HERE

_README = HERE / "README.md"
_PROJECT_README = HERE.parent / "README.md"
_CHAIN = "whole_chain"
_DATABASES = {"DuckDB": "target-duckdb", "PostgreSQL": "target-postgres"}
_LONGEST_WITHOUT_COMMAS = 4


def main() -> None:
    """Rewrite the READMEs."""
    text = _README.read_text(encoding="utf-8")
    for path in sorted((HERE / "results").glob("*.json")):
        result = json.loads(path.read_text(encoding="utf-8"))
        text = _put(text, path.stem, report(result))
        if path.stem == _CHAIN:
            page = _PROJECT_README.read_text(encoding="utf-8")
            _PROJECT_README.write_text(_put(page, _CHAIN, report_chain(result)), encoding="utf-8")
    _README.write_text(text, encoding="utf-8")


def _put(text: str, name: str, section: str) -> str:
    """Put a section in its place."""
    before, start, rest = text.partition(f"<!-- {name} -->\n")
    _, end, after = rest.partition(f"<!-- /{name} -->")
    return f"{before}{start}{section}{end}{after}"


def report_chain(result: dict[str, Any]) -> str:
    """Make the table that the project's README begins with, from the benchmark of the chain."""
    rows = {row["case"]: row for table in result["tables"].values() for row in table}
    ratios = {ratio["what"]: ratio["value"] for ratio in result["ratios"]}
    databases = [each for each in _DATABASES if f"Arrow into {each}: first load" in rows]

    def speed(case: str) -> str:
        measured = rows[case]["records per s"]
        return f"{float(f'{measured:.3g}'):,.0f}"

    def ratio(what: str, digits: int = 0) -> list[str]:
        names = (f"{each}: {what.format(_DATABASES[each])}" for each in databases)
        return [f"{ratios[name]:.{digits}f}" for name in names]

    cells = {
        "`sfbulk-load`, records per second": [
            speed(f"Arrow into {each}: first load") for each in databases
        ],
        "RECORD lines into target-duckdb, target-postgres": [
            speed(f"RECORD into {_DATABASES[each]}: first load, the target") for each in databases
        ],
        "times as fast": ratio("first load / RECORD into {}"),
        "times as fast where a tenth has changed": ratio("merge / RECORD into {}"),
        "loading alone / bare `read_parquet`, `COPY`": ratio(
            "loading alone / the database itself", 2
        ),
        "peak memory, MB": ratio("peak MB of the loader"),
    }
    lines = [
        f"| {result['parameters']['records']:,} records of 45 columns | {' | '.join(databases)} |",
        f"|---|{'---:|' * len(databases)}",
        *(f"| {what} | {' | '.join(values)} |" for what, values in cells.items()),
    ]
    return "\n".join(lines) + "\n"


def report(result: dict[str, Any]) -> str:
    """Make the section of a benchmark, ratios first."""
    machine = result["machine"]
    parameters = ", ".join(f"{name} {value}" for name, value in result["parameters"].items())
    parts = [
        _table([_ratio_row(ratio) for ratio in result["ratios"]]),
        (
            f"{machine['date']}, {machine['cores']} cores of {machine['processor']}, "
            f"{machine['memory_gb']:.0f} GB, {machine['system']}, Python {machine['python']}, "
            f"Polars {machine['polars']}, load {machine['load_before']} before; {parameters}."
        ),
        *(f"{title}:\n\n{_table(rows)}" for title, rows in result["tables"].items()),
        "\n".join(f"- {note}" for note in result["notes"]),
    ]
    if (HERE / "plots" / f"{result['benchmark']}.svg").exists():
        parts.append(f"![{result['benchmark']}](plots/{result['benchmark']}.svg)")
    return "\n" + "\n\n".join(part for part in parts if part) + "\n\n"


def _ratio_row(ratio: dict[str, Any]) -> dict[str, Any]:
    """Say whether a target is reached."""
    target = ratio["target"]
    row = {"ratio": ratio["what"], "measured": ratio["value"], "target": "", "reached": ""}
    if target is not None:
        is_most = ratio["is_at_most"]
        reached = ratio["value"] <= target if is_most else ratio["value"] >= target
        row["target"] = f"at {'most' if is_most else 'least'} {target:g}"
        row["reached"] = "yes" if reached else "no"
    return row


def _table(rows: list[dict[str, Any]]) -> str:
    """Make a Markdown table; columns that a row lacks are empty."""
    if not rows:
        return ""
    columns = list(dict.fromkeys(name for row in rows for name in row))
    numbers = {
        name for name in columns if any(isinstance(row.get(name), int | float) for row in rows)
    }
    lines = [
        f"| {' | '.join(columns)} |",
        f"|{'|'.join('---:' if name in numbers else '---' for name in columns)}|",
        *(f"| {' | '.join(_cell(row.get(name, '')) for name in columns)} |" for row in rows),
    ]
    return "\n".join(lines)


def _cell(value: Any) -> str:
    if isinstance(value, float) and value < 10**_LONGEST_WITHOUT_COMMAS and value % 1:
        return f"{value:.4g}"
    if isinstance(value, int | float):
        return f"{value:,.0f}"
    return str(value).replace("|", "\\|")


if __name__ == "__main__":
    main()
