"""`scripts/environment` where not everything is as on most machines."""

from __future__ import annotations

import os
import shutil
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest
from distributions import ROOT, run, succeed

if TYPE_CHECKING:
    from pathlib import Path

PACKAGE = {
    "tiny.py": "",
    "tiny-1.dist-info/METADATA": "Metadata-Version: 2.1\nName: tiny\nVersion: 1\n",
    "tiny-1.dist-info/WHEEL": "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
    "tiny-1.dist-info/RECORD": "",
}


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A folder with the script, and a package to install."""
    (tmp_path / "scripts").mkdir()
    shutil.copy(ROOT / "scripts" / "environment", tmp_path / "scripts")
    with zipfile.ZipFile(tmp_path / "tiny-1-py3-none-any.whl", "w") as wheel:
        for name, content in PACKAGE.items():
            wheel.writestr(name, content)
    uv = tmp_path / ".venv-uv" / "bin" / "uv"
    uv.parent.mkdir(parents=True)
    uv.write_text('#!/bin/sh\necho "$SSL_CERT_FILE" >uv.log\nexit 2\n', encoding="utf-8")
    uv.chmod(0o755)
    return tmp_path


def test_pip_installs_where_uv_fails(project: Path) -> None:
    """In an active environment without pip, such as that of `scripts/test`.

    uv is given the certificates that pip is configured with.
    """
    active = project / "active"
    succeed(sys.executable, "-m", "venv", "--without-pip", active)
    certificates = project / "certificates.pem"
    certificates.touch()
    variables = {
        "PATH": f"{active / 'bin'}{os.pathsep}{os.environ['PATH']}",
        "PIP_CONFIG_FILE": str(project / "pip.conf"),
        "PIP_CERT": str(certificates),
        "SSL_CERT_FILE": "",
        "PYTHON": "python3",
    }
    (project / "pip.conf").write_text(f"[global]\ncert = {certificates}\n", encoding="utf-8")
    package = project / "tiny-1-py3-none-any.whl"
    command: list[str | Path] = [project / "scripts/environment", "made", package]
    made = run(command, folder=project, variables=variables)
    assert made.returncode == 0, made.stderr
    assert "so pip does" in made.stderr
    succeed(project / "made/bin/python", "-c", "import tiny")
    assert (project / "uv.log").read_text(encoding="utf-8").strip() == str(certificates)

    again = run(command, folder=project, variables=variables)
    assert (again.returncode, again.stderr) == (0, "")


def test_a_folder_that_cannot_be_made_is_said_to_be(project: Path) -> None:
    """As in a clone that belongs to somebody else."""
    (project / "taken").touch()
    made = run(
        [project / "scripts/environment", "taken/made", project / "tiny-1-py3-none-any.whl"],
        folder=project,
        variables={"PYTHON": sys.executable},
    )
    assert made.returncode == 1
    assert made.stderr == (
        f"taken/made cannot be made in {project}: clone the repository into a folder of your own.\n"
    )
