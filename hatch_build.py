"""Compiles the code that decodes result pages into the wheel, where there is a C compiler.

The code is plain C without Python's headers, loaded with ctypes, so one wheel serves every Python
of a platform. Without a compiler, or where it fails, the wheel is one for all platforms, and the
tap decodes pages with Python alone.

Environment variables, all optional:

- `CC`, `CFLAGS`, `LDFLAGS`: the compiler, and options that follow the ones here.
- `SFBULK_PLATFORM_TAG`: the platform that `CC` compiles for, as in the name of the wheel. A
  compiler that fails is then an error. With `any`, nothing is compiled. `scripts/wheels` sets it.
"""

from __future__ import annotations

import os
import runpy
import shlex
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

OPTIONS = ("-std=c11", "-O3", "-fPIC", "-shared", "-fvisibility=hidden", "-Wall", "-Wextra")
HARDENED = "-fstack-protector-strong"
HARDENED_ELF = "-Wl,-z,relro,-z,now,-z,noexecstack"


class CompiledCode(BuildHookInterface[Any]):
    """The hook of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Compile for this wheel: a library that is there already may be from anywhere."""
        platform = os.environ.get("SFBULK_PLATFORM_TAG", "")
        if platform == "any":
            return
        names = runpy.run_path(str(Path(self.root, "tap_sfbulk_pages", "decoding", "compiled.py")))
        beside_sources: Path = names["LIBRARY"]
        self._folder = tempfile.TemporaryDirectory(prefix="sfbulk-")
        library = Path(self._folder.name, beside_sources.name)
        if platform.startswith("win"):
            library = library.with_suffix(".dll")
        target = platform or _this_platform()
        if problem := _compile(library, names["SOURCES"], target):
            if platform:
                raise RuntimeError(f"The wheel for {platform} cannot be built: {problem}")
            self.app.display_warning(f"The tap will decode pages the slower way: {problem}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{target}"
        if version == "editable":
            # Renamed into place, since a running tap may have loaded the one that it replaces.
            unfinished = beside_sources.with_suffix(f".{os.getpid()}{beside_sources.suffix}")
            shutil.copyfile(library, unfinished)
            unfinished.replace(beside_sources)
        else:
            place = beside_sources.with_name(library.name).relative_to(self.root)
            build_data["force_include"][str(library)] = place.as_posix()

    def finalize(self, version: str, build_data: dict[str, Any], artifact_path: str) -> None:  # noqa: ARG002 - hatchling's signature
        """Remove what was compiled; the wheel holds it."""
        if hasattr(self, "_folder"):
            self._folder.cleanup()


def _this_platform() -> str:
    """Return the tag of this platform.

    Not the first that fits: those of manylinux and musllinux promise more than was looked at.
    """
    others = ("manylinux", "musllinux")
    return next(each for each in platform_tags() if not each.startswith(others))


def _compile(library: Path, sources: tuple[Path, ...], platform: str) -> str:
    """Compile a library for a platform.

    Returns:
        What went wrong; empty if nothing did.
    """
    options = [*OPTIONS, HARDENED]
    if platform.startswith("macosx"):
        # The default is the path at which it was built.
        options.append(f"-Wl,-install_name,@rpath/{library.name}")
    elif not platform.startswith("win"):
        options.append(HARDENED_ELF)
    try:
        command = [*_find_compiler(), *options]
        command += [option for name in ("CFLAGS", "LDFLAGS") for option in _split(name)]
        command += ["-o", str(library), *map(str, sources)]
        subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - this is what builds programs do
    except subprocess.CalledProcessError as error:
        return f"the C compiler failed.\n{error.stderr}"
    except (OSError, ValueError) as error:
        return f"{error}."
    return ""


def _find_compiler() -> list[str]:
    """Find a compiler.

    Raises:
        OSError: If there is none that takes these options.
        ValueError: If the variable `CC` is not a command.
    """
    chosen = _split("CC")
    usual = [] if sys.platform == "win32" else [["cc"], ["gcc"], ["clang"]]
    for command in [chosen] if chosen else usual:
        if shutil.which(command[0]):
            return command
    raise OSError(f"there is no {chosen[0]}" if chosen else "no C compiler was found")


def _split(variable: str) -> list[str]:
    return shlex.split(os.environ.get(variable, ""))
