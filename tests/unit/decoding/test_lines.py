"""RECORD messages are what the SDK would write."""

from __future__ import annotations

import json
from datetime import datetime, timezone

import pytest

from tap_sfbulk_pages.decoding.lines import JSON_LINES, record_message

NOON = datetime(2026, 5, 7, 12, tzinfo=timezone.utc)
RECORD = '{"Id":"1"}'


@pytest.mark.parametrize("stream", ["Account", 'a "quoted" one', "Ünïcode"])
@pytest.mark.parametrize("version", [None, 0, 1_700_000_000])
def test_a_record_message_around_a_record(stream: str, version: int | None) -> None:
    envelope = record_message(stream, time_extracted=NOON, version=version)
    line = f"{envelope.before}{RECORD}{envelope.behind}"
    assert line.index("\n") == len(line) - 1
    message = {
        "type": "RECORD",
        "stream": stream,
        "record": {"Id": "1"},
        "time_extracted": "2026-05-07T12:00:00+00:00",
    }
    assert json.loads(line) == (message if version is None else {**message, "version": version})


def test_a_bare_line() -> None:
    assert f"{JSON_LINES.before}{RECORD}{JSON_LINES.behind}" == f"{RECORD}\n"
