"""The generated records of an org, and changes to them."""

from __future__ import annotations

import csv
import io
import itertools
import math
import re
import threading
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk_sandbox.sobjects.java_numbers import java_double, java_doubles
from sfbulk_sandbox.sobjects.record_ids import eighteen_characters
from sfbulk_sandbox.state import org as org_module
from sfbulk_sandbox.state.org import Org, _find_start_of_today, _generate

NOW = datetime(2025, 3, 4, 5, 6, 7, tzinfo=timezone.utc)
STAMP_OF_NOW = "2025-03-04T05:06:07.000Z"
MOMENT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z")
NOT_IN_CSV = {"address", "location", "base64"}
STAND_IN_FOR_NUL = "\ue000"
FIELD_TYPES = {
    *("id", "reference", "datacategorygroupreference"),
    *("string", "textarea", "phone", "url", "email", "encryptedstring"),
    *("picklist", "multipicklist", "combobox"),
    *("boolean", "int", "long", "double", "currency", "percent"),
    *("date", "datetime", "time"),
    *("address", "location", "complexvalue", "json"),
    *("base64", "anyType"),
}


@pytest.fixture(scope="module")
def org() -> Org:
    return Org()


def generated_anew(**given: Any) -> Org:
    """Make an org whose records are not those that one like it has made already."""
    _generate.cache_clear()
    return Org(**given)


def fields_of(org: Org, sobject: str) -> list[str]:
    return [f.name for f in org.sobjects[sobject].fields if f.type not in NOT_IN_CSV]


def queryable(org: Org) -> list[str]:
    return [
        name
        for name, sobject in org.sobjects.items()
        if sobject.query_refusal is None and sobject.in_bulk_api and not sobject.needs_filter_on
    ]


def rows_of(org: Org, sobject: str, fields: list[str] | None = None) -> list[dict[str, str]]:
    """Read all rows of an object out of its CSV.

    Before Python 3.11 the csv module refuses NUL characters, so they are replaced meanwhile.
    """
    soql = select(*(fields or fields_of(org, sobject)), sobject=sobject)
    result = org.query(soql, include_deleted=True, bulk=True)
    page = result.csv(0, len(result)).decode().replace("\0", STAND_IN_FOR_NUL)
    return [
        {name: cell.replace(STAND_IN_FOR_NUL, "\0") for name, cell in row.items()}
        for row in csv.DictReader(io.StringIO(page, newline=""))
    ]


def select(*fields: str, sobject: str) -> str:
    return " ".join(("SELECT", ", ".join(fields), "FROM", sobject))


@pytest.fixture(scope="module", autouse=True)
def _cells_longer_than_the_csv_module_expects() -> Any:
    before = csv.field_size_limit(10**6)
    yield
    csv.field_size_limit(before)


def checksum(short: str) -> str:
    """Compute the suffix of an id in another way than the sandbox does."""
    suffix = ""
    for start in (0, 5, 10):
        bits = "".join("1" if c.isupper() else "0" for c in reversed(short[start : start + 5]))
        suffix += "ABCDEFGHIJKLMNOPQRSTUVWXYZ012345"[int(bits, 2)]
    return suffix


@pytest.mark.parametrize(
    "record_id", ["0010g00001XiGdjAAF", "001B000001LntWlIAJ", "0687S00000AX37OQAT"]
)
def test_ids_of_real_orgs_get_their_suffix(record_id: str) -> None:
    assert eighteen_characters(record_id[:15]) == record_id
    assert eighteen_characters(record_id) == record_id


@pytest.mark.parametrize("text", ["", "001", "0010g00001XiGd!", "0010g00001XiGdjAAA"])
def test_other_texts_are_no_ids(text: str) -> None:
    with pytest.raises(ValueError, match="invalid record id"):
        eighteen_characters(text)


def test_ids_are_unique_and_valid_and_carry_the_prefix_of_their_object(org: Org) -> None:
    for name in queryable(org):
        if not org.sobjects[name].unique_ids:
            continue
        ids = [row["Id"] for row in rows_of(org, name, ["Id"])]
        assert len(set(ids)) == len(ids) == org.count(name)
        for record_id in ids:
            assert len(record_id) == 18
            assert record_id.startswith(org.sobjects[name].key_prefix or "000")
            assert record_id[15:] == checksum(record_id[:15])


