"""Write the extractor's settings in meltano.yml from `tap-sfbulk-pages --about`."""

from __future__ import annotations

import json
import subprocess
import sys
import textwrap
from pathlib import Path
from typing import Any

import yaml

PROJECT = Path(__file__).parents[1] / "meltano.yml"
START = "    # settings: written by scripts/meltano_settings.py\n"
END = "    # /settings\n"
_KINDS = {
    "string": "string",
    "boolean": "boolean",
    "integer": "integer",
    "number": "decimal",
    "array": "array",
    "object": "object",
}


def settings() -> str:
    """Turn the settings that `--about` prints into Meltano's.

    Returns:
        YAML, indented as a part of the extractor's definition.
    """
    about = subprocess.run(
        [sys.executable, "-m", "tap_sfbulk_pages", "--about", "--format=json"],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    properties = json.loads(about)["settings"]["properties"]
    definitions = [_setting(name, schema) for name, schema in properties.items()]
    text = yaml.safe_dump({"settings": definitions}, sort_keys=False, allow_unicode=True, width=90)
    return textwrap.indent(text, "    ")


def _setting(name: str, schema: dict[str, Any]) -> dict[str, Any]:
    type_ = next(each for each in schema["type"] if each != "null")
    setting = {
        "name": name,
        "label": schema["title"],
        "kind": "date_iso8601" if schema.get("format") == "date-time" else _KINDS[type_],
        "description": " ".join(schema["description"].split()),
    }
    if schema.get("secret"):
        setting["sensitive"] = True
    if "default" in schema:
        setting["value"] = schema["default"]
    return setting


def rewritten(project: str) -> str:
    """Put the settings between their marks.

    Args:
        project: Text of meltano.yml.
    """
    before, rest = project.split(START)
    _, after = rest.split(END)
    return before + START + settings() + END + after


if __name__ == "__main__":
    PROJECT.write_text(rewritten(PROJECT.read_text(encoding="utf-8")), encoding="utf-8")
