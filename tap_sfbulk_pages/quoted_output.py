"""What a process prints by itself, made safe to show: log records, warnings and tracebacks."""

from __future__ import annotations

import logging
import re
import sys
import threading
import traceback
import warnings
from functools import cache
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.quoting import quote

if TYPE_CHECKING:
    from types import TracebackType

_LINE_START = re.compile(r"\n(?=\S)")


@cache
def quote_all_output() -> None:
    """Let this process quote its log records and warnings, and the traceback of a crash."""
    quote_log_records()

    def print_crash(
        kind: type[BaseException], crash: BaseException, trace: TracebackType | None
    ) -> None:
        sys.stderr.write(_quote_traceback(kind, crash, trace))

    sys.excepthook = print_crash
    threading.excepthook = lambda crash: print_crash(
        crash.exc_type, crash.exc_value or crash.exc_type(), crash.exc_traceback
    )
    sys.unraisablehook = lambda crash: print_crash(
        crash.exc_type, crash.exc_value or crash.exc_type(), crash.exc_traceback
    )
    write_warning = warnings.formatwarning
    warnings.formatwarning = lambda *given, **others: quote(
        write_warning(*given, **others), keep_lines=True
    )


def quote_log_records() -> None:
    """Let log records be quoted as they are made.

    Their lines stay, since tables have some, but none after the first looks like a record.
    """
    make_record = logging.getLogRecordFactory()

    def make_quoted(*arguments: Any, **others: Any) -> logging.LogRecord:
        record = make_record(*arguments, **others)
        message = _message_of(record)
        quoted = _indent(quote(message, keep_lines=True))
        if quoted != message:
            record.msg, record.args = quoted, ()
        if record.exc_info and record.exc_info[0]:
            kind, error, trace = record.exc_info
            record.exc_text = _quote_traceback(kind, error, trace).rstrip("\n")
            # Formatters that write JSON look at the exception itself, and at its causes.
            record.exc_info = (kind, Exception(quote(str(error))), trace)
        return record

    logging.setLogRecordFactory(make_quoted)


def _message_of(record: logging.LogRecord) -> str:
    try:
        return record.getMessage()
    except (TypeError, ValueError):
        # Logging would print the arguments as they are.
        record.msg, record.args = f"{record.msg} {record.args}", ()
        return record.msg


def _quote_traceback(
    kind: type[BaseException], error: BaseException | None, trace: TracebackType | None
) -> str:
    text = "".join(traceback.format_exception(kind, error, trace))
    return _indent(quote(text, keep_lines=True))


def _indent(text: str) -> str:
    return _LINE_START.sub("\n  ", text)
