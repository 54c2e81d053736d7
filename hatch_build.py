"""Compiles what reads CSV into the wheel, where there is a C compiler.

The code is plain C without Python's headers, loaded with ctypes, so that one wheel serves every
Python of a platform. Without a compiler, or where it fails, the wheel is one for all platforms, and
the tap reads CSV with Python alone.
"""

from __future__ import annotations

import os
import runpy
import shlex
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface
from packaging.tags import platform_tags

OPTIONS = ("-std=c11", "-O3", "-fPIC", "-shared", "-Wall", "-Wextra")


class CompiledCode(BuildHookInterface[Any]):
    """The hook of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - wheel or editable
        """Compile beside the sources, where an editable install finds it too."""
        names = runpy.run_path(str(Path(self.root, "tap_sfbulk_pages", "decoding", "compiled.py")))
        library: Path = names["LIBRARY"]
        if not library.exists() and (problem := _compiled(library, names["SOURCES"])):
            self.app.display_warning(f"The tap will read CSV the slower way: {problem}")
            return
        # Not the first: those of manylinux and musllinux promise more than was looked at.
        others = ("manylinux", "musllinux")
        platform = next(each for each in platform_tags() if not each.startswith(others))
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{platform}"
        build_data["artifacts"].append(str(library.relative_to(self.root)))


def _compiled(library: Path, sources: tuple[Path, ...]) -> str:
    """Compile a library, which appears when it is whole.

    Returns:
        What is in the way; empty if nothing is.
    """
    # By its ending git and the wheel leave it out, if the build is killed.
    unfinished = library.with_suffix(f".{os.getpid()}.so")
    try:
        command = [*_compiler(), *OPTIONS, "-o", str(unfinished), *map(str, sources)]
        subprocess.run(command, capture_output=True, text=True, check=True)  # noqa: S603 - what builds programs here
        unfinished.replace(library)
    except subprocess.CalledProcessError as error:
        return f"the C compiler failed.\n{error.stderr}"
    except (OSError, ValueError) as error:
        return f"{error}."
    return ""


def _compiler() -> list[str]:
    """Find a compiler.

    Raises:
        OSError: If there is none that takes these options.
        ValueError: If the variable `CC` is no command.
    """
    if sys.platform != "win32":
        for candidate in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
            command = shlex.split(candidate)
            if command and shutil.which(command[0]):
                return command
    raise OSError("no C compiler was found")
