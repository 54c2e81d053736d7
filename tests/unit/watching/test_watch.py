"""A run is summed up however it ends, and no report is worth a failure."""

from __future__ import annotations

import logging
import sys
import time
from typing import TYPE_CHECKING

import pytest

from tap_sfbulk_pages.watching.activity import RunActivity
from tap_sfbulk_pages.watching.watch import watch_run

if TYPE_CHECKING:
    from pathlib import Path


def run(path: Path | None, *, fails: bool = False) -> None:
    activity = RunActivity()
    with watch_run(activity, ["Account"], calls_made=lambda: 3, report_path=path):
        activity.stream("Account").note_call()
        activity.stream("Account").note_page_written(5)
        if fails:
            raise KeyError


@pytest.mark.parametrize("fails", [False, True])
def test_the_summary_and_the_report_come_however_it_ends(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, *, fails: bool
) -> None:
    caplog.set_level(logging.INFO)
    path = tmp_path / "report.html"
    if fails:
        with pytest.raises(KeyError):
            run(path, fails=True)
    else:
        run(path)
    (record,) = caplog.records
    assert "5 records of 1 stream in " in record.getMessage()
    said = "It died: KeyError" if fails else "It ended."
    assert said in path.read_text(encoding="utf-8")


def test_a_report_that_cannot_be_written_is_a_warning(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    run(tmp_path / "missing" / "report.html")
    (warning,) = (each for each in caplog.records if each.levelno == logging.WARNING)
    assert "The report could not be written: " in warning.getMessage()


def test_without_a_path_there_is_no_report(tmp_path: Path) -> None:
    run(None)
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_is_killed_leaves_a_report_of_what_it_was_doing(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    activity = RunActivity()
    with watch_run(activity, ["Account"], calls_made=lambda: 3, report_path=path):
        deadline = time.monotonic() + 30
        while not path.exists() and time.monotonic() < deadline:
            time.sleep(0.01)
        assert "If it no longer is, it was killed." in path.read_text(encoding="utf-8")


def test_a_run_that_is_stopped_says_so(tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    watched = watch_run(RunActivity(), ["Account"], calls_made=lambda: 3, report_path=path)
    with pytest.raises(SystemExit), watched:
        sys.exit(143)
    assert "stopped by a signal (exit code 143)" in path.read_text(encoding="utf-8")
