"""Texts of other parties, made safe to show: known secrets blacked out, control characters visible.

A server, a proxy or the Salesforce CLI may repeat what it was sent, and may send what moves a
terminal's cursor or looks like another line of the log. Every error passes through `quote` when it
is made (`errors.ExtractionError`), and every log record of the commands when it is logged.
"""

from __future__ import annotations

import html
import logging
import re
import sys
import threading
import traceback
from functools import cache, cached_property
from typing import Any

BLACKED_OUT = "[secret]"

# Salesforce's shortest passwords have 5 characters (Salesforce Help, "Set Password Policies").
_SHORTEST = 5
# A shorter secret may be a part of usual words, such as `token`, and counts only by itself.
_UNMISTAKABLE = 12
# A longer one is known by its beginning, too, since what repeats it may have cut it.
_HEAD = 16
_COMPARED = 64
# Of a text with a limit, so many times the limit, but for the end, in which a secret may be cut.
_LOOKED_AT = 8
_LONGEST_PART = 512
_START = 3
_TAIL = r"[\w.!%+/=~-]*"
# C0 and C1, and what turns or hides text: bidirectional controls, zero-width characters, tags, and
# surrogates, which no UTF-8 stream takes.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff"
    "\U000e0000-\U000e007f]"
)


class _Secret:
    """A secret to black out. Its pattern takes milliseconds to make, and is seldom needed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._start = re.compile(_in_any_form(text[:_START]), re.IGNORECASE)

    def black_out(self, text: str) -> str:
        return self._whole.sub(BLACKED_OUT, text) if self._start.search(text) else text

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        pattern = _in_any_form(self.text[:_COMPARED])
        if len(self.text) > _COMPARED:
            pattern += _TAIL
        if len(self.text) < _UNMISTAKABLE:
            pattern = rf"(?<!\w){pattern}(?!\w)"
        elif len(self.text) > _HEAD and not re.search(r"\s", self.text):
            pattern = f"{pattern}|{_in_any_form(self.text[:_HEAD])}{_TAIL}"
        return re.compile(pattern, re.IGNORECASE)


_lock = threading.Lock()
_secrets: tuple[_Secret, ...] = ()


def keep_secret(*secrets: str | None) -> None:
    """Black secrets out of all that this process quotes from now on.

    Args:
        secrets: Tokens, passwords, keys; of those with several lines each line is one. A text that
            is shorter than any real secret is ignored.
    """
    global _secrets  # noqa: PLW0603 - what is secret is so for the whole process
    lines = [line.strip() for secret in secrets if secret for line in secret.splitlines()]
    with _lock:
        known = {secret.text: secret for secret in _secrets}
        for line in lines:
            if len(line) >= _SHORTEST and line not in known and line.lower() not in BLACKED_OUT:
                known[line] = _Secret(line)
        # The longest first, so that a part does not hide the whole.
        _secrets = tuple(sorted(known.values(), key=lambda secret: -len(secret.text)))


def quote(text: str, *, limit: int | None = None, keep_lines: bool = False) -> str:
    """Make a text safe to show. Doing it again changes nothing.

    Args:
        text: From another party, or with a part from one.
        limit: The most characters; what is more is left out, and not looked at.
        keep_lines: Leave line ends and tabs as they are, for a text of several lines.
    """
    is_cut = limit is not None and len(text) > _LOOKED_AT * limit
    if is_cut:
        text = text[: _LOOKED_AT * (limit or 0)]
    for secret in _secrets:
        text = secret.black_out(text)
    if is_cut:
        # It may end in a part of a secret.
        text = text[:-_LONGEST_PART]
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}…"
    return _CONTROL.sub(lambda found: _visible(found[0], keep_lines=keep_lines), text)


@cache
def quote_all_output() -> None:
    """Let this process quote all its log records, and the traceback of a crash."""
    quote_log_records()

    def print_crash(kind: type[BaseException], crash: BaseException, trace: Any) -> None:
        text = "".join(traceback.format_exception(kind, crash, trace))
        sys.stderr.write(quote(text, keep_lines=True))

    sys.excepthook = print_crash
    threading.excepthook = lambda crash: print_crash(
        crash.exc_type, crash.exc_value or crash.exc_type(), crash.exc_traceback
    )


def quote_log_records() -> None:
    """Let log records be quoted as they are made. Their lines stay, since tables have some."""
    make_record = logging.getLogRecordFactory()

    def make_quoted(*arguments: Any, **others: Any) -> logging.LogRecord:
        record = make_record(*arguments, **others)
        message = record.getMessage()
        quoted = quote(message, keep_lines=True)
        if quoted != message:
            record.msg, record.args = quoted, ()
        if record.exc_info and record.exc_info[0]:
            text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            record.exc_text = quote(text, keep_lines=True)
        return record

    logging.setLogRecordFactory(make_quoted)


def _in_any_form(text: str) -> str:
    """Write a pattern for a text as it is, or encoded for URLs, JSON, Python or HTML."""
    return "".join(f"(?:{'|'.join(_forms(character))})" for character in text)


def _forms(character: str) -> list[str]:
    code = ord(character)
    forms = [
        # How often it may be encoded has a bound, or else a long row of backslashes takes hours.
        rf"\\{{0,8}}{re.escape(character)}",
        "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in character.encode("utf-8", "surrogatepass")),
        rf"\\{{1,8}}u{code:04x}",
        rf"\\{{1,8}}x{code:02x}",
        rf"&#0{{0,4}}{code};",
        rf"&#x0{{0,4}}{code:x};",
    ]
    if character == " ":
        forms.append(r"\+")
    if character in "&<>\"'":
        forms.append(re.escape(html.escape(character)))
    return forms


def _visible(character: str, *, keep_lines: bool) -> str:
    if keep_lines and character in "\n\t":
        return character
    return character.encode("unicode_escape").decode("ascii")
