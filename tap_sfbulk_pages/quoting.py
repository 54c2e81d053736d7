"""Texts of other parties, made safe to show: secrets blacked out, control characters visible.

A server, a proxy or the Salesforce CLI may repeat what it was sent, and may send what moves a
terminal's cursor or looks like another line of the log. Every error passes through `quote` when it
is made (`errors.ExtractionError`), and every log record of the commands when it is logged.
"""

from __future__ import annotations

import re
import threading
from base64 import b64encode
from functools import cached_property
from html.entities import codepoint2name

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
# No letter stands beside it, but that of an escape, as in `\npassword` and `%3Dpassword`.
_BEGINS = (
    r"(?:(?<!\w)|(?<=\\[bfnrt])|(?<=\\u[0-9a-f]{4})|(?<=\\x[0-9a-f]{2})"
    r"|(?<=%[0-9a-f]{2})|(?<=%25[0-9a-f]{2}))"
)
_ENDS = r"(?!\w)"
# Where an encoded character may begin; a space is encoded as `+` in forms.
_ESCAPES = re.compile(r"[\\%&+\x80-\xff]")
_LETTERS = re.compile(r"[0-9A-Za-z]{3,}")
_PEM_MARK = "-----"
# What is a secret by its form, whoever has issued it: session ids ("00D…!…") and refresh tokens of
# Salesforce, JSON Web Tokens, private keys, the passwords of addresses, and headers that sign in.
_MARKS = ("00D", "5Aep", "eyJ", _PEM_MARK, "://", "uthorization", "UTHORIZATION")
_SECRET_FORMS = (
    (re.compile(r"\b00D[0-9A-Za-z]{12,15}(?:!|%(?:25)*21|\\+u0021)[\w.%+/=~-]+"), BLACKED_OUT),
    (re.compile(r"\b5Aep[\w.%+/=~-]{16,}"), BLACKED_OUT),
    (re.compile(r"\beyJ[\w-]{8,}\.eyJ[\w-]{8,}(?:\.[\w-]*)?"), BLACKED_OUT),
    (
        re.compile(
            r"-----BEGIN [A-Z ]*PRIVATE KEY-----.*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)",
            re.DOTALL,
        ),
        BLACKED_OUT,
    ),
    (re.compile(r"(?<=://)([^\s/@:]*):[^\s/@]+(?=@)"), rf"\1:{BLACKED_OUT}"),
    (
        # After its name, as a header or in JSON.
        re.compile(
            r"(Authorization[\s\"':=\\]{1,8}(?:Bearer|Basic)\s{1,8})[\w.!%+/=~-]+", re.IGNORECASE
        ),
        rf"\1{BLACKED_OUT}",
    ),
)
# C0 and C1, and what turns or hides text: bidirectional controls, zero-width characters, tags, and
# surrogates, which no UTF-8 stream takes.
_CONTROL = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U000e0000-\U000e007f]"
)


class _Secret:
    """A secret to black out. Its pattern takes milliseconds to make, and is seldom needed."""

    def __init__(self, text: str) -> None:
        self.text = text
        self._plain_start = text[:_START].lower()
        self._start = re.compile(_in_any_form(text[:_START]), re.IGNORECASE)
        # What of it stands in the base64 of any text that contains it, such as `user:password`.
        shifted = (_shifted_base64(text, by) for by in range(3))
        self._base64 = [each for each in shifted if len(each) >= _UNMISTAKABLE]
        self._base64_parts = [
            found[0] if (found := _LETTERS.search(each)) else "" for each in self._base64
        ]

    def black_out(self, text: str, *, lower: str, has_escapes: bool) -> str:
        """Black it out.

        Args:
            text: As it came, or with other secrets blacked out.
            lower: The text in lower case.
            has_escapes: Whether a character of the text may be the beginning of an escape.
        """
        if (
            self._plain_start in lower
            or (has_escapes and self._start.search(text))
            or any(part in text for part in self._base64_parts)
        ):
            return self._whole.sub(BLACKED_OUT, text)
        return text

    @cached_property
    def _whole(self) -> re.Pattern[str]:
        patterns = [_pattern(self.text), *map(_pattern, self._base64)]
        return re.compile("|".join(patterns), re.IGNORECASE)


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
    text = _black_out(text)
    if is_cut:
        # It may end in a part of a secret.
        text = text[:-_LONGEST_PART]
    if limit is not None and len(text) > limit:
        text = f"{text[:limit]}…"
    return _CONTROL.sub(lambda found: _visible(found[0], keep_lines=keep_lines), text)


