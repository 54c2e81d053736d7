#!/usr/bin/env python3
"""Write the table of faults in docs/faults.md from the results of the fault matrix.

    FAULT_MATRIX_RESULTS=results.json python -m pytest tests/matrix/test_fault_matrix.py
    python scripts/fault_table.py results.json

The table stands between `<!-- faults -->` and `<!-- /faults -->`. With `--check` nothing is
written; the exit code tells whether the page is as the results are.
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from typing import Any

PAGE = Path(__file__).parents[1] / "docs" / "faults.md"
BEGIN, END = "<!-- faults -->\n", "<!-- /faults -->"
PLACES = {
    "token": "token",
    "versions": "versions",
    "sobjects": "objects",
    "composite": "describe",
    "limits": "limits",
    "create": "create",
    "poll": "poll",
    "list_pages": "list of pages",
    "page": "page",
    "serial_page": "page, serial",
    "delete": "delete",
}


def cell(results: list[dict[str, Any]]) -> str:
    """Return the outcomes of a fault's cases at a place: struck once, and permanently."""
    if not results:
        return ""
    words = [
        _word([each["healed"] for each in results if each["permanent"] is permanent])
        for permanent in (False, True)
    ]
    return words[0] if words[0] == words[1] else " / ".join(words)


def _column(result: dict[str, Any]) -> str:
    """Describes are parts of a composite call."""
    place: str = result["place"]
    return "composite" if place == "describe" else place


def _word(healed: list[bool]) -> str:
    if all(healed):
        return "healed"
    return "either" if any(healed) else "reported"


def table(results: list[dict[str, Any]]) -> str:
    """Return the table of all results."""
    rows = list(dict.fromkeys(each["row"] for each in results))
    lines = [
        "| fault | " + " | ".join(PLACES.values()) + " |",
        "|---" * (len(PLACES) + 1) + "|",
    ]
    for row in rows:
        cells = [
            cell([each for each in results if (each["row"], _column(each)) == (row, place)])
            for place in PLACES
        ]
        lines.append(f"| {row} | " + " | ".join(cells) + " |")
    count = f"{len(results)} cases"
    return "\n".join([f"{count}, each struck once / for ever:", "", *lines, ""])


def main() -> int:
    """Rewrite the page, or check it."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("results", type=Path)
    parser.add_argument("--check", action="store_true")
    arguments = parser.parse_args()
    text = PAGE.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        sys.stderr.write(f"docs/faults.md has no place for the table ({BEGIN.strip()} … {END}).\n")
        return 2
    results = json.loads(arguments.results.read_text(encoding="utf-8"))
    made = before + begin + table(results) + end + after
    if arguments.check:
        return int(made != text)
    PAGE.write_text(made, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
