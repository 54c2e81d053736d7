"""Where the sandbox answers otherwise than an org did."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.configuration import ENVIRONMENT_PREFIX
from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.evidence.answers import is_answered

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

# As in an org, jobs take a while.
_SCENARIO = {"rows": {"User": 40}, "polls_until_complete": 2}
_LONGEST_RUN_SECONDS = 300


def record_sandbox(api_version: str) -> dict[str, Any]:
    """Return the evidence that the sandbox gives.

    Args:
        api_version: As `62.0`.

    Raises:
        ExtractionError: If the sandbox is not installed, or does not run.
    """
    with tempfile.TemporaryDirectory() as folder:
        scenario, output = Path(folder, "scenario.json"), Path(folder, "evidence.json")
        scenario.write_text(json.dumps(_SCENARIO), encoding="utf-8")
        inherited = {
            name: text
            for name, text in os.environ.items()
            if not name.startswith(ENVIRONMENT_PREFIX)
        }
        command = ("sfbulk_sandbox", "run", "--scenario", str(scenario), "--", sys.executable, "-m")
        options = ("--config", "ENV", "--output", str(output), "--yes")
        run = subprocess.run(  # noqa: S603 - this program, and the one that it comes with
            [sys.executable, "-m", *command, "tap_sfbulk_pages.evidence.command", *options],
            env={**inherited, f"{ENVIRONMENT_PREFIX}API_VERSION": api_version},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=_LONGEST_RUN_SECONDS,
        )
        if run.returncode:
            *_, last = run.stderr.strip().splitlines() or ["It said nothing."]
            raise ExtractionError(
                f"The sandbox could not be asked: {last} "
                "It comes with pip install 'tap-sfbulk-pages[sandbox]'."
            )
        evidence: dict[str, Any] = json.loads(output.read_text(encoding="utf-8"))
        return evidence


def find_differences(org: Mapping[str, Any], sandbox: Mapping[str, Any]) -> Iterator[str]:
    """Yield a line for each difference between two pieces of evidence.

    What only one of the two was asked, or could answer, is no difference.
    """
    for section in ("replies", "answers"):
        ours, theirs = sandbox.get(section, {}), org.get(section, {})
        for name in (each for each in theirs if each in ours):
            there, here = dict(_leaves(theirs[name])), dict(_leaves(ours[name]))
            if section == "answers" and not (_is_answered(there) and _is_answered(here)):
                continue
            for place in dict.fromkeys([*there, *here]):
                if there.get(place) != here.get(place):
                    where = f"{name}: {place}" if place else name
                    yield (
                        f"{where}: the org has {there.get(place, 'nothing')}, "
                        f"the sandbox {here.get(place, 'nothing')}"
                    )


def _is_answered(leaves: Mapping[str, str]) -> bool:
    return any(map(is_answered, leaves.values()))


def _leaves(value: Any, place: str = "") -> Iterator[tuple[str, str]]:
    """Yield the places in a shape, such as `body.records[].state`, with what stands there."""
    if isinstance(value, dict):
        for key, each in value.items():
            yield from _leaves(each, f"{place}.{key}" if place else key)
    elif isinstance(value, list):
        yield from _leaves(value[0] if value else "no elements", f"{place}[]")
    elif value is not None:
        yield place, str(value)
