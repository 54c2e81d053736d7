"""Salesforce's refusals of a query, in its words.

Error codes and texts: recorded replies of the REST query resource and of Bulk API 2.0 jobs, and
the SOQL and SOSL Reference.
"""

from __future__ import annotations

import re

_EXCERPT_BEFORE, _EXCERPT_AFTER = 32, 40
_REFERENCE_WSDL = "Please reference your WSDL or the describe call for the appropriate names."


class SoqlError(Exception):
    """A query that Salesforce refuses.

    Attributes:
        error_code: Salesforce's code, such as `INVALID_FIELD`.
        message: Salesforce's text.
    """

    def __init__(self, error_code: str, message: str) -> None:
        super().__init__(f"{error_code}: {message}")
        self.error_code = error_code
        self.message = message


def at_position(soql: str, position: int, error_code: str, text: str) -> SoqlError:
    """Return an error that shows the place in the query.

    The excerpt is a line break, the part of the query around the place, a line with a caret, and
    the row and column counted from 1.
    """
    row = soql.count("\n", 0, position) + 1
    line_start = soql.rfind("\n", 0, position) + 1
    line = soql[line_start:].partition("\n")[0].rstrip("\r")
    column = position - line_start
    words = [match.start() for match in re.finditer(r"[^\s,]+", line)]
    start = next((word for word in words if column - word <= _EXCERPT_BEFORE), column)
    start = min(start, column)
    end = max((word for word in _word_ends(line) if word - column <= _EXCERPT_AFTER), default=0)
    excerpt = line[start : max(end, column)]
    caret = " " * (column - start) + "^"
    place = f"ERROR at Row:{row}:Column:{column + 1}"
    return SoqlError(error_code, f"\n{excerpt}\n{caret}\n{place}\n{text}")


def _word_ends(line: str) -> list[int]:
    return [match.end() for match in re.finditer(r"[^\s,]+", line)]


def unexpected_token(soql: str, position: int) -> SoqlError:
    """Return the refusal of a query that is not SOQL from this place on."""
    match = re.compile(r"\s*(\w+|\S|$)").match(soql, position)
    token = match.group(1) if match else ""
    start = match.start(1) if match else position
    if start == 0 or not soql[:start].strip():
        return SoqlError("MALFORMED_QUERY", f"unexpected token: {token or '<EOF>'}")
    text = f"unexpected token: '{token or '<EOF>'}'"
    return at_position(soql, start, "MALFORMED_QUERY", text)


def no_such_column(soql: str, position: int, column: str, sobject: str) -> SoqlError:
    """Return the refusal of a field that does not exist, or that the user may not read."""
    return at_position(
        soql,
        position,
        "INVALID_FIELD",
        f"No such column '{column}' on entity '{sobject}'. If you are attempting to use a custom "
        f"field, be sure to append the '__c' after the custom field name. {_REFERENCE_WSDL}",
    )


def no_such_relationship(
    soql: str, position: int, relationship: str, *, in_from: bool = False
) -> SoqlError:
    """Return the refusal of a relationship that does not exist, in a path or in the FROM clause."""
    where = "FROM part of query call" if in_from else "field path"
    return at_position(
        soql,
        position,
        "INVALID_TYPE" if in_from else "INVALID_FIELD",
        f"Didn't understand relationship '{relationship}' in {where}. If you are attempting to use "
        "a custom relationship, be sure to append the '__r' after the custom relationship name. "
        f"{_REFERENCE_WSDL}",
    )


def not_driving_sobject(soql: str, position: int, sobject: str) -> SoqlError:
    """Return the refusal of a second object in FROM that is no parent of the first."""
    return at_position(
        soql,
        position,
        "MALFORMED_QUERY",
        "A driving SObject type has already been set, all other entity types in the FROM clause "
        f"must be relationships to the initial object. The driving object is {sobject}.",
    )


def no_such_sobject(soql: str, position: int, sobject: str) -> SoqlError:
    """Return the refusal of an object that does not exist, or that the user may not read."""
    return at_position(
        soql,
        position,
        "INVALID_TYPE",
        f"sObject type '{sobject}' is not supported. If you are attempting to use a custom "
        f"object, be sure to append the '__c' after the entity name. {_REFERENCE_WSDL}",
    )


def field_cannot_be(soql: str, position: int, field: str, done: str) -> SoqlError:
    """Return the refusal of a field in a clause; `done` is filtered, sorted or grouped."""
    text = f"field '{field}' can not be {done} in a query call"
    return at_position(soql, position, "INVALID_FIELD", text)


def wrong_type_of_value(
    soql: str, position: int, field: str, type_: str, *, quoted: bool
) -> SoqlError:
    """Return the refusal of a value that does not go with the type of its field.

    Args:
        soql: The query.
        position: Where the condition stands.
        field: Its name.
        type_: As Salesforce's message calls the field's type.
        quoted: Whether values of that type are written in quotes.
    """
    quotes = "should be enclosed in quotes" if quoted else "should not be enclosed in quotes"
    text = f"value of filter criterion for field '{field}' must be of type {type_} and {quotes}"
    return at_position(soql, position, "INVALID_FIELD", text)


def not_in_bulk(what: str) -> SoqlError:
    """Return the refusal of something that query jobs cannot do; `what` is its first words."""
    return SoqlError("API_ERROR", f"{what} not supported in Bulk Query")
