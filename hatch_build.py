"""Compiles what reads CSV into the wheel, where there is a C compiler.

The code is plain C without Python's headers, loaded with ctypes, so that one wheel serves every
Python of a platform. Without a compiler, or where it fails, the wheel is one for all platforms, and
the tap reads CSV with Polars and Python.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE = Path("tap_sfbulk_pages")
SOURCES = (PACKAGE / "csv_lines.c", PACKAGE / "csv_marks.c")
LIBRARY = PACKAGE / "libsfbulk.so"
OPTIONS = ("-std=c11", "-O3", "-fPIC", "-shared", "-Wall", "-Wextra")


class CompiledCode(BuildHookInterface[Any]):
    """The hook of the wheel."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:  # noqa: ARG002 - wheel or editable
        """Compile beside the sources, where an editable install finds it too."""
        folder = Path(self.root)
        (folder / LIBRARY).unlink(missing_ok=True)
        platform = sysconfig.get_platform()
        command = _compiler()
        if not command:
            self.app.display_warning(
                "No C compiler was found: the tap will read CSV the slower way."
            )
            return
        if platform.endswith("universal2"):
            command += ["-arch", "arm64", "-arch", "x86_64"]
        compiled = subprocess.run(  # noqa: S603 - what builds programs here
            [*command, *OPTIONS, "-o", LIBRARY, *SOURCES],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        if compiled.returncode:
            self.app.display_warning(f"The tap will read CSV the slower way:\n{compiled.stderr}")
            return
        build_data["pure_python"] = False
        build_data["tag"] = f"py3-none-{re.sub(r'[-.]', '_', platform)}"
        build_data["artifacts"].append(str(LIBRARY))


def _compiler() -> list[str]:
    """Find a compiler; an empty list if there is none, or none that takes these options."""
    if sys.platform == "win32":
        return []
    for candidate in (os.environ.get("CC", ""), "cc", "gcc", "clang"):
        command = shlex.split(candidate)
        if command and shutil.which(command[0]):
            return command
    return []
