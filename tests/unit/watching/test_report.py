"""The page of a run, as a file. What a browser makes of it is looked at in tests/tap."""

from __future__ import annotations

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
    account.note_call()
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
    write_report(path, activity, 17)
    text = path.read_text(encoding="utf-8")
    assert "1,234 records" in text
    assert "17 API calls" in text
    assert "1 further stream" in text
    assert "The job is Failed &amp; gone." in text
    assert "http://" not in text.replace("http://www.w3.org/", "")


def test_words_of_others_are_no_markup(activity: RunActivity, tmp_path: Path) -> None:
    path = tmp_path / "report.html"
    write_report(path, activity, 17)
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
            write_report(path, activity, 17)
    assert path.read_text(encoding="utf-8") == "the last one"
    write_report(path, activity, 17)
    assert [each.name for each in tmp_path.iterdir()] == ["report.html"]


def test_a_link_beside_the_page_is_not_followed(activity: RunActivity, tmp_path: Path) -> None:
    precious, path = tmp_path / "precious", tmp_path / "report.html"
    precious.write_text("kept", encoding="utf-8")
    path.symlink_to(precious)
    (tmp_path / "report.html.part").symlink_to(precious)
    write_report(path, activity, 17)
    assert precious.read_text(encoding="utf-8") == "kept"
    assert "<html" in path.read_text(encoding="utf-8")


def test_a_run_without_streams_has_a_page(tmp_path: Path) -> None:
    write_report(tmp_path / "report.html", RunActivity(), 0)
    assert "0 records" in (tmp_path / "report.html").read_text(encoding="utf-8")
