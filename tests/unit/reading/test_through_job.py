"""What goes wrong with one stream is its own alone, and no page that is listed is left out."""

from __future__ import annotations

from contextlib import nullcontext
from types import SimpleNamespace
from typing import Any, cast

import pytest

from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.errors import RecordCountError
from tap_sfbulk_pages.jobs.pages import verify_total
from tap_sfbulk_pages.jobs.progress import JobProgress
from tap_sfbulk_pages.jobs.query import Query, QueryJob
from tap_sfbulk_pages.reading.request import JobRequest
from tap_sfbulk_pages.reading.through_job import JobReading

REQUEST = JobRequest(Query("SELECT Id FROM Account", False), {"Id": CellType.TEXT}, None)


class FullDisk:
    """Pages that nothing can hold."""

    is_doubtful = False

    def prefetch(self) -> None:
        raise OSError("No space left on device")

    def close(self) -> None:
        pass


def test_what_goes_wrong_ahead_is_raised_where_the_stream_is_read() -> None:
    context = cast(
        "Any",
        SimpleNamespace(org=SimpleNamespace(encoders=None), save=lambda: None, waiting=nullcontext),
    )
    reading = JobReading(context, REQUEST, state={}, on_finished=lambda _: None)
    reading._is_prepared = True
    reading._pages_ahead = cast("Any", FullDisk())
    # Called while another stream is written.
    reading.prefetch()
    with pytest.raises(OSError, match="No space left"):
        list(reading.pages())


def test_pages_that_are_not_done_are_missed_where_no_total_is_told() -> None:
    progress = JobProgress()
    progress.list_group(None, ["a", "b"], None)
    progress.finish("a", records=2, maximum=None)
    jobs = cast("Any", SimpleNamespace(refresh=lambda job: job))
    job = QueryJob("750", "62.0", state="JobComplete", records=None)
    with pytest.raises(RecordCountError, match="hold 2 records"):
        verify_total(jobs, job, progress)
    progress.finish("b", records=2, maximum=None)
    verify_total(jobs, job, progress)
