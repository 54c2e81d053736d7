"""Check what a wheel promises by its name: the platform of its library, and how that was linked.

Checked is the file alone. Which wheels have been run, and where, is written in `docs/install.md`.
"""

from __future__ import annotations

import re
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import lief

LIBRARY = re.compile(r"tap_sfbulk_pages/decoding/libsfbulk-[0-9a-f]{12}\.(so|dll)")
ANY_LIBRARY = re.compile(r".*\.(so(\.\d+)*|dll|dylib|pyd|a|lib|o)")
EXPORTED = {"sfbulk_append", "sfbulk_clear", "sfbulk_free", "sfbulk_lines", "sfbulk_marks"}


def check_wheel(path: Path) -> str:
    """Check a wheel; return what is in it.

    Raises:
        SystemExit: If anything is wrong.
    """
    with zipfile.ZipFile(path) as wheel:
        names = wheel.namelist()
        (metadata,) = (name for name in names if name.endswith(".dist-info/WHEEL"))
        tags = Parser().parsestr(wheel.read(metadata).decode()).get_all("Tag", [])
        libraries = [name for name in names if ANY_LIBRARY.fullmatch(name)]
        contents = [wheel.read(name) for name in libraries]
    platforms = path.stem.split("-")[-1].split(".")
    expect(path, sorted(tags) == sorted(f"py3-none-{each}" for each in platforms), "tags", tags)
    if platforms == ["any"]:
        expect(path, not libraries, "libraries", libraries)
        return "pure Python"
    is_expected = len(libraries) == 1 and LIBRARY.fullmatch(libraries[0]) is not None
    expect(path, is_expected, "libraries", libraries)
    # It looks for signatures that may be absent, and says so.
    lief.logging.disable()
    library = lief.parse(contents[0])
    if isinstance(library, lief.ELF.Binary):
        check_elf(path, library, platforms[0])
    elif isinstance(library, lief.MachO.Binary):
        check_macho(path, library, platforms[0])
    elif isinstance(library, lief.PE.Binary):
        check_pe(path, library, platforms[0])
    else:
        sys.exit(f"{path.name}: {libraries[0]} is of no known format")
    return f"{libraries[0]} fits, {len(contents[0]) // 1024} KB"


def check_elf(path: Path, library: lief.ELF.Binary, platform: str) -> None:
    """Check a library for Linux."""
    machine = lief.ELF.ARCH.AARCH64 if platform.endswith("aarch64") else lief.ELF.ARCH.X86_64
    expect(path, library.header.machine_type == machine, "machine", library.header.machine_type)
    exported = {symbol.name for symbol in library.exported_symbols}
    expect(path, exported == EXPORTED, "exported", exported)
    imported = {symbol.name for symbol in library.imported_symbols}
    expect(path, "__stack_chk_fail" in imported, "no stack protector", imported)

    tag, flag = lief.ELF.DynamicEntry.TAG, lief.ELF.DynamicEntryFlags.FLAG
    entry = library.get(tag.FLAGS)
    is_bound = isinstance(entry, lief.ELF.DynamicEntryFlags) and entry.has(flag.BIND_NOW)
    expect(path, is_bound, "not BIND_NOW", entry)
    expect(path, library.has(lief.ELF.Segment.TYPE.GNU_RELRO), "no RELRO", "")
    expect(path, library.has_nx, "executable stack", "")
    has_path = library.has(tag.RPATH) or library.has(tag.RUNPATH)
    expect(path, not has_path, "searches folders", "")
    if platform.startswith("musllinux"):
        # musl has no versions of symbols; these have been there since musl 1.1.
        expect(path, library.libraries == ["libc.so"], "needs", library.libraries)
        return
    command = [sys.executable, "-m", "auditwheel", "show", str(path)]
    shown = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    expect(path, f'platform tag:\n"{platform}"' in shown, "auditwheel", shown)


def check_macho(path: Path, library: lief.MachO.Binary, platform: str) -> None:
    """Check a library for macOS."""
    kinds = lief.MachO.Header.CPU_TYPE
    is_arm = platform.endswith("arm64")
    machine = library.header.cpu_type
    expect(path, machine == (kinds.ARM64 if is_arm else kinds.X86_64), "machine", machine)
    exported = {symbol.name.removeprefix("_") for symbol in library.exported_symbols}
    expect(path, exported >= EXPORTED, "exported", exported)
    imported = {symbol.name for symbol in library.imported_symbols}
    expect(path, "___stack_chk_fail" in imported, "no stack protector", imported)
    own, *others = [each.name for each in library.libraries]
    expect(path, own.startswith("@rpath/libsfbulk"), "named", own)
    expect(path, others == ["/usr/lib/libSystem.B.dylib"], "needs", others)
    oldest = [int(each) for each in platform.split("_")[1:3]]
    built_for = library.build_version.minos if library.build_version else None
    expect(path, built_for is not None and built_for[:2] <= oldest, "macOS", built_for)
    # Apple's Arm processors run signed code only.
    expect(path, library.has_code_signature or not is_arm, "not signed", "")


def check_pe(path: Path, library: lief.PE.Binary, platform: str) -> None:
    """Check a library for Windows."""
    machine = library.header.machine
    is_known = platform == "win_amd64" and machine == lief.PE.Header.MACHINE_TYPES.AMD64
    expect(path, is_known, "machine", machine)
    exported = {function.name for function in library.exported_functions}
    expect(path, exported == EXPORTED, "exported", exported)
    # Every Windows since 10 has it.
    needed = [each.name for each in library.imports]
    expect(path, needed == ["api-ms-win-crt-heap-l1-1-0.dll"], "needs", needed)
    wanted = lief.PE.OptionalHeader.DLL_CHARACTERISTICS
    for each in (wanted.DYNAMIC_BASE, wanted.HIGH_ENTROPY_VA, wanted.NX_COMPAT):
        expect(path, library.optional_header.has(each), "lacks", each)


def expect(path: Path, is_right: bool, what: str, found: object) -> None:  # noqa: FBT001 - what is asserted
    """End with a message if something is wrong with a wheel."""
    if not is_right:
        sys.exit(f"{path.name}: {what}: {found}")


if __name__ == "__main__":
    for each in sys.argv[1:]:
        print(f"{each}: {check_wheel(Path(each))}")
