"""How the programs that tests fork commands from load the package, and end what they fork."""

from __future__ import annotations

import atexit
import gc
import importlib
import os
import pkgutil
import sys
import threading
from contextlib import suppress
from typing import TYPE_CHECKING

import tap_sfbulk_pages
from tap_sfbulk_pages.jobs import query_jobs
from tap_sfbulk_pages.salesforce import retries

if TYPE_CHECKING:
    from collections.abc import Callable

# What is loaded only where a run needs it, by the package or by what the package uses.
_LAZY = (
    "email.policy",
    "encodings.utf_16_be",
    "importlib_metadata._adapters",
    "jsonschema",
    "jwt",
    "opentelemetry.trace",
    "zoneinfo",
)


def load_before_forking(*rooms: str, with_arrow: bool = True) -> None:
    """Import modules of the package, so that no forked process has to.

    Args:
        rooms: Folders of the package, with all modules in them.
        with_arrow: Whether to load PyArrow, and pandas, which its first array looks for. Both are
            a part of a run's memory from then on.
    """
    if with_arrow:
        # `decoding` has a module that needs it.
        rooms = (*rooms, "decoding")
        importlib.import_module("pyarrow").array([None])
    for room in rooms:
        name = f"{tap_sfbulk_pages.__name__}.{room}"
        package = importlib.import_module(name)
        for module in pkgutil.walk_packages(package.__path__, f"{name}."):
            # Compiled code is a file of this folder, too, but no module.
            if "libsfbulk" not in module.name:
                importlib.import_module(module.name)
    for name in _LAZY:
        # Newer Pythons do without some of these packages.
        with suppress(ModuleNotFoundError):
            importlib.import_module(name)
    # Keep what is loaded shared: if the garbage collector of a fork touched it, it would be copied.
    gc.collect()
    gc.freeze()


def shorten_waits() -> None:
    """Let runs ask soon for a job, which the sandbox completes at once, and retry at once."""
    query_jobs.SHORTEST_POLL_SECONDS = 0.02
    retries.FIRST_WAIT_SECONDS = 0.02


def end_with(command: Callable[[], object]) -> None:
    """Run a command and end this process as Python does, but without destroying each module.

    That takes longer than most runs, and a process that was started anew has far fewer modules.
    """
    try:
        command()
    except SystemExit as ended:
        if not isinstance(ended.code, (int, type(None))):
            raise
        threading._shutdown()  # type: ignore[attr-defined]
        atexit._run_exitfuncs()
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except (OSError, ValueError):
            # Closed, or full: Python has an exit code for this.
            raise ended from None
        os._exit(ended.code or 0)
