"""What another party sends can be shown: no secret in any form, no character that acts."""

from __future__ import annotations

import html
import json
import logging
import pickle
import sys
import threading
import warnings
from base64 import b64encode, urlsafe_b64encode
from html.entities import codepoint2name
from typing import TYPE_CHECKING
from urllib.parse import quote as percent_encode
from urllib.parse import quote_plus

import pytest
from singer_sdk.logging import StructuredFormatter

from tap_sfbulk_pages.errors import RefusedError, SettingsError, UnavailableError
from tap_sfbulk_pages.quoted_output import quote_all_output, quote_log_records
from tap_sfbulk_pages.quoting import BLACKED_OUT, keep_secret, quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

SECRETS = (
    "00D5g000008Kf2Z!AQEAQMzzz.cd_ef/gh+ij==",
    "5Aep861_refresh.of-ada",
    'pass word & <more> "of" it\'s \\ %41+ü€😀',
    "S3CRET0F4N4PP",
    "short",
)
FORMS: dict[str, Callable[[str], str]] = {
    "as it is": str,
    "for a URL": lambda text: percent_encode(text, safe=""),
    "for a form": quote_plus,
    "for a form, in small letters": lambda text: quote_plus(text).lower(),
    "for a URL, twice": lambda text: percent_encode(percent_encode(text, safe=""), safe=""),
    "JSON": lambda text: json.dumps({"a": text}),
    "JSON in UTF-8": lambda text: json.dumps({"a": text}, ensure_ascii=False),
    "JSON in JSON": lambda text: json.dumps(json.dumps({"a": text})),
    "JSON with slashes": lambda text: json.dumps(text).replace("/", "\\/"),
    "HTML": html.escape,
    "HTML by numbers": lambda text: "".join(f"&#{ord(each)};" for each in text),
    "repr": repr,
    "a form in HTML": lambda text: html.escape(quote_plus(text)),
    "for a URL, in part": lambda text: percent_encode(text, safe="!+/=&<"),
    "HTML in HTML": lambda text: html.escape(html.escape(text)),
    "HTML by names": lambda text: "".join(
        f"&{codepoint2name[ord(each)]};" if ord(each) in codepoint2name else each for each in text
    ),
    "bytes": lambda text: repr(text.encode()),
    "UTF-8 as Latin-1": lambda text: text.encode().decode("latin-1"),
    "cut": lambda text: text if " " in text else text[: max(len(text) - 3, 20)],
}


@pytest.fixture(autouse=True)
def known(forget_secrets: None) -> None:  # noqa: ARG001 - it comes first
    keep_secret(*SECRETS)


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_in_any_form(secret: str, form: str) -> None:
    written = FORMS[form](secret)
    quoted = quote(f"you sent: {written} {written};a={written}.")
    assert quoted.startswith("you sent: ")
    assert quoted.count(BLACKED_OUT) == 3
    assert written not in quoted
    assert secret[:8] not in quoted
    assert secret[-5:] not in quoted
    assert quote(quoted) == quoted


@pytest.mark.parametrize("encode", [b64encode, urlsafe_b64encode])
@pytest.mark.parametrize("user", ["a", "ab", "abc", "ada@example.com"])
@pytest.mark.parametrize("secret", SECRETS[:4])
def test_a_secret_in_base64(secret: str, user: str, encode: Callable[[bytes], bytes]) -> None:
    encoded = encode(f"{user}:{secret}".encode()).decode()
    quoted = quote(f"you sent {encoded}, did you?")
    assert BLACKED_OUT in quoted
    assert quoted.endswith(", did you?")
    assert encoded[len(user) * 4 // 3 + 4 :] not in quoted
    assert encoded[-8:] not in quoted


@pytest.mark.parametrize("length", range(16, 40))
def test_a_secret_that_was_cut(length: int) -> None:
    secret = "abcd$efgh*ijkl#mnop(qrst)uvwx{yz01}"
    keep_secret(secret)
    assert quote(f"you sent {secret[:length]}") == f"you sent {BLACKED_OUT}"


@pytest.mark.parametrize(
    "before", ["\\n", "\\t", "%3D", "%253d", "=", ":", '"', "(", "\\u003d", "&#61;"]
)
def test_a_short_secret_after_an_escape(before: str) -> None:
    keep_secret("hunter2")
    assert "hunter2" not in quote(f"{before}hunter2")
    assert "hunter22" in quote("hunter22")


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("session 00D5g000008Kf2ZEAS!AQ.abc_def.GHI used", "session [secret] used"),
        ("session 00D5g000008Kf2Z%21AQabcdef", "session [secret]"),
        ("00D5g000008Kf2ZEAS is an org", "00D5g000008Kf2ZEAS is an org"),
        ("5Aep861ABCDEFabcdef.0123456789==", "[secret]"),
        ("assertion=eyJhbGciOiJS.eyJpc3MiOiIz.c2lnbmF0dXJl&a=b", "assertion=[secret]&a=b"),
        ("Authorization: Bearer abc\r\nHost: a", "Authorization: Bearer [secret]\\r\\nHost: a"),
        ('"Proxy-Authorization": "Basic YTpi"', '"Proxy-Authorization": "Basic [secret]"'),
        ("http://ada:pa:ss%21@proxy:8080/x", "http://ada:[secret]@proxy:8080/x"),
        ("http://proxy:8080/x@y", "http://proxy:8080/x@y"),
        (
            "a -----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY----- b",
            "a [secret] b",
        ),
        ("a -----BEGIN PRIVATE KEY-----\nMIIE", "a [secret]"),
    ],
)
def test_what_is_a_secret_by_its_form(text: str, shown: str) -> None:
    assert quote(text) == shown
    assert quote(shown) == shown


