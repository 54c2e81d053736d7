"""Watching a run: its progress, the summary at its end, and the report if one is wanted."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_sfbulk_pages.watching.progress import show_progress
from tap_sfbulk_pages.watching.report import write_report
from tap_sfbulk_pages.watching.spans import export_spans
from tap_sfbulk_pages.watching.summary import summary_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

    from tap_sfbulk_pages.watching.activity import RunActivity

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
    try:
        with show_progress(activity, streams, calls_made):
            yield
    finally:
        # After the live table has gone, so that it stays on the terminal.
        logger.info("%s", summary_text(activity, calls_made()))
        export_spans(activity)
        if report_path:
            try:
                write_report(report_path, activity, calls_made())
            except OSError as error:
                # The records are written; a missing report is no reason to fail the run.
                logger.warning("The report could not be written: %s", error)
