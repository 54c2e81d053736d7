"""What a run tells of itself: on a terminal, in the log, to machines, in its report."""

from __future__ import annotations

import json
import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from sandbox_calls import change_scenario, complete_job
from tap_process import config_for

from tap_sfbulk_pages.watching.activity import Phase

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fixture_types import StartSandbox
    from playwright.sync_api import Page
    from tap_process import Tap, TapRun


SMALL = {"rows": {"Account": 40, "Contact": 30, "Lead": 10}, "page_rows": 10}
STREAMS = ("Account", "Contact", "Lead")
CHROMIUM = Path("/usr/bin/chromium")


def summary_of(run: TapRun) -> dict[str, list[str]]:
    """Return the cells of the summary's rows by stream."""
    _, _, table = run.stderr.partition("This run:\n")
    rows = [re.split(r"  +", line.strip()) for line in table.splitlines()[1:]]
    return {row[0]: row[1:] for row in rows if row[0] in STREAMS}


def measurements(run: TapRun) -> list[dict[str, Any]]:
    """Return the SDK's metrics."""
    return [json.loads(line.partition("METRIC: ")[2]) for line in run.stderr.splitlines()
            if "METRIC: " in line]  # fmt: skip


def test_the_summary_counts_what_each_stream_came_to(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="page", kind="short_page", match={"sobject": "Account", "page": 2})
    server.add_fault(place="poll", kind="job_failed", match={"sobject": "Lead"})
    run = tap(config_for(server, *STREAMS))
    rows = summary_of(run)
    assert rows["Account"][:2] == ["40", "4"]
    assert rows["Account"][7:] == ["1"]
    assert rows["Contact"][:2] == ["30", "3"]
    assert rows["Contact"][7:] == ["0"]
    assert rows["Lead"][:2] == ["0", "0"]
    assert rows["Lead"][8:] == ["failed"]
    assert re.search(
        rf"70 records of 3 streams in .* with {len(server.calls)} API calls", run.stderr
    )
    assert "METRIC" not in run.stderr.partition("This run:\n")[2]
    assert "Error: 1 of 3 streams was not read to its end.\n" in run.stderr


def test_a_stream_that_is_not_described_has_failed(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    config = config_for(start_sandbox(**SMALL), *STREAMS)
    catalog = tap.catalog(config)
    catalog["streams"][0]["tap_stream_id"] = catalog["streams"][0]["stream"] = "Acount"
    report = tmp_path / "report.html"
    run = tap(config | {"report_path": str(report)}, catalog=catalog)
    assert run.exit_code == 1
    assert re.search("^ +Acount .* failed$", run.stderr, flags=re.MULTILINE)
    assert "40 records of 3 streams" in run.stderr
    assert "does not describe Acount" in report.read_text(encoding="utf-8")


def test_one_is_not_called_several(tap: Tap, start_sandbox: StartSandbox) -> None:
    run = tap(config_for(start_sandbox(rows={"Account": 1}), "Account"))
    assert "1 record of 1 stream in " in run.stderr


def test_a_resumed_stream_is_called_one(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(
        place="page", kind="status", status=400, match={"sobject": "Account", "page": 4}
    )
    # One at a time, so that three pages are written before the fourth fails.
    first = tap(config_for(server, *STREAMS, max_parallel_downloads=1))
    assert summary_of(first)["Account"][8:] == ["failed"]
    second = tap(config_for(server, *STREAMS), state=first.state)
    assert summary_of(second)["Account"][:2] == ["10", "1"]
    assert summary_of(second)["Account"][8:] == ["resumed"]


def test_machines_are_told_the_calls_of_each_stream(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, *STREAMS))
    told = {m["tags"]["stream"]: m["value"] for m in measurements(run)
            if m["metric"] == "http_request_count"}  # fmt: skip
    # Discovery is no stream's; the first job that is made asks for the limits.
    made = [call for call in server.calls if "/jobs/query" in call.path or "/limits" in call.path]
    assert sum(told.values()) == len(made)
    assert set(told) == set(STREAMS)
    # To make the job and to list its pages, and one for each page.
    assert all(told[name] >= 2 + pages for name, pages in zip(STREAMS, (4, 3, 1), strict=True))


def test_a_terminal_shows_the_streams_while_they_are_read(
    start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    # Jobs that run until the terminal shows one of them; longer than any machine takes to do so.
    server = start_sandbox(**SMALL, running_seconds=120)
    settings = tmp_path / "config.json"
    settings.write_text(json.dumps(config_for(server, *STREAMS)), encoding="utf-8")
    controller, terminal = pty.openpty()
    with (tmp_path / "out").open("wb") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", "tap_sfbulk_pages", "--config", str(settings)],
            stdout=out,
            stderr=terminal,
            env={**os.environ, "TERM": "xterm", "COLUMNS": "70", "LINES": "40"},
        )
    os.close(terminal)
    shown = b""
    while piece := _read(controller):
        shown += piece
        if re.search(rb"Contact\s.*queued", shown):
            change_scenario(server, running_seconds=0)
            for job in server.jobs:
                complete_job(job)
    os.close(controller)
    assert process.wait() == 0, shown
    text = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown.decode())
    assert re.search(r"After .*: \d of 3 streams ended", text)
    assert re.search(r"Contact\s.*queued", text)
    _, _, summary = text.partition("This run:")
    assert "records" in summary
    assert max(map(len, summary.splitlines())) <= 70
    # Each log line begins where a line begins, not inside the table.
    assert all(line.startswith("20") for line in text.splitlines() if "| INFO" in line)