def test_objects_without_ids_show_the_same_one_on_every_row(org: Org) -> None:
    rows = rows_of(org, "AppDefinition")
    assert {row["Id"] for row in rows} == {"000000000000000AAA"}
    assert len({row["DurableId"] for row in rows}) == len(rows) == 8


def test_the_org_has_ten_thousand_records_of_two_dozen_objects(org: Org) -> None:
    counts = [org.count(name) for name in org.sobjects]
    assert 8_000 < sum(counts) < 15_000
    assert sum(count > 0 for count in counts) > 20
    assert org.count("Empty__c") == 0
    assert rows_of(org, "Empty__c") == []


def test_lookups_point_at_records_that_exist_and_are_not_deleted(org: Org) -> None:
    live = {
        name: {
            record["Id"]
            for record in org.query(
                select("Id", sobject=name), include_deleted=False, bulk=False
            ).records(0, 10_000)
        }
        for name, sobject in org.sobjects.items()
        if sobject.query_refusal is None and not sobject.needs_filter_on
    }
    checked = 0
    for name in queryable(org):
        lookups = [f for f in org.sobjects[name].fields if f.reference_to]
        for row in rows_of(org, name):
            for field in lookups:
                if row[field.name]:
                    checked += 1
                    assert any(row[field.name] in live[target] for target in field.reference_to)
    assert checked > 30_000


def test_lookups_of_several_objects_point_at_each_of_them(org: Org) -> None:
    targets = {row["WhatId"][:3] for row in rows_of(org, "Task", ["WhatId"])}
    assert targets == {"", "001", "006", "500"}


def test_no_account_is_its_own_ancestor(org: Org) -> None:
    parents = {row["Id"]: row["ParentId"] for row in rows_of(org, "Account", ["Id", "ParentId"])}
    assert any(parents.values())
    for record_id in parents:
        line = [record_id]
        while parents[line[-1]]:
            line.append(parents[line[-1]])
            assert len(line) < len(parents)


def test_two_of_a_hundred_records_are_in_the_recycle_bin(org: Org) -> None:
    for name in ("Account", "Contact", "Invoice_Line__c"):
        deleted = [row for row in rows_of(org, name) if row["IsDeleted"] == "true"]
        assert len(deleted) == org.count(name) // 50
        live = org.query(select("Id", sobject=name), include_deleted=False, bulk=True)
        assert len(live) == org.count(name) - len(deleted)


def test_stamps_are_in_the_past_and_in_order_within_a_record_but_not_from_row_to_row() -> None:
    rows = rows_of(Org(now=NOW), "Account")
    for row in rows:
        created, modified, stamp = (
            row[name] for name in ("CreatedDate", "LastModifiedDate", "SystemModstamp")
        )
        assert created <= modified <= stamp < STAMP_OF_NOW
        assert MOMENT.fullmatch(stamp)
    for name in ("Id", "CreatedDate", "SystemModstamp"):
        column = [row[name] for row in rows]
        ascents = sum(a < b for a, b in itertools.pairwise(column))
        assert 0.4 * len(column) < ascents < 0.6 * len(column)
    assert any(row["SystemModstamp"] != row["LastModifiedDate"] for row in rows)
    by_stamp = sorted(rows, key=lambda row: row["SystemModstamp"])
    assert [row["Id"] for row in by_stamp] != sorted(row["Id"] for row in rows)


def test_the_same_seed_gives_the_same_records() -> None:
    fields = ["Id", "Name", "OwnerId", "SystemModstamp", "BillingLatitude"]
    first, again, other = (
        rows_of(generated_anew(seed=seed, rows={"Account": 60}), "Account", fields)
        for seed in (5, 5, 6)
    )
    assert first == again
    assert first != other
    assert {row["Name"] for row in first} != {row["Name"] for row in other}


def test_records_do_not_depend_on_what_was_asked_first() -> None:
    late = generated_anew(seed=5)
    rows_of(late, "Contact")
    rows_of(late, "Account", ["Name"])
    assert rows_of(late, "Account") == rows_of(generated_anew(seed=5), "Account")


