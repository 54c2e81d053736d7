"""The scripts in the documentation, to be run word for word."""

from __future__ import annotations

import re
from pathlib import Path

_DOCS = Path(__file__).parents[1] / "docs"


def script(page: str, name: str) -> str:
    """Return the script that a comment on a page names."""
    text = (_DOCS / page).read_text(encoding="utf-8")
    match = re.search(
        rf"<!-- script: {re.escape(name)} -->\n```python\n(.*?)^```", text, re.DOTALL | re.MULTILINE
    )
    assert match, f"{page} has no script {name}"
    return match[1]
