"""Build the source distribution, and from it a wheel for each platform, and check each of them.

Zig's C compiler brings what it needs to compile for other systems. `hatch_build.py` calls it.
"""

from __future__ import annotations

import argparse
import os
import shlex
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import ziglang
from check_wheels import check_wheel

ROOT = Path(__file__).resolve().parent.parent

# Platform tags of the wheels, and Zig's names of the platforms.
PLATFORMS = {
    "manylinux_2_17_x86_64.manylinux2014_x86_64": "x86_64-linux-gnu.2.17",
    "manylinux_2_17_aarch64.manylinux2014_aarch64": "aarch64-linux-gnu.2.17",
    "musllinux_1_2_x86_64": "x86_64-linux-musl",
    "musllinux_1_2_aarch64": "aarch64-linux-musl",
    "macosx_11_0_x86_64": "x86_64-macos.11.0",
    "macosx_11_0_arm64": "aarch64-macos.11.0",
    "win_amd64": "x86_64-windows-gnu",
    # Nothing compiled, for all others.
    "any": "",
}


def main() -> None:
    """Build into the folder that the command line names."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("outdir", type=Path)
    parser.add_argument("platforms", nargs="*", metavar="PLATFORM", help=", ".join(PLATFORMS))
    arguments = parser.parse_args()
    if unknown := set(arguments.platforms) - PLATFORMS.keys():
        parser.error(f"unknown platform: {', '.join(sorted(unknown))}")
    arguments.outdir.mkdir(parents=True, exist_ok=True)

    sdist = build("--sdist", ROOT, arguments.outdir, {})
    print(f"{sdist.name}: built")
    with tempfile.TemporaryDirectory() as folder:
        with tarfile.open(sdist) as archive:
            # Our own archive. `filter` is unknown to the Python 3.11.2 of Debian 12.
            archive.extractall(folder)  # noqa: S202
        (sources,) = Path(folder).iterdir()
        for platform in arguments.platforms or PLATFORMS:
            wheel = build("--wheel", sources, arguments.outdir, variables_of(platform))
            print(f"{wheel.name}: {check_wheel(wheel)}")


def variables_of(platform: str) -> dict[str, str]:
    """Return what `hatch_build.py` needs to know to compile for a platform."""
    # With debugging information, the library would contain the name of the folder.
    compiling, linking = "-g0", "-s"
    if platform.startswith("win"):
        # Memory from the C runtime that is part of Windows, nothing else: MinGW's own runtime would
        # take minutes to compile, for nothing but the stack protector.
        headers = Path(ziglang.__file__).parent / "lib/libc/include/any-windows-any"
        compiling += f" -fno-stack-protector -isystem {shlex.quote(str(headers))}"
        linking += " -nostdlib -rtlib=compiler-rt -lapi-ms-win-crt-heap-l1-1-0 -Wl,--no-entry"
    return {
        "SFBULK_PLATFORM_TAG": platform,
        "CC": f"{shlex.quote(sys.executable)} -m ziglang cc -target {PLATFORMS[platform]}",
        "CFLAGS": f"{compiling} {os.environ.get('CFLAGS', '')}",
        "LDFLAGS": f"{linking} {os.environ.get('LDFLAGS', '')}",
    }


def build(kind: str, sources: Path, outdir: Path, variables: dict[str, str]) -> Path:
    """Build one distribution and return its path."""
    # Elsewhere first, since an earlier build may have left a file of the same name.
    with tempfile.TemporaryDirectory(dir=outdir) as folder:
        command = [sys.executable, "-m", "build", "--no-isolation", kind, "--outdir", folder]
        ended = subprocess.run(
            [*command, str(sources)],
            env={**os.environ, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if ended.returncode:
            sys.exit(ended.stdout)
        (built,) = Path(folder).iterdir()
        return built.replace(outdir / built.name)


if __name__ == "__main__":
    main()
