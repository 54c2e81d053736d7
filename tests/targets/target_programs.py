"""Meltano and the targets as programs, each in a virtual environment of its own.

Their requirements contradict each other. The environments are made once, with the requirements that
`meltano.yml` names, and kept in `.venv-targets`, or where `SFBULK_TARGET_PROGRAMS` says.
"""

from __future__ import annotations

import os
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
LONGEST_RUN_SECONDS = 600
# Targets that `meltano.yml` does not offer; target-csv reads BATCH files of Parquet with pyarrow.
_OTHER_TARGETS = {
    "target-csv": ["meltanolabs-target-csv~=0.5.0", "pyarrow>=15"],
    "target-snowflake": ["meltanolabs-target-snowflake~=0.20.4"],
    "target-sqlite": ["target-sqlite~=0.2.0"],
}
# As examples/dbt.sh says. dbt-core 1.12 fetches a part of itself from GitHub.
_DBT = ["dbt-duckdb~=1.11.0", "dbt-core~=1.11.0"]


def project() -> dict[str, Any]:
    """Read `meltano.yml`."""
    content: dict[str, Any] = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    return content


class TargetPrograms:
    """Finds programs, and installs those that are missing."""

    def __init__(self) -> None:
        self._folder = Path(os.environ.get("SFBULK_TARGET_PROGRAMS", ROOT / ".venv-targets"))
        self._requirements = {
            loader["name"]: shlex.split(loader["pip_url"])
            for loader in project()["plugins"]["loaders"]
        }
        self._requirements |= _OTHER_TARGETS
        self._requirements["dbt"] = _DBT
        self._requirements["tap-postgres"] = ["meltanolabs-tap-postgres~=0.10.0"]
        self._requirements["meltano"] = [f"meltano{project()['requires_meltano']}"]

    def path(self, name: str) -> Path:
        """Return the path of a program, which is installed if necessary."""
        if name == "sfbulk-load":
            return Path(sys.executable).with_name(name)
        environment = self._folder / name
        command = [str(ROOT / "scripts/environment"), str(environment), *self._requirements[name]]
        subprocess.run(command, check=True, env={**os.environ, "PYTHON": sys.executable})
        return environment / "bin" / name