def _read(controller: int) -> bytes:
    try:
        return os.read(controller, 1 << 16)
    except OSError:  # what Linux says when the other end is closed
        return b""


@pytest.mark.parametrize(
    ("path", "said"),
    [("nowhere/report.html", "report_path: there is no folder"), (".", "is a folder")],
    ids=["no folder", "a folder"],
)
def test_a_report_that_cannot_be_written_is_told_at_once(
    tap: Tap,
    start_sandbox: StartSandbox,
    tmp_path: Path,
    path: str,
    said: str,
) -> None:
    server = start_sandbox(**SMALL)
    run = tap(config_for(server, *STREAMS, report_path=str(tmp_path / path)))
    assert run.exit_code == 1
    assert said in run.stderr
    assert "Traceback" not in run.stderr
    assert not server.calls


@pytest.fixture
def page() -> Iterator[Page]:
    """Open a page in a headless Chromium."""
    if not CHROMIUM.exists():
        pytest.skip("Chromium is not installed")
    from playwright.sync_api import sync_playwright  # noqa: PLC0415 - slow to import

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=CHROMIUM,
            args=["--no-sandbox", "--disable-gpu", "--disable-background-networking"],
        )
        yield browser.new_page(viewport={"width": 1200, "height": 900})
        browser.close()


def test_the_report_shows_where_the_time_went(
    tap: Tap, start_sandbox: StartSandbox, tmp_path: Path, page: Page
) -> None:
    server = start_sandbox(**SMALL, polls_until_complete=3)
    said = "<script>document.title = 'hostile'</script> & more"
    server.add_fault(place="page", kind="short_page", match={"sobject": "Account", "page": 2})
    server.add_fault(
        place="list_pages", kind="job_failed", error_message=said, match={"sobject": "Lead"}
    )
    report = tmp_path / "report.html"
    run = tap(config_for(server, *STREAMS, report_path=str(report)))
    assert run.exit_code == 1

    asked: list[str] = []
    complaints: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: complaints.append(message.text))
    page.goto(report.as_uri())
    assert asked == [report.as_uri()]
    assert not complaints
    assert page.title().startswith("Run of 20")
    for stream in ("Account", "Contact"):
        lane = page.locator(f"[data-stream={stream}]")
        frame = lane.bounding_box()
        assert frame is not None
        for phase in Phase:
            # A job of the sandbox is not queued, but runs until it has been asked for often enough.
            if phase is Phase.QUEUED:
                continue
            bars = lane.locator(f".{phase.value}").all()
            assert bars, (stream, phase)
            for bar in bars:
                box = bar.bounding_box()
                assert box is not None
                assert box["width"] > 0
                assert frame["x"] <= box["x"]
                assert box["x"] + box["width"] <= frame["x"] + frame["width"] + 3
    for width in (400, 700, 1200, 1900):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    retry = page.locator("[data-stream=Account] .mark").first
    assert "holds 9 records; Salesforce announced 10" in (retry.get_attribute("title") or "")
    assert said in page.locator("#failures").inner_text()
    assert page.locator(".failed .outcome").inner_text() == "failed"
    rows = page.locator("#streams tr").all_inner_texts()
    assert any(row.split("\t")[:3] == ["Account", "40", "4"] for row in rows)
