"""Replies as shapes: names and forms that Salesforce chose, nothing that an org put in."""

from __future__ import annotations

import csv
import io
import json
import re
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tap_sfbulk_pages.evidence.vocabulary import WORD, mask_message, mask_name

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from tap_sfbulk_pages.evidence.calls import Reply

Shape = Any

# Keys whose values are Salesforce's own words.
_CHOICES: Mapping[str, frozenset[str]] = {
    "state": frozenset(
        {"Open", "UploadComplete", "InProgress", "JobComplete", "Failed", "Aborted"}
    ),
    "operation": frozenset({"query", "queryAll"}),
    "concurrencyMode": frozenset({"Parallel", "Serial"}),
    "contentType": frozenset({"CSV"}),
    "lineEnding": frozenset({"LF", "CRLF"}),
    "columnDelimiter": frozenset({"COMMA"}),
    "jobType": frozenset({"V2Query", "V2Ingest", "Classic", "BigObjectIngest"}),
}
MOST_RECORDS = 20
"""Of the small jobs."""
_MESSAGES = frozenset({"message", "errorMessage", "error_description"})
_CODES = frozenset({"errorCode", "error"})
_CODE = re.compile(r"[A-Z][A-Z_]{2,59}")
_MEDIA_TYPES = frozenset(
    {"text/csv", "application/json", "text/html", "text/plain", "application/xml"}
)
_CHARSETS = frozenset({"utf-8", "iso-8859-1"})
_ENCODINGS = frozenset({"gzip", "identity", "chunked", "deflate", "br"})
_ID = re.compile(r"(?=[A-Za-z]*\d)[A-Za-z0-9]{15}(?:[A-Z0-5]{3})?")
_VERSION = re.compile(r"v?\d{2,3}\.0")
_DATETIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{3})?(Z|[+-]\d{4}|[+-]\d\d:\d\d)?")
_LINK = re.compile(r"(https?://[^/]+)?/[^\s]*")
_API_USAGE = re.compile(r"api-usage=\d+/\d+")
_SEGMENTS = frozenset(
    {
        *("services", "data", "jobs", "query", "results", "resultPages", "resultpages", "ingest"),
        *("limits", "sobjects", "describe", "User"),
    }
)
_PARAMETERS = frozenset({"jobType", "locator", "maxRecords", "queryLocator"})


def reply_shape(reply: Reply, columns: Sequence[str] = ()) -> Shape:
    """Return the shape of a reply.

    Args:
        reply: As it came.
        columns: The columns that were asked for, where the body is CSV.
    """
    return {
        "status": reply.status,
        "headers": _header_shapes(reply.headers),
        "body": body_shape(reply, columns),
    }


def body_shape(reply: Reply, columns: Sequence[str] = ()) -> Shape:
    """Return the shape of a body: JSON, CSV, or what else it is."""
    if not reply.body:
        return "empty"
    if columns and reply.is_success:
        return csv_shape(reply.body, columns)
    try:
        return json_shape(json.loads(reply.body))
    except (RecursionError, ValueError):
        return "HTML" if b"<" in reply.body[:200] else "neither JSON nor HTML"


def json_shape(value: Any, key: str = "") -> Shape:
    """Return keys, types and forms of a JSON value.

    Args:
        value: Parsed.
        key: Under which it stands; keys decide whether a string is Salesforce's or the org's.

    Returns:
        An object as its keys with shapes, in order; an array as a list of the one merged shape of
        its elements, whatever their number; anything else as text.
    """
    if isinstance(value, dict):
        return _merge_objects([value])
    if isinstance(value, list):
        return [_merge(value)] if value else []
    if isinstance(value, str):
        return _string_form(value, key)
    if value is None:
        return "null"
    return {bool: "boolean", int: "integer", float: "number"}[type(value)]


def link_form(link: str) -> str:
    """Return a link with its host, ids and locators replaced."""
    try:
        parts = urlsplit(link)
    except ValueError:
        return "not a link"
    host = f"{parts.scheme}://<host>" if parts.scheme in ("http", "https") else ""
    path = "/".join(_segment(each) for each in parts.path.split("/"))
    parameters = [each.partition("=")[0] for each in parts.query.split("&") if each]
    names = [name if name in _PARAMETERS else WORD for name in parameters]
    query = "&".join(f"{name}=<value>" for name in names)
    return f"{host}{path}{'?' if query else ''}{query}"


def csv_shape(body: bytes, columns: Sequence[str]) -> Shape:
    """Return how a page is written.

    Args:
        body: Decoded.
        columns: As they were asked for.
    """
    text = body.decode("utf-8", "replace")
    head, *rows = list(csv.reader(io.StringIO(text.removeprefix("\ufeff"), newline="")))
    quoted = re.findall(r'"(?:[^"]|"")*"', text)
    outside = re.sub(r'"(?:[^"]|"")*"', "", text)
    forms: dict[str, Shape] = {}
    for name, cells in zip(columns, zip(*rows, strict=False), strict=False):
        forms[name] = " | ".join(sorted({_cell_form(cell) for cell in cells}))
    return {
        "byte order mark": text.startswith("\ufeff"),
        "line ends": _line_ends([outside]),
        "last line ends": text.endswith(("\n", "\r")),
        "line ends inside values": _line_ends(quoted),
        "cells in quotes": "all" if set(outside) <= set(",\r\n\ufeff") else "not all",
        "header": _header_line(head, columns),
        "cells": forms,
    }


