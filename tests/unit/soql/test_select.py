"""The SOQL of a query job."""

from __future__ import annotations

from tap_sfbulk_pages.soql.select import select


def test_fields_alone() -> None:
    assert select("Account", ["Id", "Name"]) == "SELECT Id, Name FROM Account"


def test_lower_bound_includes_it() -> None:
    soql = select(
        "Account", ["Id"], replication_key="CreatedDate", lower_bound="2026-01-01T00:00:00.000Z"
    )
    assert soql == "SELECT Id FROM Account WHERE CreatedDate >= 2026-01-01T00:00:00.000Z"


def test_no_bound_without_a_key_and_the_reverse() -> None:
    assert "WHERE" not in select("Account", ["Id"], lower_bound="2026-01-01")
    assert "WHERE" not in select("Account", ["Id"], replication_key="CreatedDate")


def test_a_condition_stands_in_brackets_of_its_own() -> None:
    soql = select(
        "Account",
        ["Id"],
        replication_key="CreatedDate",
        lower_bound="2026-01-01",
        condition="A = 1 OR B = 2",
    )
    assert soql.endswith(" WHERE CreatedDate >= 2026-01-01 AND (A = 1 OR B = 2)")


def test_a_range_stands_before_the_condition() -> None:
    soql = select("Account", ["Id"], within="(A < 1 OR A = null)", condition="B = 2 OR C = 3")
    assert soql == "SELECT Id FROM Account WHERE (A < 1 OR A = null) AND (B = 2 OR C = 3)"


def test_neither_order_nor_limit_switch_off_chunking() -> None:
    soql = select("Account", ["Id"], replication_key="CreatedDate", lower_bound="2026-01-01")
    assert "ORDER" not in soql
    assert "LIMIT" not in soql


def test_a_look_at_a_few_rows() -> None:
    assert select("Account", ["Id"], condition="A = 1", limit=1) == (
        "SELECT Id FROM Account WHERE (A = 1) LIMIT 1"
    )
