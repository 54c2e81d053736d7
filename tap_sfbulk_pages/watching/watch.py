"""A run under watch: shown while it goes on, summed up at its end, and drawn for whoever asks."""

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
    """Show a run while it goes on and when it is over, however it ends.

    Args:
        activity: What the run does.
        streams: Those that it reads.
        calls_made: Returns the number of API calls so far.
        report_path: Where to write the report; None for no report.
    """
    try:
        with show_progress(activity, streams, calls_made):
            yield
    finally:
        # Last on a terminal, where it is seen.
        logger.info("%s", summary_text(activity, calls_made()))
        export_spans(activity)
        if report_path:
            try:
                write_report(report_path, activity, calls_made())
            except OSError as error:
                # The records are out; a page about them is not worth a failure.
                logger.warning("The report could not be written: %s", error)
