"""What the text of a cell means."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.decoding.cells import (
    CellType,
    cell_type,
    integer_value,
    json_boolean,
    json_integer,
    json_number,
    number_value,
)
from tap_sfbulk_pages.errors import ResultPageError

NUMBERS = st.decimals(allow_nan=False, allow_infinity=False)


@given(NUMBERS)
def test_numbers_keep_their_value(number: Decimal) -> None:
    written = json_number(str(number))
    assert written is not None
    assert Decimal(written) == number
    assert json.loads(written, parse_float=Decimal, parse_int=Decimal) == number
    value = number_value(written)
    assert Decimal(repr(value) if isinstance(value, float) else value) == number


@given(st.integers(-(10**30), 10**30), st.sampled_from(["", ".0", ".00", "E0", "e+0"]))
def test_integers_lose_their_fraction_and_no_digit(number: int, ending: str) -> None:
    assert json_integer(f"{number}{ending}") == str(number)
    assert integer_value(str(number)) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9.9213206E7", "99213206"),
        ("1.6147805824397E13", "16147805824397"),
        ("47.0", "47"),
        ("0.0", "0"),
        ("-0.0", "0"),
        ("47.5", "47.5"),
        ("9223372036854775807", "9223372036854775807"),
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
    ],
)
def test_integer_fields(text: str, number: str | None) -> None:
    assert json_integer(text) == number


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("9.9213206E7", "9.9213206E7"),
        ("0.1", "0.1"),
        ("123456789012345678901234567890", "123456789012345678901234567890"),
        ("3.141592653589793238462643383279", "3.141592653589793238462643383279"),
        ("1.7976931348623157E308", "1.7976931348623157E308"),
        ("1E999", "1E999"),
        ("4.9E-324", "4.9E-324"),
        ("+5", "5"),
        (".5", "0.5"),
        ("NaN", None),
        ("Infinity", None),
        ("-Infinity", None),
    ],
)
def test_number_fields(text: str, number: str | None) -> None:
    assert json_number(text) == number


def test_a_number_too_large_to_be_written_out_stays_short() -> None:
    written = json_integer("1E999999")
    assert written is not None
    assert len(written) < 20


@pytest.mark.parametrize("value", [number_value, integer_value])
def test_an_exponent_beyond_those_of_decimals_is_refused(value: Any) -> None:
    with pytest.raises(ResultPageError, match="is not a number"):
        value(f"25E{'9' * 90}")


def test_an_integer_of_thousands_of_digits_is_a_number() -> None:
    assert integer_value("1" + "0" * 5_000) == Decimal("1E5000")


@pytest.mark.parametrize("write", [json_number, json_integer])
@given(
    text=st.text(max_size=12)
    | st.text(st.sampled_from("0123456789+-.eE_ \n\rNaInfity"), max_size=9)
)
def test_any_text_is_a_number_of_json_or_refused(write: Any, text: str) -> None:
    try:
        written = write(text)
    except ResultPageError:
        return
    if written is not None:
        assert written.strip() == written
        value = json.loads(written, parse_float=Decimal, parse_int=Decimal)
        assert value == Decimal(text.strip())


@pytest.mark.parametrize("exponent", ["9" * 20, "-" + "9" * 20])
@pytest.mark.parametrize("write", [json_number, json_integer])
def test_endless_exponents(write: Any, exponent: str) -> None:
    try:
        write(f"1E{exponent}")
        write(f"1.E{exponent}")
    except ResultPageError:
        return


@pytest.mark.parametrize(
    ("text", "written"), [("true", "true"), ("TRUE", "true"), ("False", "false")]
)
def test_booleans(text: str, written: str) -> None:
    assert json_boolean(text) == written


@pytest.mark.parametrize("text", ["1", "yes", "true ", "null", ""])
def test_what_is_no_boolean_is_refused(text: str) -> None:
    with pytest.raises(ResultPageError):
        json_boolean(text)


@pytest.mark.parametrize(
    ("type_", "kind"),
    [
        (["boolean", "null"], CellType.BOOLEAN),
        ("integer", CellType.INTEGER),
        (["null", "number"], CellType.NUMBER),
        (["string", "null"], CellType.TEXT),
        (["number", "string"], CellType.TEXT),
        ([], CellType.TEXT),
    ],
)
def test_cell_types(type_: Any, kind: CellType) -> None:
    assert cell_type({"type": type_}) is kind
