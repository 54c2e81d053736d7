"""Runs Meltano with this project's `meltano.yml` and programs that are already installed."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import yaml
from target_programs import LONGEST_RUN_SECONDS, TargetPrograms, project

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from databases import Database

    from sfbulk_sandbox import SandboxServer

_DYING_PROGRAM = Path(__file__).with_name("dying_program.py")
_TAP = [sys.executable, "-m", "tap_sfbulk_pages"]


@dataclass(frozen=True)
class Death:
    """When a program of a run is killed.

    Attributes:
        of: `tap` or `target`.
        after_states: Once it has written, or has been given, so many STATE messages.
    """

    of: Literal["tap", "target"]
    after_states: int


class MeltanoProject:
    """A copy of the project in which everything is installed.

    Args:
        folder: Where to make it.
        programs: The loaders and Meltano.
    """

    def __init__(self, folder: Path, programs: TargetPrograms) -> None:
        self._folder = folder
        self._programs = programs
        content = project()
        extractor, _ = content["plugins"]["extractors"]
        del extractor["pip_url"]
        extractor["executable"] = str(folder / extractor["name"])
        for loader in content["plugins"]["loaders"]:
            del loader["pip_url"]
            loader["executable"] = str(folder / loader["name"])
        folder.mkdir()
        (folder / "meltano.yml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def run(
        self,
        server: SandboxServer,
        objects: Sequence[str],
        database: Database,
        *options: str,
        death: Death | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> tuple[bool, str]:
        """Run the tap into a database.

        Args:
            server: The sandbox.
            objects: The streams.
            database: Where the target writes.
            options: Of `meltano run`.
            death: Of the tap or the target.
            environment: Further settings of the tap, as environment variables.

        Returns:
            Whether Meltano says that the run was good, and its log.
        """
        with self.start(
            server, objects, database, *options, death=death, environment=environment
        ) as process:
            log, _ = process.communicate(timeout=LONGEST_RUN_SECONDS)
        return process.returncode == 0, log

    def start(
        self,
        server: SandboxServer,
        objects: Sequence[str],
        database: Database,
        *options: str,
        death: Death | None = None,
        environment: Mapping[str, str] | None = None,
    ) -> subprocess.Popen[str]:
        """Begin a run (`run`), in a session of its own, whose log is its output."""
        settings = {
            "TAP_SFBULK_PAGES_INSTANCE_URL": server.url,
            "TAP_SFBULK_PAGES_ACCESS_TOKEN": "00D!token",
            "TAP_SFBULK_PAGES_OBJECTS": json.dumps(objects),
        }
        prefix = database.target.upper().replace("-", "_")
        for name, value in database.config.items():
            text = value if isinstance(value, str) else json.dumps(value)
            settings[f"{prefix}_{name.upper()}"] = text
        self._write_program("tap-sfbulk-pages", "tap", _TAP, death)
        target = str(self._programs.path(database.target))
        self._write_program(database.target, "target", [target], death)
        is_default = database.target == "sfbulk-load"
        what = ["sandbox-to-duckdb"] if is_default else ["tap-sfbulk-pages", database.target]
        return subprocess.Popen(
            [str(self._programs.path("meltano")), "--log-level=warning", "run", *options, *what],
            cwd=self._folder,
            env={**os.environ, **settings, **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def records_before_death(self) -> int:
        """Count the records that a killed tap had written, or a killed target had received."""
        lines = (self._folder / "passed.jsonl").read_bytes().splitlines()
        return sum(json.loads(line)["type"] == "RECORD" for line in lines)

    def _write_program(
        self, name: str, role: str, command: Sequence[str], death: Death | None
    ) -> None:
        """Write the program that Meltano starts; it does not kill discovery."""
        dying = [sys.executable, str(_DYING_PROGRAM), role]
        lines = ["#!/bin/sh", f'exec {shlex.join(command)} "$@"']
        if death and death.of == role:
            killed = shlex.join([*dying, str(death.after_states), *command])
            lines.insert(1, f'case "$*" in *--discover*) ;; *) exec {killed} "$@" ;; esac')
        path = self._folder / name
        path.write_text("\n".join(lines), encoding="utf-8")
        path.chmod(0o700)
