"""The wheels for all platforms: what they contain, and their code run where an emulator can."""

from __future__ import annotations

import hashlib
import os
import platform
import re
import shutil
import subprocess
import sys
import zipfile
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from distributions import LONGEST_RUN_SECONDS, ROOT, SLOWER_CODE, read_a_sandbox, run, succeed

if TYPE_CHECKING:
    from collections.abc import Sequence

DRIVER = Path(__file__).with_name("decode_blocks.c")
SOURCES = sorted((ROOT / "tap_sfbulk_pages" / "decoding").glob("*.c"))
ENVIRONMENT = ROOT / ".venv-wheels"
# Its library is its loader, too. `scripts/test` unpacks it.
MUSL = str(next((ROOT / ".venv-musl").rglob("libc.so"), "musl"))
# Debian's package wine64 puts its program here. `scripts/test` leaves it out: it takes 700 MB.
WINE = next(filter(shutil.which, ("/usr/lib/wine/wine64", "wine64", "wine")), "wine64")

PLAIN = (
    '"Münch ""& Söhne""","true","12.0","1234.5600","2024-02-29","2026-01-31T12:30:45.123Z"\n'
    '"","false","-9007199254740993","-1e-18","0001-01-01","1969-12-31T23:59:59.999Z"\n'
    '"line\nend, {long}\0\t","","","1e3","9999-12-31",""\n'
    ',"true","999999999999999999","9999999999999999999","","2026-02-01T00:00:00.000Z"\n'
)
BLOCKS = (
    PLAIN.replace("{long}", "東京" * 100),
    PLAIN.replace("{long}", "x") * 500,
    PLAIN.replace("9999999999999999999", "1.5"),
    '"an open quote","true","1","1","2024-02-29","2026-01-31T12:30:45.123Z\n',
    '"no date","true","1","1","2023-02-29","2026-01-31T12:30:45.123Z"\n',
    '"not plain",true,"1","1","2024-02-29","2026-01-31T12:30:45.123Z"\n',
)


class Wheels:
    """The wheels of one run of `scripts/wheels`.

    Args:
        folder: Where they are.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._libraries = folder / "libraries"
        self._blocks = folder / "blocks"
        self._blocks.mkdir()
        for number, block in enumerate(BLOCKS):
            (self._blocks / str(number)).write_bytes(block.encode())
        # Not UTF-8.
        (self._blocks / "last").write_bytes(b'"a","\xff"\n')

    def named(self, platform: str) -> Path:
        """Return the wheel with this platform first in its name."""
        (wheel,) = self._folder.glob(f"*-py3-none-{platform}*.whl")
        return wheel

    def library(self, platform: str) -> Path:
        """Unpack the compiled code of a wheel."""
        with zipfile.ZipFile(self.named(platform)) as wheel:
            (name,) = (each for each in wheel.namelist() if each.endswith((".so", ".dll")))
            return Path(wheel.extract(name, self._libraries / platform))

    def output(self, target: str, code: Sequence[Path], emulator: Sequence[str] = ()) -> str:
        """Compile the driver with code for one of Zig's targets, and return what it prints."""
        # Windows runs nothing without this suffix, and finds a library in the program's folder.
        program = self._folder / f"decode-{target}-{code[0].suffix[1:]}.exe"
        found = (f"-Wl,-rpath,{code[0].parent}",) if code[0].suffix != ".dll" else ()
        options = ("-target", target, "-O2", *found, "-o", str(program))
        python = ENVIRONMENT / "bin" / "python"
        # What the wheels needed of a platform's C library is compiled already.
        cache = {"ZIG_GLOBAL_CACHE_DIR": str(ENVIRONMENT / "zig-cache")}
        made = run([python, "-m", "ziglang", "cc", *options, DRIVER, *code], variables=cache)
        assert made.returncode == 0, made.stderr
        ended = subprocess.run(
            [*emulator, program, *sorted(self._blocks.iterdir())],
            capture_output=True,
            check=True,
            timeout=LONGEST_RUN_SECONDS,
        )
        return ended.stdout.decode()

    @cached_property
    def expected(self) -> str:
        """What the wheel of this platform returns, which the unit tests compare with Python."""
        return self.output("x86_64-linux-gnu.2.17", [self.library("manylinux_2_17_x86_64")])


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Wheels:
    """All wheels, which the script checks as it builds them."""
    folder = tmp_path_factory.mktemp("wheels")
    succeed(ROOT / "scripts" / "wheels", folder)
    return Wheels(folder)


def needs(*paths: str) -> pytest.MarkDecorator:
    """Skip a test where an emulator or a loader is missing."""
    missing = [path for path in paths if not Path(path).exists() and not shutil.which(path)]
    return pytest.mark.skipif(bool(missing), reason=f"missing: {', '.join(missing)}")


def test_there_is_a_wheel_for_every_platform(wheels: Wheels) -> None:
    platforms = {path.stem.split("-")[-1] for path in wheels.named("any").parent.glob("*.whl")}
    assert platforms == {
        "manylinux_2_17_x86_64.manylinux2014_x86_64",
        "manylinux_2_17_aarch64.manylinux2014_aarch64",
        "musllinux_1_2_x86_64",
        "musllinux_1_2_aarch64",
        "macosx_11_0_x86_64",
        "macosx_11_0_arm64",
        "win_amd64",
        "any",
    }
    assert len(list(wheels.named("any").parent.glob("*.tar.gz"))) == 1


