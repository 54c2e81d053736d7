"""Write the settings and the command line into the pages of docs/ that are a reference to them."""

from __future__ import annotations

import json
import re
from copy import deepcopy
from importlib import import_module
from pathlib import Path
from typing import Any

import click

from tap_sfbulk_pages.singer.tap import TapSFBulkPages

ROOT = Path(__file__).parents[1]
START, END = "<!-- generated -->\n", "<!-- /generated -->"
_WIDTH = 88


def settings() -> str:
    """Describe each setting that `--about` prints, the SDK's own at the end.

    Returns:
        Markdown with a heading for each setting.
    """
    schema = deepcopy(TapSFBulkPages.config_jsonschema)
    TapSFBulkPages.append_builtin_config(schema)
    return "\n".join(_setting(name, setting) for name, setting in schema["properties"].items())


def _setting(name: str, schema: dict[str, Any]) -> str:
    facts = [" or ".join(each for each in schema["type"] if each != "null")]
    if "default" in schema:
        facts.append(f"default `{json.dumps(schema['default'])}`")
    if schema.get("secret"):
        facts.append("secret")
    lines = [
        f"## {name}",
        "",
        f"{', '.join(facts)}; `TAP_SFBULK_PAGES_{name.upper()}`",
        "",
        _one_line(schema["description"]),
        "",
    ]
    if parts := _parts(schema):
        lines += [*(f"- `{path}`: {meaning}" for path, meaning in parts), ""]
    return "\n".join(lines)


def _parts(schema: dict[str, Any], before: str = "") -> list[tuple[str, str]]:
    """List the properties of an object, or of each object in an array, level by level."""
    described = []
    for name, part in schema.get("items", schema).get("properties", {}).items():
        if "description" in part:
            described.append((before + name, _one_line(part["description"])))
        described += _parts(part, f"{before}{name}.")
    return described


def command_line(width: int = _WIDTH) -> str:
    """Show the help of each command of the package, and of its subcommands.

    Args:
        width: Of the terminal that would show it.

    Returns:
        Markdown with a heading for each command.
    """
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    _, _, scripts = project.partition("[project.scripts]\n")
    shown = []
    for name, module, path in re.findall(r'^([\w-]+) = "([\w.]+):([\w.]+)"', scripts, re.MULTILINE):
        command: Any = import_module(module)
        for part in path.split("."):
            command = getattr(command, part)
        shown += _help(command, name, width)
    return "\n".join(shown)


def _help(command: click.Command, name: str, width: int) -> list[str]:
    with click.Context(command, info_name=name, terminal_width=width) as context:
        text = command.get_help(context)
    shown = [f"## {name}\n\n```text\n{text}\n```\n"]
    if isinstance(command, click.Group):
        for sub_name, sub_command in command.commands.items():
            shown += _help(sub_command, f"{name} {sub_name}", width)
    return shown


def _one_line(text: str) -> str:
    return " ".join(text.split())


PAGES = {"settings.md": settings, "command-line.md": command_line}


def rewritten(page: str, made: str) -> str:
    """Replace the text between the marks.

    Args:
        page: Text of the page.
        made: What belongs there.
    """
    before, rest = page.split(START)
    _, after = rest.split(END)
    return f"{before}{START}\n{made}{END}{after}"


if __name__ == "__main__":
    for file_name, generate in PAGES.items():
        path = ROOT / "docs" / file_name
        path.write_text(rewritten(path.read_text(encoding="utf-8"), generate()), encoding="utf-8")
