"""The steps of the Containerfile without an engine: in environments and folders of their own."""

from __future__ import annotations

import json
import re
import shutil
import sys
from typing import TYPE_CHECKING

from distributions import ROOT, run, succeed, supported_versions

if TYPE_CHECKING:
    from pathlib import Path

    from distributions import Distributions

FILE = ROOT / "Containerfile"


def stages() -> list[list[tuple[str, str]]]:
    """Return the instructions of each stage, the first of which is FROM."""
    lines = FILE.read_text(encoding="utf-8").replace("\\\n", " ").splitlines()
    found: list[list[tuple[str, str]]] = []
    for line in lines:
        name, _, arguments = line.partition(" ")
        if name == "FROM":
            found.append([])
        if name and name != "#":
            found[-1].append((name, " ".join(arguments.split())))
    return found


def commands(stage: list[tuple[str, str]], program: str) -> list[str]:
    """Return the commands with which a stage runs a program."""
    scripts = [re.sub(r"--mount=\S+ ", "", text) for name, text in stage if name == "RUN"]
    every = [command.strip() for script in scripts for command in script.split("&&")]
    return [command for command in every if command.split()[0] == program]


def test_only_the_first_stage_has_a_compiler() -> None:
    build, image = stages()
    (install,) = (each for each in commands(build, "apt-get") if " install " in each)
    assert {"gcc", "git", "libc6-dev"} <= set(install.split())
    assert not commands(image, "apt-get")
    (base,) = {arguments.split()[0] for stage in (build, image) for _, arguments in stage[:1]}
    version = re.fullmatch(r"docker\.io/library/python:(3\.\d+)-slim", base)
    assert version
    assert version[1] in supported_versions()
    assert ("USER", "tap") in image


def test_steps_make_a_tap_that_runs(built: Distributions, tmp_path: Path) -> None:
    build, image = stages()
    # What the image needs is there already, so that pip installs the tap alone.
    python = tmp_path / "image" / "bin" / "python"
    made = run(
        [ROOT / "scripts/environment", tmp_path / "image", "pip", built.wheel],
        variables={"PYTHON": sys.executable},
    )
    assert made.returncode == 0, made.stderr
    succeed(python, "-m", "pip", "uninstall", "--quiet", "--yes", "tap-sfbulk-pages")

    assert ("COPY", ". /source") in build
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()
    names = shutil.ignore_patterns(*(pattern.removeprefix("**/") for pattern in ignored))
    shutil.copytree(ROOT, tmp_path / "source", ignore=names, symlinks=True)

    for stage, variables in ((build, {}), (image, {"CC": "false"})):
        (step,) = commands(stage, "pip")
        ended = run(
            ["bash", "-euc", re.sub(r" /(source|wheels)", rf" {tmp_path}/\1", step)],
            variables={"PATH": f"{python.parent}:/usr/bin:/bin", **variables},
        )
        assert ended.returncode == 0, ended.stdout + ended.stderr
    (entry,) = (json.loads(arguments) for name, arguments in image if name == "ENTRYPOINT")
    told = run([python.parent / entry[0], "--version"], folder=tmp_path)
    assert told.stdout.startswith("tap-sfbulk-pages v"), told.stderr
    loads = (
        "from tap_sfbulk_pages.decoding import compiled; raise SystemExit(not compiled.library())"
    )
    succeed(python, "-c", loads)