@pytest.mark.skipif(platform.machine() != "x86_64", reason="neither wheel is this machine's")
@pytest.mark.parametrize("name", ["manylinux_2_17_x86_64", "any"])
def test_wheels_of_this_machine_install_and_run_without_a_compiler(
    wheels: Wheels, name: str, tmp_path: Path
) -> None:
    wheel = wheels.named(name)
    made = run(
        [ROOT / "scripts/environment", tmp_path / "environment", f"{wheel}[sandbox]"],
        # Nothing may be built, whatever the compiler.
        variables={
            "PYTHON": sys.executable,
            "UV_NO_BUILD": "1",
            "PIP_ONLY_BINARY": ":all:",
            "CC": "false",
        },
    )
    assert made.returncode == 0, made.stderr
    log = read_a_sandbox(tmp_path / "environment" / "bin", tmp_path)
    assert (SLOWER_CODE in log) == (name == "any")


def test_compiler_of_pypi_compiles_the_code_as_the_docs_say(tmp_path: Path) -> None:
    """While pip builds, `python -m ziglang` would find no such module."""
    page = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    chosen = re.search('^CC="(.+)" pip install ', page, re.MULTILINE)
    assert chosen
    programs = tmp_path / "environment" / "bin"
    made = run(
        [ROOT / "scripts/environment", programs.parent, "pip", "ziglang==0.17.1"],
        variables={"PYTHON": sys.executable},
    )
    assert made.returncode == 0, made.stderr
    made = run(
        ["pip", "wheel", "--no-deps", "--no-cache-dir", "--wheel-dir", tmp_path, ROOT],
        variables={"CC": chosen[1], "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
    )
    assert made.returncode == 0, made.stdout + made.stderr
    (wheel,) = tmp_path.glob("*.whl")
    assert not wheel.name.endswith("-any.whl"), made.stdout


def test_code_decodes_blocks(wheels: Wheels) -> None:
    assert wheels.expected.count("lines 2000 2026-02-01T00:00:00.000Z\n") == 1
    assert wheels.expected.count("append 4\n") == 4
    assert wheels.expected.count("append -1\n") >= 6
    assert '{"Text":"Münch \\"& Söhne\\"","Flag":true,"Count":12,"Amount":1234.5600,' in (
        wheels.expected
    )


@needs("qemu-aarch64-static", "/usr/aarch64-linux-gnu/lib/ld-linux-aarch64.so.1")
def test_arm_wheel_decodes_the_same(wheels: Wheels) -> None:
    emulator = ["qemu-aarch64-static", "-L", "/usr/aarch64-linux-gnu"]
    library = wheels.library("manylinux_2_17_aarch64")
    assert wheels.output("aarch64-linux-gnu.2.36", [library], emulator) == wheels.expected


@needs(MUSL)
def test_musl_wheel_decodes_the_same(wheels: Wheels) -> None:
    library = wheels.library("musllinux_1_2_x86_64")
    assert wheels.output("x86_64-linux-musl", [library], [MUSL]) == wheels.expected


@needs(WINE)
def test_windows_wheel_decodes_the_same(wheels: Wheels, tmp_path: Path) -> None:
    library = wheels.library("win_amd64")
    settings = {
        "WINEPATH": library.parent,
        "WINEPREFIX": tmp_path / "wine",
        "WINEDEBUG": "-all",
        # Without offering to download what runs .NET and web pages.
        "WINEDLLOVERRIDES": "mscoree,mshtml=",
    }
    emulator = ["env", *(f"{name}={value}" for name, value in settings.items()), WINE]
    assert wheels.output("x86_64-windows-gnu", [library], emulator) == wheels.expected


@needs("qemu-s390x-static", "/usr/s390x-linux-gnu/lib/ld64.so.1")
def test_sources_decode_the_same_on_a_big_endian_machine(wheels: Wheels) -> None:
    emulator = ["qemu-s390x-static", "-L", "/usr/s390x-linux-gnu"]
    assert wheels.output("s390x-linux-gnu.2.36", SOURCES, emulator) == wheels.expected


def test_wheels_are_reproducible(wheels: Wheels, tmp_path: Path) -> None:
    """Built in another folder, with nothing from the first build."""
    environment = {**os.environ, "ZIG_LOCAL_CACHE_DIR": str(tmp_path / "cache")}
    platforms = ("manylinux_2_17_aarch64", "macosx_11_0_arm64", "any")
    full = [re.sub(r".*-none-", "", wheels.named(each).stem) for each in platforms]
    subprocess.run([ROOT / "scripts" / "wheels", tmp_path, *full], env=environment, check=True)
    again = sorted([*tmp_path.glob("*.whl"), *tmp_path.glob("*.tar.gz")])
    assert len(again) == len(platforms) + 1
    folder = wheels.named("any").parent
    for path in again:
        assert digest(path) == digest(folder / path.name), path.name


def digest(path: Path) -> str:
    """Return the hash of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()
