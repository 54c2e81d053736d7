"""Write the tables of README.md from the results.

Each benchmark has a place of its own between `<!-- name -->` and `<!-- /name -->`.
"""

from __future__ import annotations

import json
from typing import Any

from results import HERE

_README = HERE / "README.md"
_LONGEST_WITHOUT_COMMAS = 4


def main() -> None:
    """Rewrite the README."""
    text = _README.read_text(encoding="utf-8")
    for path in sorted((HERE / "results").glob("*.json")):
        name = path.stem
        section = report(json.loads(path.read_text(encoding="utf-8")))
        before, start, rest = text.partition(f"<!-- {name} -->\n")
        _, end, after = rest.partition(f"<!-- /{name} -->")
        text = f"{before}{start}{section}{end}{after}"
    _README.write_text(text, encoding="utf-8")


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
