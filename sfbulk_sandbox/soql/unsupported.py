"""SOQL that Salesforce answers and this sandbox does not; `docs/sandbox.md` lists it."""

from __future__ import annotations

import re

from sfbulk_sandbox.soql.errors import SoqlError

OTHER_DISTANCE = "DISTANCE() other than from a field to GEOLOCATION() of two numbers"
OTHER_CURRENCY = "an amount in a currency other than USD (EUR5000)"
OFFSET_IN_SUBQUERY = "OFFSET in a parent-to-child subquery"

UNSUPPORTED = {
    "USING SCOPE other than everything and mine": r"\bUSING\s+SCOPE\b",
    "WITH DATA CATEGORY": r"\bWITH\s+DATA\s+CATEGORY\b",
    "UPDATE TRACKING and UPDATE VIEWSTAT": r"\bUPDATE\s+(TRACKING|VIEWSTAT)\b",
    OTHER_DISTANCE: None,
    OTHER_CURRENCY: None,
    OFFSET_IN_SUBQUERY: None,
}
"""What is not done, with a pattern that finds it in a query, if the grammar does not know it."""


def refuse_unsupported(soql: str) -> None:
    """Refuse a query that may be right, in words that put the blame on the sandbox.

    Raises:
        SoqlError: It uses something that the sandbox does not know.
    """
    text = re.sub(r"'(\\.|[^'\\])*'", "''", soql, flags=re.DOTALL)
    for name, pattern in UNSUPPORTED.items():
        if pattern and re.search(pattern, text, flags=re.IGNORECASE):
            raise unsupported(name)


def unsupported(what: str) -> SoqlError:
    """Return the refusal of something that Salesforce would answer: a name of the list above."""
    text = f"{what} is not supported by this sandbox; Salesforce may well answer the query"
    return SoqlError("MALFORMED_QUERY", text)