def test_a_change_is_not_seen_in_an_org_alike() -> None:
    changed, other = Org(seed=5), Org(seed=5)
    before = rows_of(other, "Account")
    first, second, *_ = before
    changed.upsert("Account", [{"Id": first["Id"], "Name": "changed"}, {"Name": "new"}])
    changed.delete("Account", [second["Id"]], hard=True)
    assert rows_of(changed, "Account") != before
    assert rows_of(other, "Account") == rows_of(Org(seed=5), "Account") == before


def test_records_end_where_they_are_told_to() -> None:
    until = datetime(2026, 1, 1, tzinfo=timezone.utc)
    rows = rows_of(Org(until=until, now=NOW), "Account")
    assert rows == rows_of(Org(until=until), "Account")
    assert "2025-12-20" < max(row["SystemModstamp"] for row in rows) < "2026-01-01"


def test_records_end_today_by_default(monkeypatch: pytest.MonkeyPatch) -> None:
    # Other tests have the same day always.
    monkeypatch.setattr(org_module, "_find_start_of_today", _find_start_of_today)
    soql = "SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:60"
    assert len(Org().query(soql, include_deleted=True, bulk=True)) > 5


def test_an_object_can_have_hundreds_of_thousands_of_records() -> None:
    org = Org(rows={"Account": 300_000, "User": 3})
    soql = "SELECT Id, Owner.Name FROM Account WHERE Industry = 'Energy' ORDER BY Name LIMIT 1000"
    result = org.query(soql, include_deleted=False, bulk=True)
    assert len(result) == 1_000
    assert org.count("Account") == 300_000
    owners = {row["Owner"]["Name"] for row in result.records(0, 1_000)}
    assert 1 <= len(owners) <= 3


def test_objects_may_have_no_records_at_all() -> None:
    org = Org(rows={"Account": 1, "User": 0, "Group": 0})
    (row,) = rows_of(org, "Account")
    assert row["OwnerId"] == row["ParentId"] == ""
    (lead, *_) = rows_of(org, "Lead", ["OwnerId", "Owner.Name"])
    assert lead == {"OwnerId": "", "Owner.Name": ""}


def test_unknown_objects_and_negative_numbers_of_rows_are_refused() -> None:
    with pytest.raises(ValueError, match="no object Acount, Nope"):
        Org(rows={"Nope": 1, "Acount": 1})
    with pytest.raises(ValueError, match="fewer than 0 rows: Account"):
        Org(rows={"Account": -1})


def test_one_object_has_the_values_that_break_careless_readers(org: Org) -> None:
    rows = rows_of(org, "Everything__c")
    cells = {name: {row[name] for row in rows} for name in rows[0]}
    texts = cells["Text__c"]
    for part in ('"', '""', ",", "\n", "\r", "\r\n", "\u2028", "\x85", "\x0b", "\x1c", "\x00"):
        assert any(part in text for text in texts), repr(part)
    assert {"00123", "NA", "null", "NULL", "nan", "true", " leading blank", "", " "} <= texts
    assert any(ord(character) > 0xFFFF for text in texts for character in text)
    assert {"0.0", "150.0", "9.9213206E7", "1.6147805824397E13", "1.0E-5", "NaN"} <= cells[
        "Double__c"
    ]
    assert any(len(text.replace(".", "")) > 20 for text in cells["Double__c"])
    assert {"47.0", "0.0", "5", ""} <= cells["Int__c"]
    assert "9223372036854775807" in cells["Long__c"]
    assert {"1700-01-01", "1899-12-31"} <= cells["Date__c"]
    assert {"1700-01-01T00:00:00.000Z", "1899-12-31T23:59:59.000Z"} <= cells["Datetime__c"]
    assert "23:59:59.999Z" in cells["Time__c"]
    assert "red;green" in cells["Multi_Picklist__c"]
    assert sorted(len(text) for text in cells["Long_Text__c"])[-2:] == [131_072, 131_072]


def test_one_object_has_every_type_of_field_but_addresses(org: Org) -> None:
    types = {field.type for field in org.sobjects["Everything__c"].fields}
    assert types == FIELD_TYPES - {"address"}
    assert "address" in {field.type for field in org.sobjects["Account"].fields}


def test_bodies_of_files_have_the_length_that_their_record_tells(org: Org) -> None:
    for sobject, body, length in (
        ("Attachment", "Body", "BodyLength"),
        ("ContentVersion", "VersionData", "ContentSize"),
    ):
        rows = rows_of(org, sobject, ["Id", "IsDeleted", length])
        for row in rows:
            content = org.blob(sobject, row["Id"], body)
            if row["IsDeleted"] == "true":
                assert content is None
                continue
            assert content is not None
            assert len(content) == int(row[length])
    assert org.blob("Attachment", "00P000000000000EAA", "Body") is None


