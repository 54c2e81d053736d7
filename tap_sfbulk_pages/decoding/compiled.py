"""What was compiled when the tap was installed, where there was a C compiler (`hatch_build.py`).

The name of the library tells what it was compiled from, so that one of other sources, as an
editable install has after a pull, is never loaded.
"""

from __future__ import annotations

import ctypes
import hashlib
import logging
from functools import cache
from pathlib import Path

_FOLDER = Path(__file__).parent
SOURCES = (_FOLDER / "fast_lines.c", _FOLDER / "marks.c")
_DIGEST = hashlib.sha256(b"".join(source.read_bytes() for source in SOURCES)).hexdigest()
LIBRARY = _FOLDER / f"libsfbulk-{_DIGEST[:12]}.so"

logger = logging.getLogger(__name__)


@cache
def library() -> ctypes.CDLL | None:
    """Load the library; None, with a line in the log, if there is none that can be loaded."""
    try:
        return ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        logger.info(
            "Pages are decoded the slower way, since nothing is compiled: %s. Install the tap "
            "again where there is a C compiler.",
            error,
        )
        return None
