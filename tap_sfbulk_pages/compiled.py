"""What was compiled when the tap was installed, where there was a C compiler (`hatch_build.py`)."""

from __future__ import annotations

import ctypes
import logging
from functools import cache
from pathlib import Path

LIBRARY = Path(__file__).with_name("libsfbulk.so")

logger = logging.getLogger(__name__)


@cache
def library() -> ctypes.CDLL | None:
    """Load it; None, told once, if there is nothing, and the slower ways are gone."""
    try:
        return ctypes.CDLL(str(LIBRARY))
    except OSError as error:
        logger.info("Pages are decoded the slower way, since nothing is compiled: %s", error)
        return None