def holds_secret(text: str) -> bool:
    """Return whether a text repeats a secret, so that it must not be saved or sent as it is."""
    return _black_out(text) != text


def _black_out(text: str) -> str:
    lower, has_escapes = text.lower(), _ESCAPES.search(text) is not None
    for secret in _secrets:
        text = secret.black_out(text, lower=lower, has_escapes=has_escapes)
    if any(mark in text for mark in _MARKS):
        for form, shown in _SECRET_FORMS:
            text = form.sub(shown, text)
    return text


def _shifted_base64(text: str, by: int) -> str:
    """Return the part of a text's base64 that is the same whatever stands beside it.

    Args:
        text: The text.
        by: How many bytes before it belong to its first group of three.
    """
    data = b"\0" * by + text.encode("utf-8", "surrogatepass")
    encoded = b64encode(data).decode().rstrip("=")
    return encoded[(0, 2, 3)[by] : len(encoded) - (len(data) % 3 > 0)]


def _pattern(text: str) -> str:
    """Write a pattern for a secret in any form, whole or cut."""
    if len(text) < _UNMISTAKABLE:
        return f"{_BEGINS}{_in_any_form(text)}{_ENDS}"
    if len(text) <= _HEAD or text.startswith(_PEM_MARK):
        return _in_any_form(text)
    whole, head = _in_any_form(text[:_COMPARED]), _in_any_form(text[:_HEAD])
    if len(text) > _COMPARED:
        return f"{head}{_TAIL}" if " " not in text else f"{whole}{_TAIL}"
    rest = [f"(?:{_in_any_form(character)}" for character in text[_HEAD:]]
    tail = "" if re.search(r"\s", text) else _TAIL
    return f"{whole}|{head}{''.join(rest)}{')?' * len(rest)}{tail}"


def _in_any_form(text: str) -> str:
    """Write a pattern for a text as it is, or encoded for URLs, JSON, Python or HTML."""
    return "".join(f"(?:{'|'.join(_forms(character))})" for character in text)


def _forms(character: str) -> list[str]:
    code = ord(character)
    encoded = character.encode("utf-8", "surrogatepass")
    units = memoryview(character.encode("utf-16-be", "surrogatepass")).cast("B")
    pairs = [units[at : at + 2].hex() for at in range(0, len(units), 2)]
    forms = [
        # How often it may be encoded has a bound, or else a long row of backslashes takes hours.
        rf"\\{{0,8}}{re.escape(character)}",
        "".join(f"%(?:25){{0,3}}{byte:02x}" for byte in encoded),
        "".join(rf"\\{{1,8}}u{pair}" for pair in pairs),
        rf"\\{{1,8}}x{code:02x}",
        rf"&(?:amp;){{0,3}}#0{{0,4}}{code};",
        rf"&(?:amp;){{0,3}}#x0{{0,4}}{code:x};",
    ]
    if not character.isascii():
        # Python's `bytes`, UTF-8 that was taken for Latin-1, and characters beyond the first plane.
        forms.append("".join(rf"\\{{1,8}}x{byte:02x}" for byte in encoded))
        forms.append(re.escape(encoded.decode("latin-1")))
        forms.append(rf"\\{{1,8}}U{code:08x}")
    if character == " ":
        forms.append(r"\+")
    if name := {"'": "apos"}.get(character) or codepoint2name.get(code):
        forms.append(f"&(?:amp;){{0,3}}{name};")
    return forms


def _visible(character: str, *, keep_lines: bool) -> str:
    if keep_lines and character in "\n\t":
        return character
    return character.encode("unicode_escape").decode("ascii")
