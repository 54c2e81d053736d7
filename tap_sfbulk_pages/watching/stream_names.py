"""The stream in each line of a log, also where many threads work for many streams.

A log record has the stream as `stream_name`, where the Singer SDK's JSON lines look for it, and
names it in its text if neither that nor the logger does.
"""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

from tap_sfbulk_pages.watching.activity import current


@cache
def name_streams_in_log(logger_of_tap: str | None = None) -> None:
    """Let the log records of this process name the stream that they concern.

    Args:
        logger_of_tap: The logger whose children are those of the streams, if there is one.
    """
    make_record = logging.getLogRecordFactory()

    def make_named(*arguments: Any, **others: Any) -> logging.LogRecord:
        record = make_record(*arguments, **others)
        stream = _stream_of(record, logger_of_tap)
        if stream is None:
            return record
        record.stream_name = stream
        message = record.getMessage()
        if stream not in message and not record.name.endswith(f".{stream}"):
            record.msg, record.args = f"Stream {stream}: {message}", ()
        return record

    logging.setLogRecordFactory(make_named)


def _stream_of(record: logging.LogRecord, logger_of_tap: str | None) -> str | None:
    """Find the stream: that of the logger, of a measurement, or of the thread."""
    parent, _, name = record.name.partition(".")
    if name and parent == logger_of_tap:
        return name
    if isinstance(record.args, tuple) and record.args:
        # A `Point` of the SDK's metrics.
        tags = getattr(record.args[0], "tags", None)
        if isinstance(tags, dict) and "stream" in tags:
            return str(tags["stream"])
    activity = current()
    return activity.name if activity else None