def test_a_short_secret_is_not_found_in_words() -> None:
    keep_secret("token")
    assert quote("access_token tokens") == "access_token tokens"
    assert (
        quote("Bearer token, token=token") == f"Bearer {BLACKED_OUT}, {BLACKED_OUT}={BLACKED_OUT}"
    )


def test_what_is_shorter_than_any_secret_is_not_one() -> None:
    keep_secret("a", "", None, "abcd")
    assert quote("a abcd") == "a abcd"


def test_the_word_secret_is_shown_as_one() -> None:
    keep_secret("secret", "Secret")
    quoted = quote("client_secret=x, secret; a Secret")
    assert quote(quoted) == quoted
    assert "[[" not in quoted


def test_a_key_of_several_lines() -> None:
    lines = ["-----BEGIN PRIVATE KEY-----", "MIIEvAIBADANBgkqhkiG9w0", "AQEFAASCBKYwggSiAgEAA"]
    keep_secret("\n".join(lines))
    quoted = quote(f"{lines[1]}{lines[2]} {lines[0]}\\n{lines[1]}\\n{lines[2]}")
    assert not any(line in quoted for line in lines)


def test_a_secret_is_not_cut_in_half_before_it_is_found() -> None:
    text = f"{'x' * 90} {SECRETS[0]}"
    assert quote(text, limit=100) == f"{'x' * 90} {BLACKED_OUT}"
    assert quote("y" * 101, limit=100) == f"{'y' * 100}…"
    # Looked at up to the middle of the last password, and full of others before it.
    many = "S3CRET0F4N4PP " * 100
    assert "S3C" not in quote(many, limit=100)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title\\x07"),
        ("a\r\nERROR forged", "a\\r\\nERROR forged"),
        ("\x9b31m\x85", "\\x9b31m\\x85"),
        ("\x00\t\x7f", "\\x00\\t\\x7f"),
        (
            "\u2028\u202e\u200b\ufeff\ud800\U000e0041\ufff9\u180e",
            "\\u2028\\u202e\\u200b\\ufeff\\ud800\\U000e0041\\ufff9\\u180e",
        ),
        ("Straße, 東京 😀\u00a0\\n", "Straße, 東京 😀\u00a0\\n"),
    ],
)
def test_characters_that_act_are_visible(text: str, shown: str) -> None:
    assert quote(text) == shown
    assert quote(shown) == shown
    shown.encode()


def test_lines_may_stay() -> None:
    assert quote("a\n\tb\r\x1b", keep_lines=True) == "a\n\tb\\r\\x1b"


def test_every_error_is_quoted_and_stays_so_when_it_travels() -> None:
    bad = f"said\x1b\n{SECRETS[0]}"
    good = f"said\\x1b\\n{BLACKED_OUT}"
    refused = RefusedError(bad, status=400, error_code="A\x1b", said=bad)
    travelled = pickle.loads(pickle.dumps(refused))  # noqa: S301 - its own
    for error in (refused, travelled, refused.with_advice("b")):
        assert str(error).startswith(good)
        assert (error.error_code, error.said) == ("A\\x1b", good)
    assert SettingsError(bad, "b").errors == (good, "b")
    assert str(UnavailableError(bad)) == good


@pytest.fixture
def usual_records() -> Iterator[None]:
    """Begin with the logging module's own factory, and put back what there was."""
    usual = logging.getLogRecordFactory()
    logging.setLogRecordFactory(logging.LogRecord)
    yield
    logging.setLogRecordFactory(usual)


@pytest.mark.usefixtures("usual_records")
def test_log_records(caplog: pytest.LogCaptureFixture) -> None:
    quote_log_records()
    logger = logging.getLogger("somebody's")
    logger.warning("two\nlines: %s\n  three", {"a": f"\x1b{SECRETS[0]}"})
    logger.warning("%d of %s", 1, 2)
    error = ValueError(SECRETS[0])
    error.__cause__ = KeyError(SECRETS[1])
    error.__notes__ = [SECRETS[3]]
    logger.error("with a traceback", exc_info=error)
    assert caplog.messages[0] == f"two\n  lines: {{'a': '\\x1b{BLACKED_OUT}'}}\n  three"
    assert caplog.records[1].args == (1, 2)
    assert f"ValueError: {BLACKED_OUT}" in caplog.text
    structured = StructuredFormatter().format(caplog.records[2])
    assert f'"type":"ValueError","module":"builtins","message":"{BLACKED_OUT}"' in structured
    logger.error("one %s and %s", f"\x1b{SECRETS[0]}")  # noqa: PLE1206 - others do so
    assert caplog.messages[3] == f"one %s and %s ('\\x1b{BLACKED_OUT}',)"
    for secret in SECRETS[:4]:
        assert secret not in caplog.text + structured


@pytest.mark.usefixtures("usual_records")
def test_crashes_and_warnings(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for module, name in (
        (sys, "excepthook"),
        (sys, "unraisablehook"),
        (threading, "excepthook"),
        (warnings, "formatwarning"),
    ):
        monkeypatch.setattr(module, name, getattr(module, name))
    quote_all_output.__wrapped__()
    crash = ValueError(f"\x1b]0;{SECRETS[0]}\nERROR forged")
    sys.excepthook(ValueError, crash, None)
    told = capsys.readouterr().err
    assert told == f"ValueError: \\x1b]0;{BLACKED_OUT}\n  ERROR forged\n"

    class Unraisable:
        exc_type, exc_value, exc_traceback = ValueError, crash, None

    sys.unraisablehook(Unraisable())  # type: ignore[arg-type]
    assert capsys.readouterr().err == told
    told = warnings.formatwarning(str(crash)[:-13], UserWarning, "a", 1)
    assert told == f"a:1: UserWarning: \\x1b]0;{BLACKED_OUT}\n"
