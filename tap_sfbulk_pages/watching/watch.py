"""Watching a run: its progress, the summary at its end, and the report if one is wanted."""

from __future__ import annotations

import logging
import threading
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from typing import TYPE_CHECKING

from tap_sfbulk_pages.quoting import quote
from tap_sfbulk_pages.watching.progress import show_progress, terminal_width
from tap_sfbulk_pages.watching.report import write_report
from tap_sfbulk_pages.watching.spans import export_spans
from tap_sfbulk_pages.watching.summary import summary_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tap_sfbulk_pages.watching.activity import RunActivity

SECONDS_BETWEEN_REPORTS = 60.0
_LONGEST_ENDING = 1_000

logger = logging.getLogger(__name__)


@contextmanager
def watch_run(
    activity: RunActivity,
    streams: Sequence[str],
    *,
    calls_made: Callable[[], int],
    report_path: Path | None,
) -> Iterator[None]:
    """Show a run while it is going on and when it is over, however it ends.

    Args:
        activity: What the run does.
        streams: The names of the streams that it reads.
        calls_made: Returns the number of API calls so far.
        report_path: Where to write the report; None for no report.
    """
    ending = "It ended."
    try:
        with (
            _keep_report_current(report_path, activity, calls_made),
            show_progress(activity, streams, calls_made),
        ):
            yield
    except SystemExit as stopped:
        ending = f"It was stopped by a signal (exit code {stopped.code}); the next run goes on."
        raise
    except BaseException as error:
        ending = quote(f"It died: {type(error).__name__}: {error}", limit=_LONGEST_ENDING)
        raise
    finally:
        # After the live table has gone, so that it stays on the terminal.
        logger.info("%s", summary_text(activity, calls_made(), terminal_width()))
        export_spans(activity)
        if report_path:
            try:
                write_report(report_path, activity, calls_made(), ending=ending)
            except OSError as error:
                # The records are written; a missing report is no reason to fail the run.
                logger.warning("The report could not be written: %s", error)


@contextmanager
def _keep_report_current(
    path: Path | None, activity: RunActivity, calls_made: Callable[[], int]
) -> Iterator[None]:
    """Write the report now and then: of a run that is killed, the last one stays."""
    if path is None:
        yield
        return
    is_over = threading.Event()

    def write(path: Path) -> None:
        while True:
            at = datetime.now(timezone.utc).strftime("%H:%M:%S")
            ending = f"It was going on at {at} UTC. If it no longer is, it was killed."
            with suppress(OSError):
                write_report(path, activity, calls_made(), ending=ending)
            if is_over.wait(SECONDS_BETWEEN_REPORTS):
                return

    writer = threading.Thread(target=write, args=[path], name="sfbulk-report", daemon=True)
    writer.start()
    try:
        yield
    finally:
        is_over.set()
        writer.join()
