"""What users install: wheel and sdist, and environments of each Python with the wheel in it."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

ROOT = Path(__file__).parents[2]
# Far longer than a busy machine takes.
LONGEST_RUN_SECONDS = 1200
# What the log says where the compiled code does not load.
SLOWER_CODE = "slower code"
# With these, code of this checkout could be found instead of the wheel's.
_OF_THIS_RUN = ("PYTHONPATH", "MYPYPATH", "VIRTUAL_ENV")


def run(
    command: Iterable[str | Path],
    *,
    folder: Path | None = None,
    variables: Mapping[str, str] | None = None,
) -> subprocess.CompletedProcess[str]:
    """Run a command to its end, successful or not.

    Args:
        command: Program and arguments.
        folder: The current folder; None for this one.
        variables: Environment variables beside those that are set, without those that lead to
            this checkout.
    """
    kept = {name: value for name, value in os.environ.items() if name not in _OF_THIS_RUN}
    return subprocess.run(
        [str(each) for each in command],
        cwd=folder,
        env={**kept, **(variables or {})},
        capture_output=True,
        text=True,
        check=False,
        timeout=LONGEST_RUN_SECONDS,
    )


def succeed(*command: str | Path) -> None:
    """Run a command that must succeed."""
    ended = run(command)
    assert ended.returncode == 0, ended.stdout + ended.stderr


def read_a_sandbox(programs: Path, folder: Path) -> str:
    """Read 25 records with the tap and the sandbox of an environment.

    Args:
        programs: The folder of its programs.
        folder: The current folder.

    Returns:
        The log.
    """
    scenario = folder / "scenario.yaml"
    scenario.write_text("{rows: {Account: 25}, page_rows: 10}", encoding="utf-8")
    tap = programs / "tap-sfbulk-pages"
    read = run(
        [programs / "sfbulk-sandbox", "run", "--scenario", scenario, "--", tap, "--config=ENV"],
        folder=folder,
        variables={"TAP_SFBULK_PAGES_OBJECTS": '["Account"]'},
    )
    assert read.returncode == 0, read.stderr
    types = [json.loads(line)["type"] for line in read.stdout.splitlines()]
    assert types.count("RECORD") == 25
    assert types[-1] == "STATE"
    return read.stderr


@dataclass(frozen=True)
class Distributions:
    """The built distributions.

    Attributes:
        sdist: The source distribution.
        wheel: The wheel, made from it.
    """

    sdist: Path
    wheel: Path

    @classmethod
    def build(cls, builder: Path, folder: Path) -> Distributions:
        """Build the source distribution, and the wheel from that alone.

        Args:
            builder: A Python with nothing but what building takes (`install_builder`).
            folder: Where to.
        """
        succeed(builder, "-m", "build", "--no-isolation", "--outdir", folder, ROOT)
        (sdist,), (wheel,) = folder.glob("*.tar.gz"), folder.glob("*.whl")
        return cls(sdist, wheel)


def install_builder(folder: Path) -> Path:
    """Install what `pyproject.toml` wants for building, and return the Python that has it."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    (line,) = re.findall(r"^requires = \[(.*)\]$", text, re.MULTILINE)
    wanted = re.findall(r'"([^"]+)"', line)
    made = run(
        [ROOT / "scripts/environment", folder / "environment", "build", *wanted],
        variables={"PYTHON": sys.executable},
    )
    assert made.returncode == 0, made.stderr
    return folder / "environment" / "bin" / "python"


def supported_versions() -> list[str]:
    """Return the Pythons that the classifiers name."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'"Programming Language :: Python :: (3\.\d+)"', text)


def interpreters() -> dict[str, Path]:
    """Find the supported Pythons on this machine: this one, in the PATH, or from pyenv."""
    found: dict[str, Path] = {}
    pyenv = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv")) / "versions"
    for version in supported_versions():
        in_path = shutil.which(f"python{version}")
        candidates: list[str | Path] = [
            sys.executable,
            *([in_path] if in_path else []),
            *sorted(pyenv.glob(f"{version}.*/bin/python{version}")),
        ]
        for candidate in candidates:
            asked = run([candidate, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"])
            if asked.stdout.strip() == version:
                found[version] = Path(candidate)
                break
    return found


class WheelEnvironments:
    """An environment of each Python with the wheel installed.

    Args:
        wheel: The wheel.
        folder: Where they are made.
    """

    def __init__(self, wheel: Path, folder: Path) -> None:
        self._folder = folder
        for version, python in interpreters().items():
            made = run(
                [ROOT / "scripts/environment", folder / version, "pip", f"{wheel}[sandbox]"],
                variables={"PYTHON": str(python)},
            )
            assert made.returncode == 0, made.stderr

    def program(self, version: str, name: str) -> Path:
        """Return the path of a program in the environment of a Python."""
        return self._folder / version / "bin" / name
