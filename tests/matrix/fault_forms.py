"""The faults of the matrix: their forms, and where they can strike."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any, Literal

from sfbulk_sandbox.salesforce_errors import usual_error

Place = Literal[
    "token", "versions", "sobjects", "composite", "describe", "limits",
    "create", "poll", "list_pages", "page", "serial_page", "delete",
]  # fmt: skip

# Called once, or before any stream is known.
ORG_PLACES: tuple[Place, ...] = ("token", "versions", "sobjects", "composite", "limits")
STREAM_PLACES: tuple[Place, ...] = ("create", "poll", "list_pages", "page", "delete")
ALL_PLACES = ORG_PLACES + STREAM_PLACES


@dataclass(frozen=True)
class FaultForm:
    """One form of a fault.

    Args:
        row: Its row in the table of docs/faults.md.
        name: Tells it from the other forms.
        keys: Of the fault in a scenario, beside `place`, `match`, `first` and `times`.
        said: A pattern that the report of it must hold.
        heals: Whether one strike must be healed wherever it may strike.
        places: Where it strikes.
        alone: Whether it concerns all streams of a run.
    """

    row: str
    name: str
    keys: tuple[tuple[str, Any], ...] = field(hash=False)
    said: str
    heals: bool
    places: tuple[Place, ...] = ALL_PLACES
    alone: bool = False

    @property
    def can_strike_any_stream_call(self) -> bool:
        """Whether it says nothing about what a reply must hold."""
        return set(STREAM_PLACES) <= set(self.places)


def _form(row: str, name: str, said: str, *, heals: bool, **rest: Any) -> FaultForm:
    own = {each: rest.pop(each) for each in ("places", "alone") if each in rest}
    return FaultForm(row, name, tuple(rest.items()), said, heals, **own)


def _status(status: int, *, heals: bool, row: str, **rest: Any) -> FaultForm:
    said = rf"{status} .*{usual_error(status).message[:20]}"
    if status in (406, 420):
        said = {406: "406", 420: "420.*Edge could not route"}[status]
    return _form(row, str(status), said, heals=heals, kind="status", status=status, **rest)


def _pages(row: str, name: str, said: str, *, heals: bool = True, **rest: Any) -> FaultForm:
    places: tuple[Place, ...] = ("page", "serial_page")
    return _form(row, name, said, heals=heals, places=places, **rest)


def _lists(row: str, name: str, said: str, **rest: Any) -> FaultForm:
    return _form(row, name, said, heals=False, places=("list_pages",), **rest)


_READING: tuple[Place, ...] = ("poll", "list_pages", "page")
_EVERYWHERE = (*ALL_PLACES, "serial_page")
_ENDED = r"ended before|ends early|not JSON|connection failed|no end|broken|is incomplete"
_COUNTED = r"holds \d+ records?; Salesforce announced|not \d+ cells per line|middle of a record"
_MISSED = r"The result pages hold \d+ records?, but Salesforce processed"

FORMS: tuple[FaultForm, ...] = (
    _status(400, heals=False, row="status 400, 404, 414"),
    _status(401, heals=False, row="status 401"),
    _status(403, heals=False, row="status 403"),
    _status(404, heals=False, row="status 400, 404, 414"),
    _status(406, heals=True, row="status 406, 420 (HTML)"),
    _status(409, heals=False, row="status 409"),
    _status(414, heals=False, row="status 400, 404, 414", places=STREAM_PLACES),
    _status(420, heals=True, row="status 406, 420 (HTML)", places=STREAM_PLACES),
    _status(429, heals=True, row="status 429 with Retry-After", headers={"Retry-After": "0.1"}),
    _status(500, heals=True, row="status 500, 502, 503, 504"),
    _status(502, heals=True, row="status 500, 502, 503, 504", places=STREAM_PLACES),
    _status(503, heals=True, row="status 500, 502, 503, 504"),
    _status(504, heals=True, row="status 500, 502, 503, 504", places=STREAM_PLACES),
    _form(
        "status 500, 502, 503, 504",
        "500-within",
        "UNKNOWN_EXCEPTION",
        heals=True,
        kind="status",
        status=500,
        places=("describe",),
    ),
    _form(
        "HTML page with 503 or 200",
        "html-503",
        "down for maint",
        heals=True,
        kind="html",
        status=503,
    ),
    _form(
        "HTML page with 503 or 200",
        "html-200",
        "down for maint|text/html|not JSON",
        heals=True,
        kind="html",
        places=_EVERYWHERE,
    ),
    _form(
        "204 or 200 without a body",
        "no-content",
        "204|without the id",
        heals=False,
        kind="no_content",
    ),
    _form(
        "204 or 200 without a body",
        "empty",
        r"not JSON|holds 0 records",
        heals=True,
        kind="empty_body",
        places=_EVERYWHERE,
    ),
    _form(
        "reply cut short",
        "cut-length",
        _ENDED,
        heals=True,
        kind="cut",
        framing="length",
        places=STREAM_PLACES,
    ),
    _form(
        "reply cut short",
        "cut-chunked",
        _ENDED,
        heals=True,
        kind="cut",
        framing="chunked",
        places=STREAM_PLACES,
    ),
    _form(
        "reply cut short",
        "cut-close",
        _ENDED,
        heals=True,
        kind="cut",
        framing="close",
        places=_EVERYWHERE,
    ),
    _form(
        "broken gzip",
        "gzip-truncated",
        "compressed body|not JSON",
        heals=True,
        kind="broken_gzip",
        how="truncated",
        places=_EVERYWHERE,
    ),
    _form(
        "broken gzip",
        "gzip-checksum",
        "compressed body",
        heals=True,
        kind="broken_gzip",
        how="checksum",
        places=STREAM_PLACES,
    ),
    _form(
        "broken gzip",
        "gzip-inside",
        "compressed body",
        heals=True,
        kind="broken_gzip",
        how="inside",
        places=STREAM_PLACES,
    ),
    _form("connection reset", "reset-before", "connection", heals=True, kind="reset"),
    _form(
        "connection reset",
        "reset-within",
        "connection",
        heals=True,
        kind="reset",
        fraction=0.5,
        places=STREAM_PLACES,
    ),
    _form(
        "silence without an end",
        "stall-before",
        "connection stalled",
        heals=True,
        kind="stall",
        fraction=None,
        places=STREAM_PLACES,
    ),
    _form(
        "silence without an end",
        "stall-within",
        "connection stalled",
        heals=True,
        kind="stall",
        places=_EVERYWHERE,
    ),
    _form("slow drip", "drip", "too slow", heals=True, kind="drip", bytes=1, seconds=1),
    _form(
        "wrong charset",
        "charset-label",
        "UTF-8",
        heals=True,
        kind="wrong_charset",
        places=STREAM_PLACES,
    ),
    _form(
        "wrong charset",
        "charset-bytes",
        "UTF-8|not JSON",
        heals=True,
        kind="wrong_charset",
        what="bytes",
        places=_EVERYWHERE,
    ),
    _form("redirect", "redirect", "was redirected to", heals=False, kind="redirect"),
    _pages("page shorter or longer than its count", "short-page", _COUNTED, kind="short_page"),
    _pages("page shorter or longer than its count", "long-page", _COUNTED, kind="long_page"),
    _pages("page shorter or longer than its count", "wrong-count", _COUNTED, kind="wrong_count"),
    _pages("header line, column, count header gone", "missing-count", "", kind="missing_count"),
    _pages(
        "header line, column, count header gone",
        "no-header",
        f"{_COUNTED}|lacks columns",
        kind="no_header",
    ),
    _pages(
        "header line, column, count header gone",
        "missing-column",
        "lacks columns",
        kind="missing_column",
    ),
    _lists("page listed twice or left out", "page-twice", "", kind="page_twice"),
    _lists("page listed twice or left out", "page-missing", _MISSED, kind="page_missing"),
    _lists(
        "continuation that repeats or leads nowhere",
        "repeat-continuation",
        "in a circle",
        kind="repeat_continuation",
    ),
    _lists(
        "continuation that repeats or leads nowhere",
        "dead-continuation",
        "cannot be continued.*INVALID_QUERY_LOCATOR",
        kind="dead_continuation",
    ),
    _lists(
        "`done` and continuation contradict",
        "done-but-continuation",
        "",
        kind="done_but_continuation",
    ),
    _lists(
        "`done` and continuation contradict",
        "not-done-no-continuation",
        _MISSED,
        kind="not_done_no_continuation",
    ),
    _lists(
        "link to another host",
        "other-host-link",
        "not to http.*not sent there",
        kind="other_host_link",
    ),
    _form(
        "locator refused",
        "locator-400",
        "INVALID_QUERY_LOCATOR",
        heals=False,
        kind="locator_refused",
        places=("list_pages", "page", "serial_page"),
    ),
    _form(
        "locator refused",
        "locator-404",
        "404",
        heals=False,
        kind="locator_refused",
        status=404,
        places=("list_pages", "page", "serial_page"),
    ),
    _form(
        "job fails or is aborted",
        "job-failed",
        "Unexpected exception encountered|no reason|answered 4",
        heals=False,
        kind="job_failed",
        places=_READING,
    ),
    _form(
        "job fails or is aborted",
        "job-failed-silently",
        "gave no reason|answered 4",
        heals=False,
        kind="job_failed",
        error_message=None,
        places=_READING,
    ),
    _form(
        "job fails or is aborted",
        "job-aborted",
        "Aborted|answered 4",
        heals=False,
        kind="job_aborted",
        places=_READING,
    ),
    _form(
        "job disappears, or is of another version",
        "job-gone",
        "404 NOT_FOUND",
        heals=False,
        kind="job_gone",
        places=(*_READING, "serial_page"),
    ),
    _form(
        "job disappears, or is of another version",
        "job-version",
        "409 INVALIDVERSION",
        heals=False,
        kind="job_version",
        places=_READING,
    ),
    _form(
        "unknown job state",
        "unknown-state",
        "unknown state: 'Suspended'",
        heals=False,
        kind="unknown_state",
        places=("poll",),
    ),
    _form(
        "total wrong, missing or twice",
        "total-high",
        _MISSED,
        heals=False,
        kind="wrong_total",
        by=3,
        places=("poll",),
    ),
    _form(
        "total wrong, missing or twice",
        "total-low",
        _MISSED,
        heals=False,
        kind="wrong_total",
        by=-3,
        places=("poll",),
    ),
    _form(
        "total wrong, missing or twice",
        "total-missing",
        "",
        heals=False,
        kind="missing_total",
        places=("poll",),
    ),
    _form(
        "total wrong, missing or twice",
        "total-twice",
        _MISSED,
        heals=False,
        kind="duplicate_total",
        places=("poll",),
    ),
    _form(
        "serial walk: locator missing or wrong",
        "locator-missing",
        _MISSED,
        heals=False,
        kind="missing_locator",
        places=("serial_page",),
    ),
    _form(
        "serial walk: locator missing or wrong",
        "locator-wrong",
        "locator|400|answered",
        heals=False,
        kind="wrong_locator",
        places=("serial_page",),
    ),
    _form(
        "session dies (and refresh token)",
        "tokens-die",
        "INVALID_SESSION_ID",
        heals=True,
        kind="expire_tokens",
        places=("versions", "sobjects", "composite", "limits", *STREAM_PLACES),
        alone=True,
    ),
    _form(
        "session dies (and refresh token)",
        "refresh-dies",
        "expired access/refresh token|invalid_grant|INVALID_SESSION_ID",
        heals=False,
        kind="revoke_refresh",
        places=("sobjects", "limits", *STREAM_PLACES),
        alone=True,
    ),
    _form(
        "daily limit reached (403, 400)",
        "limit-requests",
        "REQUEST_LIMIT_EXCEEDED",
        heals=False,
        kind="daily_limit",
        alone=True,
    ),
    _form(
        "daily limit reached (403, 400)",
        "limit-jobs",
        "LIMIT_EXCEEDED",
        heals=False,
        kind="daily_limit",
        form="jobs",
        alone=True,
        places=("create",),
    ),
    _form(
        "daily limit reached (403, 400)",
        "limit-storage",
        "LIMIT_EXCEEDED",
        heals=False,
        kind="daily_limit",
        form="storage",
        alone=True,
        places=("create", "page"),
    ),
)
