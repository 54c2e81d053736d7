"""Conditions compared: whether one finds more than another, or more tomorrow than today.

Only what a text shows for certain counts. Where it is not certain, the answer is the one that reads
a record too often rather than never.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from tap_sfbulk_pages.soql.text import Token, tokenize

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

# SOQL and SOSL Reference, "Date Formats and Date Literals".
_RELATIVE_DATE = re.compile(
    r"""
      YESTERDAY | TODAY | TOMORROW
    | (?:LAST|THIS|NEXT)_(?:WEEK|MONTH|(?:FISCAL_)?QUARTER|(?:FISCAL_)?YEAR)
    | (?:LAST|NEXT)_90_DAYS
    | (?:LAST|NEXT)_N_(?:DAYS|WEEKS|MONTHS|(?:FISCAL_)?QUARTERS|(?:FISCAL_)?YEARS)
    | N_(?:DAYS|WEEKS|MONTHS|(?:FISCAL_)?QUARTERS|(?:FISCAL_)?YEARS)_AGO
    """,
    re.VERBOSE | re.IGNORECASE,
)
# Spans of time that last until now.
_REACHES_NOW = re.compile(r"TODAY|THIS_\w+|LAST_90_DAYS|LAST_N_DAYS", re.IGNORECASE)
# Stamps that Salesforce sets to the present, and to nothing else.
_PAST_STAMPS = frozenset({"CREATEDDATE", "LASTMODIFIEDDATE", "SYSTEMMODSTAMP"})


def normalize(condition: str) -> str:
    """Write a condition with single spaces, and without brackets around all of it.

    Args:
        condition: Checked (`check_condition`), or the WHERE clause of a query.
    """
    tokens = _strip_brackets(tokenize(condition))
    return "".join(
        token.text if not gap or not number else f" {token.text}"
        for number, (token, gap) in enumerate(zip(tokens, _gaps(tokens), strict=True))
    )


def finds_no_more(today: str | None, before: str | None) -> bool:
    """Return whether a condition certainly finds nothing that another one did not find.

    That is so if all parts of the other one, joined by AND, are parts of it too, in any order.

    Args:
        today: A condition; None finds everything.
        before: The condition that it is compared with; None found everything.
    """
    if before is None:
        return True
    return today is not None and set(_parts(before)) <= set(_parts(today))


def has_relative_date(condition: str | None) -> bool:
    """Return whether a condition means something else on another day."""
    return condition is not None and any(map(_is_relative, tokenize(condition)))


def gains_with_time(condition: str | None) -> bool:
    """Return whether a condition may find a record on another day that has not been changed.

    A span that begins relative to the day and has no end loses records with time, and gains none;
    so does one that lasts until now, of a stamp that is never in the future.
    """
    if condition is None:
        return False
    tokens = tokenize(condition)
    places = [place for place, token in enumerate(tokens) if _is_relative(token)]
    is_negated = any(token.is_word("NOT") for token in tokens)
    return bool(places) and (is_negated or any(_may_gain(tokens, place) for place in places))


def _may_gain(tokens: Sequence[Token], place: int) -> bool:
    """Look at the comparison that a relative date ends."""
    before = place
    while before and tokens[before - 1].text in "<>=!":
        before -= 1
    operator = "".join(token.text for token in tokens[before:place])
    if operator in {">", ">="}:
        return False
    field = tokens[before - 1].text.upper() if before else ""
    reaches_now = _REACHES_NOW.fullmatch(tokens[place].text) is not None
    return not (operator == "=" and reaches_now and field in _PAST_STAMPS)


def _is_relative(token: Token) -> bool:
    return token.kind == "word" and _RELATIVE_DATE.fullmatch(token.text) is not None


def _parts(condition: str) -> Iterator[str]:
    """Split a condition at the ANDs outside of brackets; words of any case are the same."""
    tokens = _strip_brackets(tokenize(condition))
    depth = min((token.depth for token in tokens), default=0)
    is_joined = not any(token.depth == depth and token.is_word("OR", "NOT") for token in tokens)
    part: list[Token] = []
    for token in tokens:
        if is_joined and token.depth == depth and token.is_word("AND"):
            yield _key(part)
            part = []
        else:
            part.append(token)
    yield _key(part)


def _key(tokens: Sequence[Token]) -> str:
    stripped = _strip_brackets(tokens)
    return " ".join(each.text if each.kind == "text" else each.text.upper() for each in stripped)


def _strip_brackets(tokens: Sequence[Token]) -> Sequence[Token]:
    while (
        len(tokens) > 2  # noqa: PLR2004 - the brackets themselves
        and tokens[0].text == "("
        and all(token.depth >= tokens[0].depth for token in tokens)
        and not any(token.text == ")" and token.depth == tokens[0].depth for token in tokens[:-1])
    ):
        tokens = tokens[1:-1]
    return tokens


def _gaps(tokens: Sequence[Token]) -> Iterator[bool]:
    """Yield for each token whether a space stands before it."""
    end = 0
    for token in tokens:
        yield token.start > end
        end = token.end
