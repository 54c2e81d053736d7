"""Runs Meltano with this project's `meltano.yml` and programs that are installed already."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import yaml
from target_programs import LONGEST_RUN_SECONDS, TargetPrograms, project

if TYPE_CHECKING:
    from collections.abc import Sequence

    from databases import Database

    from tap_sfbulk_pages.sandbox.server import SandboxServer

_TAP = Path(__file__).with_name("dying_tap.py")
_SHELL_SCRIPT = f"""#!/bin/sh
exec '{sys.executable}' '{_TAP}' "$@"
"""


class MeltanoProject:
    """A copy of the project, in which nothing is left to install.

    Args:
        folder: Where to make it.
        programs: The loaders and Meltano.
    """

    def __init__(self, folder: Path, programs: TargetPrograms) -> None:
        self._folder = folder
        self._meltano = programs.path("meltano")
        content = project()
        (extractor,) = content["plugins"]["extractors"]
        del extractor["pip_url"]
        extractor["executable"] = str(folder / "tap")
        for loader in content["plugins"]["loaders"]:
            del loader["pip_url"]
            loader["executable"] = str(programs.path(loader["name"]))
        folder.mkdir()
        (folder / "tap").write_text(_SHELL_SCRIPT, encoding="utf-8")
        (folder / "tap").chmod(0o700)
        (folder / "meltano.yml").write_text(yaml.safe_dump(content), encoding="utf-8")

    def run(
        self,
        server: SandboxServer,
        objects: Sequence[str],
        database: Database,
        *,
        die_after_states: int | None = None,
    ) -> tuple[bool, str]:
        """Run the tap into a database.

        Args:
            server: The sandbox.
            objects: The streams.
            database: Where the target writes.
            die_after_states: The tap is killed once it has written so many STATE messages.

        Returns:
            Whether Meltano says that the run was good, and its log.
        """
        settings = {
            "TAP_SFBULK_PAGES_INSTANCE_URL": server.url,
            "TAP_SFBULK_PAGES_ACCESS_TOKEN": "00D!token",
            "TAP_SFBULK_PAGES_OBJECTS": json.dumps(objects),
        }
        prefix = database.target.upper().replace("-", "_")
        for name, value in database.config.items():
            text = value if isinstance(value, str) else json.dumps(value)
            settings[f"{prefix}_{name.upper()}"] = text
        if die_after_states is not None:
            settings["DIE_AFTER_STATES"] = str(die_after_states)
        is_default = database.target == "target-duckdb"
        what = ["sandbox-to-duckdb"] if is_default else ["tap-sfbulk-pages", database.target]
        run = subprocess.run(
            [str(self._meltano), "--log-level=warning", "run", *what],
            cwd=self._folder,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            check=False,
            timeout=LONGEST_RUN_SECONDS,
        )
        return run.returncode == 0, run.stdout + run.stderr

    def written_before_death(self) -> list[dict[str, object]]:
        """Return the messages that a tap that was killed had written by then."""
        lines = (self._folder / "written.jsonl").read_bytes().splitlines()
        return [json.loads(line) for line in lines]
