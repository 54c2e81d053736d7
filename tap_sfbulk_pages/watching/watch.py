"""A run that is seen: told while it goes on, summed up at its end, and drawn for whoever asks."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING

from tap_sfbulk_pages.watching.progress import progress_told
from tap_sfbulk_pages.watching.report import write_report
from tap_sfbulk_pages.watching.spans import export_spans
from tap_sfbulk_pages.watching.summary import log_measurements, summary_text

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.watching.activity import RunActivity

logger = logging.getLogger(__name__)


@contextmanager
def run_seen(activity: RunActivity, streams: Sequence[str], org: Org) -> Iterator[None]:
    """Tell of a run while it goes on and when it is over, however it ends.

    Args:
        activity: What the run does.
        streams: Those that it reads.
        org: Counts the calls; its settings say where a report goes.
    """
    try:
        with progress_told(activity, streams, lambda: org.calls.made):
            yield
    finally:
        log_measurements(activity)
        # Last on a terminal, where it is seen.
        logger.info("%s", summary_text(activity, org.calls.made))
        export_spans(activity)
        if org.settings.report_path:
            try:
                write_report(org.settings.report_path, activity, org.calls.made)
            except OSError as error:
                # The records are out; a page about them is not worth a failure.
                logger.warning("The report could not be written: %s", error)