def test_a_changed_record_moves_its_stamps() -> None:
    org = Org(now=NOW)
    before = rows_of(org, "Account")
    (record_id,) = org.upsert("account", [{"id": before[3]["Id"][:15], "NAME": 'New "name"\r\n'}])
    after = rows_of(org, "Account")
    assert record_id == before[3]["Id"]
    expected = {
        **before[3],
        "Name": 'New "name"\r\n',
        "LastModifiedDate": STAMP_OF_NOW,
        "SystemModstamp": STAMP_OF_NOW,
    }
    assert after[3] == expected
    assert after[:3] + after[4:] == before[:3] + before[4:]


def test_a_new_record_is_added_at_the_end() -> None:
    org = Org(now=NOW)
    stamp = "2031-01-01T00:00:00.000Z"
    records: list[dict[str, Any]] = [
        {"Name": "One", "AnnualRevenue": 1.5e7},
        {"Name": "Two", "SystemModstamp": stamp},
    ]
    ids = org.upsert("Account", records)
    rows = rows_of(org, "Account")
    assert [row["Id"] for row in rows[-2:]] == ids
    assert len({row["Id"] for row in rows}) == len(rows) == org.count("Account") == 1_002
    one, two = rows[-2:]
    assert (one["Name"], one["AnnualRevenue"], one["Sic"]) == ("One", "1.5E7", "")
    assert one["IsDeleted"] == "false"
    assert one["CreatedDate"] == one["SystemModstamp"] == STAMP_OF_NOW
    assert two["SystemModstamp"] == stamp
    assert one["OwnerId"] in {row["Id"] for row in rows_of(org, "User", ["Id"])}
    given_id = "0015g00000ZZZZZAAA"[:15]
    assert org.upsert("Account", [{"Id": given_id}]) == [eighteen_characters(given_id)]
    assert org.count("Account") == 1_003


def test_a_new_record_can_be_changed_and_deleted() -> None:
    org = Org(rows={"Account": 3})
    (new,) = org.upsert("Account", [{"Name": "new"}])
    org.upsert("Account", [{"Id": new, "Name": "newer"}])
    assert rows_of(org, "Account")[-1]["Name"] == "newer"
    org.delete("Account", [new], hard=True)
    assert [row["Id"] for row in rows_of(org, "Account")].count(new) == 0
    assert org.count("Account") == 3
    (second,) = org.upsert("Account", [{"Name": "second"}])
    assert second != new
    org.upsert("Account", [{"Id": second, "Name": "changed"}])
    assert rows_of(org, "Account")[-1]["Name"] == "changed"


@pytest.mark.parametrize(
    ("field", "value", "text"),
    [
        ("Text__c", "NA", "NA"),
        ("Text__c", "", ""),
        ("Text__c", None, ""),
        ("Checkbox__c", True, "true"),
        ("Int__c", 47, "47"),
        ("Int__c", "47.0", "47.0"),
        ("Double__c", 150, "150.0"),
        ("Double__c", 99213206.0, "9.9213206E7"),
        ("Double__c", "3.14159265358979323846", "3.14159265358979323846"),
        ("Currency__c", Decimal("12345678901234567.89"), "1.234567890123456789E16"),
        ("Double__c", math.nan, "NaN"),
        ("Date__c", date(1899, 12, 31), "1899-12-31"),
        ("Datetime__c", datetime(2020, 1, 1, 2, tzinfo=timezone(timedelta(hours=2))), None),
        ("Datetime__c", datetime(2020, 1, 1), "2020-01-01T00:00:00.000Z"),  # noqa: DTZ001
        ("Time__c", time(1, 2, 3), "01:02:03.000Z"),
    ],
)
def test_values_are_kept_in_the_form_of_bulk_results(field: str, value: Any, text: str) -> None:
    org = Org(rows={"Everything__c": 1})
    org.upsert("Everything__c", [{field: value}])
    assert rows_of(org, "Everything__c", [field])[-1][field] == (
        text if text is not None else "2020-01-01T00:00:00.000Z"
    )