def record_count(body: bytes) -> int:
    """Return the number of records of a page."""
    text = body.decode("utf-8", "replace")
    return max(len(list(csv.reader(io.StringIO(text, newline="")))) - 1, 0)


def _merge(elements: Sequence[Any], key: str = "") -> Shape:
    """Return one shape for all elements of an array."""
    objects = [each for each in elements if isinstance(each, dict)]
    arrays = [each for each in elements if isinstance(each, list)]
    others = {json_shape(each, key) for each in elements if not isinstance(each, dict | list)}
    shapes: list[Shape] = sorted(others)
    if arrays:
        inside = [each for array in arrays for each in array]
        shapes.append([_merge(inside, key)] if inside else [])
    if objects:
        shapes.append(_merge_objects(objects))
    if len(shapes) == 1:
        return shapes[0]
    return " | ".join(shapes) if len(shapes) == len(others) else {"one of": shapes}


def _merge_objects(objects: Sequence[Mapping[str, Any]]) -> Shape:
    merged: dict[str, list[Any]] = {}
    for each in objects:
        for key, value in each.items():
            merged.setdefault(key, []).append(value)
    shapes: dict[str, Shape] = {}
    for key, values in merged.items():
        shapes.setdefault(mask_name(key), _merge(values, key))
    return shapes


def _string_form(text: str, key: str) -> str:
    if text in _CHOICES.get(key, ()):
        return f"'{text}'"
    if key in _CODES:
        return f"'{text}'" if _CODE.fullmatch(text) else f"'{mask_name(text)}'"
    if key in _MESSAGES:
        return f"'{mask_message(text)}'"
    return f"link {link_form(text)}" if _LINK.fullmatch(text) else _value_form(text)


def _value_form(text: str) -> str:
    if not text:
        return "empty string"
    if _VERSION.fullmatch(text):
        return "version"
    if _ID.fullmatch(text):
        return f"id of {len(text)} characters"
    if match := _DATETIME.fullmatch(text):
        zone = match[2] or "without zone"
        zone = "offset" if zone[0] in "+-" and zone.strip("+-0:") else zone
        return f"date-time{' with milliseconds' if match[1] else ''}, {zone}"
    return "string"


def _cell_form(cell: str) -> str:
    if not cell:
        return "empty"
    return "true or false" if cell in ("true", "false") else _value_form(cell)


def _segment(text: str) -> str:
    if text in _SEGMENTS or not text:
        return text
    if _VERSION.fullmatch(text):
        return "v<version>"
    return "<id>" if _ID.fullmatch(text) else "<name>"


def _header_shapes(headers: Mapping[str, str]) -> dict[str, str]:
    """Return the values of headers that Salesforce chose; of the others, that they are there."""
    shapes = {mask_name(name): _header_form(name.lower(), text) for name, text in headers.items()}
    return dict(sorted(shapes.items()))


def _header_form(name: str, text: str) -> str:
    if name == "content-type":
        media, _, charset = text.partition(";")
        character_set = charset.strip().lower().removeprefix("charset=")
        known = media in _MEDIA_TYPES and (not charset or character_set in _CHARSETS)
        return text if known else "unusual"
    if name in ("content-encoding", "transfer-encoding"):
        return text if text in _ENCODINGS else "unusual"
    if name == "sforce-locator":
        return "null" if text == "null" else "<locator>"
    if name == "sforce-numberofrecords":
        is_number = text.isascii() and text.isdigit()
        # Of a page of these jobs; how many records another job has is the org's own.
        return text if is_number and int(text) <= MOST_RECORDS else "<number>"
    if name == "sforce-limit-info":
        return _limit_info_form(text)
    return "present"


def _limit_info_form(text: str) -> str:
    parts = [each.strip() for each in re.split("[;,]", text)]
    usage = ["api-usage=<number>/<number>" for each in parts if _API_USAGE.fullmatch(each)]
    return "; ".join([*usage, *["<more>"] * (len(parts) > len(usage))])


def _header_line(head: Sequence[str], columns: Sequence[str]) -> str:
    if list(head) == list(columns):
        return "names and order as asked"
    if [name.lower() for name in head] == [name.lower() for name in columns]:
        return "order as asked, names in another case"
    return "not as asked"


def _line_ends(texts: Iterable[str]) -> str:
    """Name the line ends in texts: `LF`, `CRLF`, several, or none."""
    text = "|".join(texts)
    without_pairs = text.replace("\r\n", "")
    found = {
        "CRLF": "\r\n" in text,
        "LF": "\n" in without_pairs,
        "CR": "\r" in without_pairs,
    }
    return " and ".join(name for name, there in found.items() if there) or "none"
