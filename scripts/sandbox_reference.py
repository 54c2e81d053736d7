"""Write the tables of docs/sandbox.md from the sandbox's own definitions."""

from __future__ import annotations

import dataclasses
import inspect
import re
from pathlib import Path

from sfbulk_sandbox.faults.kinds import KINDS
from sfbulk_sandbox.faults.refusals import Status
from sfbulk_sandbox.routes import UNANSWERED
from sfbulk_sandbox.scenario import Scenario
from sfbulk_sandbox.soql.unsupported import UNSUPPORTED

PAGE = Path(__file__).parents[1] / "docs" / "sandbox.md"


def scenario_table() -> str:
    """List the keys of a scenario file with their defaults and meanings."""
    meanings = _arguments(Scenario)
    lines = ["| key | default | meaning |", "|---|---|---|"]
    for field in dataclasses.fields(Scenario):
        default = _default(field) if field.name != "api_versions" else "31.0 to 67.0"
        lines.append(f"| `{field.name}` | {default} | {meanings[field.name]} |")
    return "\n".join(lines) + "\n"


def fault_table() -> str:
    """List the kinds of faults with their places and parameters."""
    lines = ["| kind | places | what happens | parameters |", "|---|---|---|---|"]
    every_place = Status.places
    for name, kind in KINDS.items():
        told = _one_line(inspect.getdoc(kind) or "").split(" Args:")[0]
        parameters = ", ".join(
            f"`{field.name}` ({_default(field)})"
            for field in dataclasses.fields(kind)  # type: ignore[arg-type]  # each is one
            if field.init
        )
        places = "any" if kind.places == every_place else ", ".join(sorted(kind.places))
        lines.append(f"| `{name}` | {places} | {told} | {parameters} |")
    return "\n".join(lines) + "\n"


def unsupported_list() -> str:
    """List the SOQL that Salesforce answers and the sandbox does not."""
    return "".join(f"- {_mark_words(name)}\n" for name in UNSUPPORTED)


def rewritten(page: str) -> str:
    """Put the tables between their marks.

    Args:
        page: Text of the page.
    """
    for mark, table in (
        ("scenario", scenario_table()),
        ("faults", fault_table()),
        ("unsupported", unsupported_list()),
        ("unanswered", unanswered_list()),
    ):
        before, rest = page.split(f"<!-- {mark} -->\n")
        _, after = rest.split(f"<!-- /{mark} -->")
        page = f"{before}<!-- {mark} -->\n{table}<!-- /{mark} -->{after}"
    return page


def _default(field: dataclasses.Field[object]) -> str:
    value = field.default
    if value is dataclasses.MISSING:
        return "none"
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        shown = ", ".join(f"{key}: {one}" for key, one in dataclasses.asdict(value).items())
        return f"`{{{shown}}}`"
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    return "none" if value in (None, ()) else f"`{value}`"


def _arguments(described: type) -> dict[str, str]:
    text = (inspect.getdoc(described) or "").split("Args:\n")[1]
    entries = re.findall(r"^ {4}(\w+): (.*(?:\n {8}.*)*)", text, flags=re.MULTILINE)
    return {name: _one_line(meaning) for name, meaning in entries}


def unanswered_list() -> str:
    """List the resources that Salesforce has and the sandbox has not."""
    return ", ".join(f"`{name}`" for name in UNANSWERED) + "\n"


def _mark_words(text: str) -> str:
    """Set words in capitals and functions as code."""
    return re.sub(r"[A-Za-z]+\(\)|[A-Z]{3,}\d*(?: [A-Z]{3,})*", r"`\g<0>`", text)


def _one_line(text: str) -> str:
    return " ".join(text.replace("``", "`").split()).replace("|", "\\|")


if __name__ == "__main__":
    PAGE.write_text(rewritten(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
