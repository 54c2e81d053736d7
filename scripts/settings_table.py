"""Write the settings table of the README from `tap-sfbulk-pages --about`."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
START, END = "<!-- settings -->\n", "<!-- /settings -->"
# The SDK's own settings follow from here, but for the tap's `batch_config`.
_FIRST_OF_THE_SDK = "stream_maps"


def table() -> str:
    """Take the tap's own settings out of what `--about` prints.

    Returns:
        A Markdown table.
    """
    about = subprocess.run(
        [sys.executable, "-m", "tap_sfbulk_pages", "--about", "--format=markdown"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    lines = ["| setting | default | meaning |", "|---|---|---|"]
    for line in about.splitlines():
        cells = [cell.strip() for cell in line.split(" | ")]
        if len(cells) < 4 or cells[0].startswith(("| Setting", "|:")):  # noqa: PLR2004
            continue
        name, _, default, meaning = cells[0].removeprefix("| "), *cells[1:3], " | ".join(cells[3:])
        if name.split(".")[0].startswith(_FIRST_OF_THE_SDK):
            break
        shown = "none" if default == "None" else f"`{default.lower()}`"
        lines.append(f"| `{name}` | {shown} | {meaning.removesuffix('|').strip()} |")
    return "\n".join(lines) + "\n"


def rewritten(readme: str) -> str:
    """Put the table between its marks.

    Args:
        readme: Text of the README.
    """
    before, rest = readme.split(START)
    _, after = rest.split(END)
    return before + START + table() + END + after


if __name__ == "__main__":
    README.write_text(rewritten(README.read_text(encoding="utf-8")), encoding="utf-8")
