"""SOQL that Salesforce answers and this sandbox does not; `docs/sandbox.md` lists it."""

from __future__ import annotations

import re

from sfbulk_sandbox.soql.errors import SoqlError

UNSUPPORTED = {
    "ROLLUP": r"\bROLLUP\s*\(",
    "CUBE": r"\bCUBE\s*\(",
    "GROUPING()": r"\bGROUPING\s*\(",
    "TYPEOF": r"\bTYPEOF\b",
    "DISTANCE() and GEOLOCATION()": r"\b(DISTANCE|GEOLOCATION)\s*\(",
    "convertTimezone()": r"\bconvertTimezone\s*\(",
    "a currency before a number (USD5000)": r"[=<>(,]\s*[A-Z]{3}\d",
    "several objects in FROM": r"\bFROM\s+\w+(\s+(AS\s+)?\w+)?\s*,",
    "USING SCOPE other than everything and mine": r"\bUSING\s+SCOPE\b",
    "WITH DATA CATEGORY": r"\bWITH\s+DATA\s+CATEGORY\b",
    "UPDATE TRACKING and UPDATE VIEWSTAT": r"\bUPDATE\s+(TRACKING|VIEWSTAT)\b",
}
"""What is not done, with a pattern that finds it in a query."""


def refuse_unsupported(soql: str) -> None:
    """Refuse a query that may be right, in words that put the blame on the sandbox.

    Raises:
        SoqlError: It uses something that the sandbox does not know.
    """
    text = re.sub(r"'(\\.|[^'\\])*'", "''", soql, flags=re.DOTALL)
    for name, pattern in UNSUPPORTED.items():
        if re.search(pattern, text, flags=re.IGNORECASE):
            raise unsupported(name)


def unsupported(what: str) -> SoqlError:
    """Return the refusal of something that Salesforce would answer."""
    text = f"{what} is not supported by this sandbox; Salesforce may well answer the query"
    return SoqlError("MALFORMED_QUERY", text)
