"""Texts become Arrow values exactly, or are refused."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from typing import Any

import pytest

from tap_sfbulk_pages.decoding.arrow import arrow_columns, arrow_schema
from tap_sfbulk_pages.decoding.columns import Columns
from tap_sfbulk_pages.errors import ResultPageError

MOMENT = {"F": {"type": ["string", "null"], "format": "date-time"}}
NUMBER = {"F": {"type": ["number", "null"]}}


def values(texts: list[str | None], properties: dict[str, dict[str, Any]]) -> list[Any]:
    columns = Columns({"F": texts}, len(texts))
    batch = arrow_columns(columns, arrow_schema(properties))
    cells: list[Any] = batch.column("F").to_pylist()
    return cells


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("2024-03-01T12:00:00.000Z", datetime(2024, 3, 1, 12, tzinfo=timezone.utc)),
        ("2024-03-01T12:00:00.123Z", datetime(2024, 3, 1, 12, 0, 0, 123_000, timezone.utc)),
        ("2024-03-01T12:00:00Z", datetime(2024, 3, 1, 12, tzinfo=timezone.utc)),
        ("2024-03-01T12:00:00.000+0200", datetime(2024, 3, 1, 10, tzinfo=timezone.utc)),
        ("2024-03-01T12:00:00.000-03:30", datetime(2024, 3, 1, 15, 30, tzinfo=timezone.utc)),
        ("1700-01-01T00:00:00.000Z", datetime(1700, 1, 1, tzinfo=timezone.utc)),
        ("4000-12-31T23:59:59.000Z", datetime(4000, 12, 31, 23, 59, 59, tzinfo=timezone.utc)),
    ],
)
def test_datetimes_of_each_form(text: str, moment: datetime) -> None:
    assert values([None, text, "2024-01-01T00:00:00.000Z"], MOMENT) == [
        None,
        moment,
        datetime(2024, 1, 1, tzinfo=timezone.utc),
    ]


@pytest.mark.parametrize("text", ["soon", "2024-13-01T00:00:00.000Z", "2024-03-01"])
def test_what_is_no_datetime_is_refused(text: str) -> None:
    with pytest.raises(ResultPageError, match=f"Field F holds '{text}'"):
        values([text, None], MOMENT)


@pytest.mark.parametrize("text", ["1E-19", "2.5e-18", "0.0000000000000000001"])
def test_a_number_that_is_rounded_is_told(text: str, caplog: pytest.LogCaptureFixture) -> None:
    values([text, "1.5", None], NUMBER)
    assert "Rounded 1 value of F" in caplog.text


def test_a_number_that_fits_is_exact(caplog: pytest.LogCaptureFixture) -> None:
    texts = ["-12345678901234567890.123456789012345678", "9.9213206E7", "1E-18", None]
    assert values(texts, NUMBER) == [None if text is None else Decimal(text) for text in texts]
    assert not caplog.text
