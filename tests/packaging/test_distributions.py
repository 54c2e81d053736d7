"""The wheel on every supported Python that is here, and what is in it and in the sdist."""

from __future__ import annotations

import json
import re
import sys
import tarfile
import zipfile
from typing import TYPE_CHECKING

import pytest
from distributions import (
    ROOT,
    SLOWER_CODE,
    interpreters,
    read_a_sandbox,
    run,
    supported_versions,
)

if TYPE_CHECKING:
    from pathlib import Path

    from distributions import Distributions, WheelEnvironments

THIS_PYTHON = f"{sys.version_info.major}.{sys.version_info.minor}"
EVERY_PYTHON = pytest.mark.parametrize("version", interpreters())

LIBRARY = re.compile(r"tap_sfbulk_pages/decoding/libsfbulk-[0-9a-f]{12}\.so")
ANY_LIBRARY = re.compile(r".*\.(so|dll|dylib|pyd)")
USER_CODE = """\
from tap_sfbulk_pages.errors import SettingsError

reveal_type(SettingsError("wrong").errors)
first: int = SettingsError("wrong").errors[0]
"""


def test_this_python_is_among_them() -> None:
    assert THIS_PYTHON in interpreters()


@EVERY_PYTHON
def test_wheel_runs(installed: WheelEnvironments, version: str, tmp_path: Path) -> None:
    tap = installed.program(version, "tap-sfbulk-pages")
    about = run([tap, "--about", "--format=json"], folder=tmp_path)
    assert about.returncode == 0, about.stderr
    told = json.loads(about.stdout)
    assert told["supported_python_versions"] == supported_versions()

    asked = run([tap, "--version"], folder=tmp_path)
    assert asked.stdout.startswith(f"tap-sfbulk-pages v{told['version']},")
    assert asked.returncode == 0, asked.stderr

    log = read_a_sandbox(tap.parent, tmp_path)
    assert SLOWER_CODE not in log


@pytest.mark.parametrize("variables", [{"CC": "false"}, {"CC": "'"}, {"PATH": ""}])
def test_without_a_compiler_the_wheel_is_for_every_platform(
    built: Distributions, builder: Path, variables: dict[str, str], tmp_path: Path
) -> None:
    with tarfile.open(built.sdist) as sdist:
        sdist.extractall(tmp_path)  # noqa: S202 - our own
    (source,) = tmp_path.iterdir()
    made = run(
        [builder, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, source],
        variables=variables,
    )
    assert made.returncode == 0, made.stdout + made.stderr
    assert "will decode pages the slower way" in made.stderr
    (wheel,) = tmp_path.glob("*-py3-none-any.whl")
    with zipfile.ZipFile(wheel) as archive:
        assert not any(map(LIBRARY.fullmatch, archive.namelist()))


def test_types_of_the_wheel_reach_its_users(installed: WheelEnvironments, tmp_path: Path) -> None:
    (tmp_path / "user_code.py").write_text(USER_CODE, encoding="utf-8")
    python = installed.program(THIS_PYTHON, "python")
    checked = run(
        [sys.executable, "-m", "mypy", "--strict", f"--python-executable={python}", "user_code.py"],
        folder=tmp_path,
    )
    revealed, error, _ = checked.stdout.splitlines()
    assert '"tuple[str, ...]"' in revealed
    assert 'has type "str", variable has type "int"' in error


def test_wheel_holds_the_package_and_nothing_else(built: Distributions) -> None:
    with zipfile.ZipFile(built.wheel) as wheel:
        names = wheel.namelist()
    tops = {name.split("/")[0] for name in names}
    assert {name for name in tops if not name.endswith(".dist-info")} == {
        "tap_sfbulk_pages",
        "sfbulk_sandbox",
        "pyspark_sfbulk.py",
    }
    assert "tap_sfbulk_pages/py.typed" in names
    (library,) = filter(ANY_LIBRARY.fullmatch, names)
    assert LIBRARY.fullmatch(library)
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    modules = {
        str(path.relative_to(ROOT))
        for path in (*ROOT.glob("tap_sfbulk_pages/**/*.py"), *ROOT.glob("sfbulk_sandbox/**/*.py"))
    }
    assert modules <= set(names)


def test_sdist_holds_what_building_testing_and_reading_need(built: Distributions) -> None:
    with tarfile.open(built.sdist) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert {
        "ARCHITECTURE.md",
        "CHANGELOG.md",
        "CONTRIBUTING.md",
        "LICENSE",
        "README.md",
        "docs/index.md",
        "examples/README.md",
        "meltano.yml",
        "mkdocs.yml",
        "hatch_build.py",
        "pyproject.toml",
        "scripts/test",
        "tap_sfbulk_pages/decoding/fast_lines.c",
        "tests/conftest.py",
    } <= names
    assert not any(map(ANY_LIBRARY.fullmatch, names))


def test_library_of_unknown_origin_is_never_packed(
    built: Distributions, builder: Path, tmp_path: Path
) -> None:
    """Even under the name of what is compiled, which `CFLAGS` shows to be compiled anew."""
    with tarfile.open(built.sdist) as sdist:
        sdist.extractall(tmp_path)  # noqa: S202 - our own
    (source,) = tmp_path.iterdir()
    with zipfile.ZipFile(built.wheel) as wheel:
        (name,) = filter(LIBRARY.fullmatch, wheel.namelist())
    for place in (name, "tap_sfbulk_pages/libother.dll", "sfbulk_sandbox/other.dylib"):
        (source / place).write_bytes(b"of unknown origin")
    made = run(
        [builder, "-m", "build", "--no-isolation", "--wheel", "--outdir", tmp_path, source],
        variables={"CFLAGS": "-Dsfbulk_free=sfbulk_marker"},
    )
    assert made.returncode == 0, made.stdout + made.stderr
    (path,) = tmp_path.glob("*.whl")
    with zipfile.ZipFile(path) as wheel:
        assert [each for each in wheel.namelist() if ANY_LIBRARY.fullmatch(each)] == [name]
        assert b"sfbulk_marker" in wheel.read(name)
