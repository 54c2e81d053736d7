"""Bodies of requests that must be JSON."""

from __future__ import annotations

import json
from decimal import Decimal
from http import HTTPStatus
from typing import Any

from sfbulk_sandbox.salesforce_errors import SalesforceError


def read_object(body: bytes) -> dict[str, Any]:
    """Return the JSON object that a body holds; its numbers keep all their digits.

    Raises:
        SalesforceError: 400 ``JSON_PARSER_ERROR``.
    """
    try:
        value = json.loads(body, parse_float=Decimal)
    except ValueError as error:
        raise json_error("The body is not JSON") from error
    if not isinstance(value, dict):
        raise json_error("The body is not a JSON object")
    return value


def json_error(message: str) -> SalesforceError:
    """Return the refusal of a body."""
    return SalesforceError(HTTPStatus.BAD_REQUEST, "JSON_PARSER_ERROR", message)
