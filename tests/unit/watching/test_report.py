"""The page of a run, as a file. What a browser makes of it is looked at in tests/tap."""

from __future__ import annotations

import re
import time
from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from tap_sfbulk_pages.watching.activity import READ, Phase, RunActivity
from tap_sfbulk_pages.watching.report import write_report

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture
def activity() -> RunActivity:
    activity = RunActivity()
    account = activity.stream("Account")
    account.note_call("acme.my.salesforce.com")
    account.note_job("7505g0000000001AAA", "complete", records=1_234)
    account.note_page_written(1_234)
    account.note_retry("Salesforce said: <script>alert(1)</script>")
    account.periods[Phase.WRITING].add(0, 0.000_1)
    account.outcome = READ
    case = activity.stream("Case")
    case.note_call()
    case.outcome = "The job is Failed & gone."
    activity.stream("Lead")
    return activity


def test_the_page_says_what_the_run_did(activity: RunActivity, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, activity, 17, ending="It ended.")
    text = path.read_text(encoding="utf-8")
    assert "1,234 records" in text
    assert "17 API calls" in text
    assert "1 further stream" in text
    assert "It ended." in text
    assert "Org acme.my.salesforce.com" in text
    assert "7505g0000000001AAA" in text
    assert "The job is Failed &amp; gone." in text
    assert "http://" not in text.replace("http://www.w3.org/", "")


def test_rows_have_one_order_and_what_is_under_way_is_drawn(
    activity: RunActivity, tmp_path: Path
) -> None:
    case = activity.stream("Case")
    case.periods[Phase.RUNNING].add(0, 100)
    with case.during(Phase.DOWNLOADING):
        write_report(tmp_path / "report.html", activity, 17, ending="It was stopped.")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert text.index('data-stream="Case"') < text.index('data-stream="Account"')
    _, _, table = text.partition('<table id="streams">')
    assert table.index("<td>Case</td>") < table.index("<td>Account</td>")
    _, _, lane = text.partition('data-stream="Case"')
    assert "bar downloading" in lane.partition("</div>\n</div>")[0]


def test_times_are_local_beside_utc(
    activity: RunActivity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    activity.began_at = datetime(2026, 11, 29, 23, 30, tzinfo=timezone.utc)
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        write_report(tmp_path / "report.html", activity, 17, ending="It ended.")
    finally:
        monkeypatch.undo()
        time.tzset()
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "2026-11-29 23:30:00 UTC" in text
    assert "2026-11-30 08:30:00 JST" in text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_colour_stands_out_from_the_page(
    activity: RunActivity, tmp_path: Path, scheme: str
) -> None:
    write_report(tmp_path / "report.html", activity, 17, ending="It ended.")
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    light, dark = re.findall(r":root \{(.*?)\}", text, re.DOTALL)
    colours = dict(re.findall(r"--([\w-]+): (#\w{6})", dark if scheme == "dark" else light))
    page = luminance(colours.pop("page"))
    del colours["line"]
    assert {"text", "dim", "failed", "queued", "running", "downloading", "writing"} == set(colours)
    for name, colour in colours.items():
        lighter, darker = sorted([page, luminance(colour)], reverse=True)
        assert (lighter + 0.05) / (darker + 0.05) >= 4.5, name


def luminance(colour: str) -> float:
    """Return the relative luminance of a colour as WCAG 2 defines it."""
    channels = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    red, green, blue = (
        each / 12.92 if each <= 0.04045 else ((each + 0.055) / 1.055) ** 2.4 for each in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_words_of_others_are_no_markup(activity: RunActivity, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, activity, 17, ending="It ended.")
    text = path.read_text(encoding="utf-8")
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(1)" in text


def test_the_page_is_written_whole_or_not_at_all(
    activity: RunActivity, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "report.html"
    path.write_text("the last one", encoding="utf-8")

    def fail(*_: Path) -> None:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(type(path), "replace", fail)
        with pytest.raises(OSError, match="No space left"):
            write_report(path, activity, 17, ending="It ended.")
    assert path.read_text(encoding="utf-8") == "the last one"
    write_report(path, activity, 17, ending="It ended.")
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_link_beside_the_page_is_not_followed(activity: RunActivity, tmp_path: Path) -> None:
    precious, path = tmp_path / "precious", tmp_path / "report.html"
    precious.write_text("kept", encoding="utf-8")
    path.symlink_to(precious)
    (tmp_path / "report.html.part").symlink_to(precious)
    write_report(path, activity, 17, ending="It ended.")
    assert precious.read_text(encoding="utf-8") == "kept"
    assert "<html" in path.read_text(encoding="utf-8")


def test_a_run_without_streams_has_a_page(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", RunActivity(), 0, ending="It ended.")
    assert "0 records" in (tmp_path / "report.html").read_text(encoding="utf-8")