def test_what_cannot_be_set_is_refused() -> None:
    org = Org()
    with pytest.raises(KeyError, match="nope"):
        org.upsert("Account", [{"Nope": 1}])
    with pytest.raises(KeyError, match="nope"):
        org.upsert("Nope", [])
    with pytest.raises(ValueError, match="invalid record id"):
        org.upsert("Account", [{"Id": "1"}])
    with pytest.raises(ValueError, match="no Id of their own"):
        org.upsert("AppDefinition", [{"Label": "x"}])
    with pytest.raises(TypeError, match="Name cannot hold a value of type list"):
        org.upsert("Account", [{"Name": []}])


def test_a_deleted_record_is_found_by_query_all_alone() -> None:
    org = Org(now=NOW)
    live = org.query("SELECT Id FROM Account", include_deleted=False, bulk=True)
    victim = live.records(0, 1)[0]["Id"]
    org.delete("Account", [victim])
    assert len(org.query("SELECT Id FROM Account", include_deleted=False, bulk=True)) == 979
    (row,) = [row for row in rows_of(org, "Account") if row["Id"] == victim]
    assert (row["IsDeleted"], row["SystemModstamp"]) == ("true", STAMP_OF_NOW)
    assert org.count("Account") == 1_000


def test_an_erased_record_is_not_found_at_all() -> None:
    org = Org()
    before = rows_of(org, "Account")
    org.delete("Account", [before[0]["Id"], before[5]["Id"]], hard=True)
    assert rows_of(org, "Account") == [*before[1:5], *before[6:]]
    assert org.count("Account") == 998
    with pytest.raises(KeyError):
        org.delete("Account", [before[0]["Id"]], hard=True)
    with pytest.raises(ValueError, match="User has no recycle bin"):
        org.delete("User", [rows_of(org, "User")[0]["Id"]])


def test_a_result_does_not_change_with_the_org() -> None:
    org = Org()
    result = org.query("SELECT Id, Name FROM Account", include_deleted=True, bulk=True)
    before = result.csv(0, len(result))
    record_id = result.records(0, 1)[0]["Id"]
    org.upsert("Account", [{"Id": record_id, "Name": "changed"}])
    assert result.csv(0, len(result)) == before
    org.upsert("Account", [{"Name": "added"}])
    org.delete("Account", [result.records(1, 2)[0]["Id"]], hard=True)
    assert result.csv(0, len(result)) == before
    again = org.query("SELECT Id, Name FROM Account", include_deleted=True, bulk=True)
    assert again.csv(0, len(again)) != before


def test_an_org_serves_several_threads() -> None:
    org = Org()
    soql = "SELECT Id, Name, Owner.Name FROM Account ORDER BY Name"
    found: list[bytes] = []

    def read() -> None:
        result = org.query(soql, include_deleted=True, bulk=True)
        found.append(result.csv(0, len(result)))

    threads = [threading.Thread(target=read) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert len(set(found)) == 1


@pytest.mark.parametrize(
    ("number", "text"),
    [
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (150.0, "150.0"),
        (99213206.0, "9.9213206E7"),
        (9999999.0, "9999999.0"),
        (1e7, "1.0E7"),
        (16147805824397.0, "1.6147805824397E13"),
        (0.001, "0.001"),
        (0.00099, "9.9E-4"),
        (1e-5, "1.0E-5"),
        (-1.5, "-1.5"),
        (math.inf, "Infinity"),
        (-math.inf, "-Infinity"),
        (math.nan, "NaN"),
        (Decimal(100), "100.0"),
        (Decimal("0E-5"), "0.0"),
    ],
)
def test_numbers_are_written_as_java_does(number: float | Decimal, text: str) -> None:
    assert java_double(number) == text


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_double_survives_being_written(number: float) -> None:
    text = java_double(number)
    assert float(text) == number
    assert re.fullmatch(r"-?\d+\.\d+(E-?\d+)?", text)


@given(st.lists(st.integers(-(10**15), 10**15), min_size=1), st.integers(0, 9))
def test_a_column_of_numbers_is_written_as_each_of_them(unscaled: list[int], scale: int) -> None:
    one_by_one = [java_double(Decimal(number).scaleb(-scale)) for number in unscaled]
    assert java_doubles(pl.Series(unscaled, dtype=pl.Int64), scale).to_list() == one_by_one
