"""A query through REST in one call, however long it is."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any, TypeVar
from urllib.parse import quote

from tap_sfbulk_pages.errors import RefusedError
from tap_sfbulk_pages.salesforce.reply_errors import build_error, read_code_and_message

if TYPE_CHECKING:
    from collections.abc import Callable

    from tap_sfbulk_pages.jobs.query import Query
    from tap_sfbulk_pages.salesforce.client import SalesforceClient

T = TypeVar("T")

# URI and headers together may have 16,384 bytes (REST API guide, status codes 414 and 431), and
# session ids are long. A longer query travels in the body of a composite request instead
# (Salesforce Help 000386264), which also counts as one call.
LONGEST_LINK = 8_000

_TOO_LONG = (HTTPStatus.REQUEST_URI_TOO_LONG, HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE)
_SUCCESSES = range(HTTPStatus.OK, HTTPStatus.MULTIPLE_CHOICES)


def ask(
    client: SalesforceClient,
    query: Query,
    *,
    api_version: str,
    parse: Callable[[Any], T],
    numbers_as_text: bool = False,
) -> T:
    """Ask a query through REST.

    Args:
        client: The org.
        query: What is asked.
        api_version: As `62.0`.
        parse: As for `SalesforceClient.fetch_json`.
        numbers_as_text: Pass numbers to `parse` as strings, with every digit.

    Raises:
        RefusedError: If Salesforce refuses the query.
        ExtractionError: As `SalesforceClient.call`.
    """
    link = f"/{query.operation}?q={quote(query.soql, safe='')}"
    if len(link) <= LONGEST_LINK:
        try:
            return client.fetch_json(
                link, api_version=api_version, parse=parse, numbers_as_text=numbers_as_text
            )
        except RefusedError as error:
            if error.status not in _TOO_LONG:
                raise
    part = {
        "method": "GET",
        "url": f"/services/data/v{api_version}{link}",
        "referenceId": "page",
    }

    def parse_composite(reply: Any) -> T:
        (answer,) = reply["compositeResponse"]
        status, body = int(answer["httpStatusCode"]), answer["body"]
        if status in _SUCCESSES:
            return parse(body)
        called = f"GET /{query.operation} within POST /composite"
        raise build_error(called, status, *read_code_and_message(body))

    return client.fetch_json(
        "/composite",
        api_version=api_version,
        parse=parse_composite,
        method="POST",
        json={"compositeRequest": [part]},
        numbers_as_text=numbers_as_text,
    )
