"""The code that was compiled when the tap was installed, if there was a C compiler.

`hatch_build.py` compiles it. The library's file name contains a hash of its sources, so a library
built from other sources, as an editable install has after a pull, is never loaded.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
import sys
import threading
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
SOURCES = (_FOLDER / "fast_arrow.c", _FOLDER / "fast_lines.c", _FOLDER / "marks.c")
_READ = (*SOURCES, _FOLDER / "plain_cells.h")
_DIGEST = hashlib.sha256(b"".join(source.read_bytes() for source in _READ)).hexdigest()
_SUFFIX = ".dll" if sys.platform == "win32" else ".so"
LIBRARY = _FOLDER / f"libsfbulk-{_DIGEST[:12]}{_SUFFIX}"

logger = logging.getLogger(__name__)


# Several downloads begin at once; only one of them says that there is no library.
_loading = threading.Lock()


def library() -> ctypes.CDLL | None:
    """Load the library; return None, with one line in the log, if that is not possible."""
    with _loading:
        return _load()


@cache
def _load() -> ctypes.CDLL | None:
    try:
        return ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        logger.info(
            "Pages are decoded by the slower code, because the compiled code %s. "
            "Install a C compiler, then reinstall the tap (docs/install.md says how).",
            f"cannot be loaded: {error}" if LIBRARY.exists() else "is missing",
        )
        return None
