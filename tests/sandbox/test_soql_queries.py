"""SOQL of the sandbox against a plain evaluation in Python, and Salesforce's refusals."""

from __future__ import annotations

import csv
import io
from collections import Counter
from datetime import date, datetime, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sfbulk_sandbox.soql.date_periods import period
from sfbulk_sandbox.state.org import Org, ResultSet, SoqlError

if TYPE_CHECKING:
    from collections.abc import Callable

Record = dict[str, Any]
NOW = datetime(2025, 5, 14, 12, tzinfo=timezone.utc)
FIELDS = {
    "Account": (
        "Id, Name, Type, Industry, Rating, TickerSymbol, BillingCity, AnnualRevenue, IsDeleted, "
        "NumberOfEmployees, CreatedDate, LastActivityDate, OwnerId, Owner.Name, Owner.IsActive, "
        "Parent.Name, Parent.Owner.Name"
    ),
    "Everything__c": (
        "Id, Text__c, Text_Area__c, Multi_Picklist__c, Checkbox__c, Int__c, Double__c, Date__c, "
        "Datetime__c, Time__c, Owner.Type, Lookup__r.Name"
    ),
}


NESTED_JOINS = """
SELECT Id FROM Account WHERE Id IN
(SELECT AccountId FROM Contact WHERE Id IN (SELECT ContactId FROM Case))
"""
THREE_JOINS = """
SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact)
AND Id IN (SELECT AccountId FROM Case) AND Id IN (SELECT AccountId FROM Opportunity)
"""


@pytest.fixture(scope="module")
def org() -> Org:
    return Org(seed=3, now=NOW)


def rest(org: Org, soql: str, *, include_deleted: bool = True) -> list[Record]:
    result = org.query(soql, include_deleted=include_deleted, bulk=False)
    return result.records(0, len(result))


def bulk(org: Org, soql: str, *, include_deleted: bool = True) -> ResultSet:
    return org.query(soql, include_deleted=include_deleted, bulk=True)


def rows_of(result: ResultSet) -> list[list[str]]:
    """Read a whole result, without its header line, out of its CSV."""
    text = result.csv(0, len(result), header=False).decode()
    return list(csv.reader(io.StringIO(text, newline="")))


def select(fields: str, sobject: str, rest_of_query: str = "") -> str:
    clauses = ["SELECT", fields, "FROM", sobject, rest_of_query]
    return " ".join(clauses).strip()


def lower(text: str | None) -> str | None:
    return None if text is None else text.lower()


def of_parent(record: Record, parent: str, field: str) -> Any:
    return None if record[parent] is None else record[parent][field]


def _chosen(record: Record) -> list[str]:
    return (record["Multi_Picklist__c"] or "").split(";")


def _has(record: Record) -> bool:
    return {"red", "green"} <= set(_chosen(record)) or "blue" in _chosen(record)


def _huge(record: Record) -> bool:
    """Tell whether the double is Infinity, which JSON cannot show, by its place in the table."""
    return bool(record["Id"] in _INFINITE)


_INFINITE: set[str] = set()


_CITIES = {"Portland", "東京"}
CONDITIONS: list[tuple[str, str, Callable[[Record], bool]]] = [
    ("Account", "industry = 'BANKING'", lambda r: r["Industry"] == "Banking"),
    ("Account", "Industry != 'Banking'", lambda r: r["Industry"] != "Banking"),
    ("Account", "Industry <> 'Banking'", lambda r: r["Industry"] != "Banking"),
    ("Account", "Industry = null", lambda r: r["Industry"] is None),
    ("Account", "Industry = ''", lambda r: r["Industry"] is None),
    ("Account", "Industry != NULL", lambda r: r["Industry"] is not None),
    ("Account", "Industry >= 'energy'", lambda r: (r["Industry"] or "").lower() >= "energy"),
    ("Account", "TickerSymbol = 'null'", lambda r: r["TickerSymbol"] == "NULL"),
    ("Account", "NumberOfEmployees > 100000", lambda r: (r["NumberOfEmployees"] or 0) > 100_000),
    ("Account", "AnnualRevenue <= 1.5e9", lambda r: (r["AnnualRevenue"] or 9e9) <= 1.5e9),
    ("Account", "AnnualRevenue < +2000000000.", lambda r: (r["AnnualRevenue"] or 9e9) < 2e9),
    ("Account", "IsDeleted = TRUE", lambda r: r["IsDeleted"]),
    ("Account", "IsDeleted != true", lambda r: not r["IsDeleted"]),
    ("Account", "BillingCity IN ('PORTLAND', '東京')", lambda r: r["BillingCity"] in _CITIES),
    (
        "Account",
        "BillingCity NOT IN ('Portland','東京')",
        lambda r: r["BillingCity"] not in _CITIES,
    ),
    ("Account", "Rating IN ('Hot', null)", lambda r: r["Rating"] in {"Hot", None}),
    ("Account", "Rating not  in (null)", lambda r: r["Rating"] is not None),
    ("Account", "Name LIKE '%labs%'", lambda r: "labs" in r["Name"].lower()),
    ("Account", "Name LIKE 'm_ller%'", lambda r: r["Name"].lower().startswith("müller")),
    ("Account", "Name LIKE 'acme labs'", lambda _: False),
    ("Account", "NOT Name LIKE 'Acme%'", lambda r: not r["Name"].startswith("Acme")),
    ("Account", "(NOT(Rating = 'Hot'))", lambda r: r["Rating"] != "Hot"),
    (
        "Account",
        "(Rating = 'Hot' OR Rating = 'Cold') AND NOT Type = 'Other' AND Name != 'x'",
        lambda r: r["Rating"] in {"Hot", "Cold"} and r["Type"] != "Other",
    ),
    (
        "Account",
        "CreatedDate >= 2023-01-01T01:00:00+01:00 AND CreatedDate < 2024-01-01T00:00:00.000Z",
        lambda r: r["CreatedDate"].startswith("2023-"),
    ),
    (
        "Account",
        "CreatedDate >= 2022-12-31T19:00:00-0500",
        lambda r: r["CreatedDate"] >= "2023",
    ),
    ("Account", "CreatedDate = THIS_YEAR", lambda r: r["CreatedDate"].startswith("2025-")),
    ("Account", "CreatedDate < last_year", lambda r: r["CreatedDate"] < "2024-"),
    ("Account", "CreatedDate > LAST_YEAR", lambda r: r["CreatedDate"] >= "2025-"),
    ("Account", "CreatedDate >= N_MONTHS_AGO:2", lambda r: r["CreatedDate"] >= "2025-03"),
    ("Account", "CreatedDate <= N_YEARS_AGO:2", lambda r: r["CreatedDate"] < "2024-"),
    ("Account", "CreatedDate != LAST_N_DAYS:30", lambda r: r["CreatedDate"] < "2025-04-14T"),
    (
        "Account",
        "LastActivityDate = LAST_N_YEARS:1",
        lambda r: (r["LastActivityDate"] or "").startswith("2024-"),
    ),
    (
        "Account",
        "LastActivityDate < 2024-02-03",
        lambda r: (r["LastActivityDate"] or "9") < "2024-02-03",
    ),
    ("Account", "Owner.Name LIKE 'k%'", lambda r: r["Owner"]["Name"].startswith("K")),
    ("Account", "Account.Owner.IsActive = false", lambda r: not r["Owner"]["IsActive"]),
    ("Account", "Parent.Name = null", lambda r: r["Parent"] is None),
    (
        "Account",
        "Parent.Owner.Name LIKE 'K%'",
        lambda r: (of_parent(r, "Parent", "Owner") or {"Name": ""})["Name"].startswith("K"),
    ),
    (
        "Account",
        "OwnerId IN (SELECT Id FROM User WHERE IsActive = false)",
        lambda r: not r["Owner"]["IsActive"],
    ),
    (
        "Account",
        "OwnerId NOT IN (SELECT Id FROM User WHERE Name LIKE 'K%')",
        lambda r: not r["Owner"]["Name"].startswith("K"),
    ),
    ("Everything__c", "Multi_Picklist__c INCLUDES ('red;GREEN', 'blue')", _has),
    ("Everything__c", "Multi_Picklist__c EXCLUDES ('red;green', 'blue')", lambda r: not _has(r)),
    ("Everything__c", "Multi_Picklist__c = 'red;green'", lambda r: _chosen(r) == ["red", "green"]),
    ("Everything__c", "Text__c = 'IT\\'S'", lambda r: r["Text__c"] == "it's"),
    ("Everything__c", "Text__c = 'back\\\\slash'", lambda r: r["Text__c"] == "back\\slash"),
    ("Everything__c", "Text__c LIKE '\\%\\_like\\_%'", lambda r: r["Text__c"] == "%_like_%"),
    ("Everything__c", "Text__c = '\\%\\_like\\_%'", lambda r: r["Text__c"] == "%_like_%"),
    ("Everything__c", "Text__c = 'both\\r\\nends'", lambda r: r["Text__c"] == "both\r\nends"),
    ("Everything__c", "Text__c LIKE 'line%two'", lambda r: r["Text__c"] == "line one\nline two"),
    ("Everything__c", "Text__c LIKE '=1+1'", lambda r: r["Text__c"] == "=1+1"),
    ("Everything__c", "Text__c = '👩‍👩‍👧‍👦'", lambda _: False),
    ("Everything__c", "Text_Area__c IN ('00123')", lambda r: r["Text_Area__c"] == "00123"),
    ("Everything__c", "Int__c = 47", lambda r: r["Int__c"] == 47),
    ("Everything__c", "Int__c IN (0, -1)", lambda r: r["Int__c"] in {0, -1}),
    ("Everything__c", "Double__c > 1e7", lambda r: (r["Double__c"] or 0) > 1e7 or _huge(r)),
    ("Everything__c", "Double__c = 150", lambda r: r["Double__c"] == 150),
    ("Everything__c", "Date__c < 1900-01-01", lambda r: (r["Date__c"] or "9") < "1900"),
    (
        "Everything__c",
        "Datetime__c = 1899-12-31T23:59:59Z",
        lambda r: (r["Datetime__c"] or "").startswith("1899"),
    ),
    ("Everything__c", "Time__c >= 12:30:00.000Z", lambda r: (r["Time__c"] or "") >= "12:30"),
    (
        "Everything__c",
        "Owner.Type = 'Group'",
        lambda r: r["Owner"]["attributes"]["type"] == "Group",
    ),
    (
        "Everything__c",
        "Lookup__r.Name LIKE 'acme%'",
        lambda r: (of_parent(r, "Lookup__r", "Name") or "").startswith("Acme"),
    ),
]
_MATCH_NOTHING = {"Name LIKE 'acme labs'", "Text__c = '👩‍👩‍👧‍👦'"}


@pytest.fixture(scope="module", autouse=True)
def _records_with_infinity(org: Org) -> None:
    rows = rows_of(bulk(org, "SELECT Id, Double__c FROM Everything__c"))
    _INFINITE.update(record_id for record_id, text in rows if text == "Infinity")


@pytest.mark.parametrize(
    ("sobject", "where", "expected"), CONDITIONS, ids=[condition for _, condition, _ in CONDITIONS]
)
def test_where_finds_what_python_finds(
    org: Org, sobject: str, where: str, expected: Callable[[Record], bool]
) -> None:
    everything = rest(org, select(FIELDS[sobject], sobject))
    found = rest(org, select(FIELDS[sobject], sobject, f"WHERE {where}"))
    assert found == [record for record in everything if expected(record)]
    assert len(found) < len(everything)
    assert bool(found) == (where not in _MATCH_NOTHING)
    in_bulk = rows_of(bulk(org, select("Id", sobject, f"WHERE {where}")))
    assert in_bulk == [[record["Id"]] for record in found]


ATOMS = [
    (where, expected)
    for sobject, where, expected in CONDITIONS
    if sobject == "Account" and " AND " not in where and "SELECT" not in where
]


def _both(parts: list[tuple[str, Callable[[Record], bool]]], word: str) -> Any:
    predicates = [predicate for _, predicate in parts]
    combine = all if word == "AND" else any
    text = f" {word} ".join(f"({where})" for where, _ in parts)
    return text, lambda record: combine(predicate(record) for predicate in predicates)


LOGIC = st.recursive(
    st.sampled_from(ATOMS),
    lambda inner: st.one_of(
        st.tuples(st.lists(inner, min_size=2, max_size=3), st.sampled_from(["AND", "OR"])).map(
            lambda parts: _both(*parts)
        ),
        inner.map(lambda part: (f"NOT ({part[0]})", lambda record: not part[1](record))),
    ),
    max_leaves=5,
)


@settings(max_examples=40, deadline=None)
@given(LOGIC)
def test_any_logic_finds_what_python_finds(
    org: Org, condition: tuple[str, Callable[[Record], bool]]
) -> None:
    where, expected = condition
    everything = rest(org, select(FIELDS["Account"], "Account"))
    found = rest(org, select("Id", "Account", f"WHERE {where}"))
    assert [r["Id"] for r in found] == [r["Id"] for r in everything if expected(r)]


@pytest.mark.parametrize(
    ("order", "key", "descending"),
    [
        ("Name, Id", lambda r: (r["Name"].lower(), r["Id"]), False),
        ("CreatedDate DESC, Id DESC", lambda r: (r["CreatedDate"], r["Id"]), True),
        ("Industry, Id", lambda r: (lower(r["Industry"]) or "", r["Id"]), False),
        ("Industry NULLS LAST, Id", lambda r: (lower(r["Industry"]) or "~", r["Id"]), False),
        ("AnnualRevenue ASC NULLS FIRST, Id", lambda r: (r["AnnualRevenue"] or -1, r["Id"]), False),
        (
            "AnnualRevenue DESC NULLS LAST, Id DESC",
            lambda r: (r["AnnualRevenue"] or -1, r["Id"]),
            True,
        ),
        (
            "NumberOfEmployees desc, Id desc",
            lambda r: (r["NumberOfEmployees"] or 1e9, r["Id"]),
            True,
        ),
        ("Parent.Owner.Name, Id", lambda r: (_grandparent(r), r["Id"]), False),
    ],
)
def test_order_by_sorts_as_python_does(
    org: Org,
    order: str,
    key: Callable[[Record], Any],
    descending: bool,  # noqa: FBT001
) -> None:
    everything = rest(org, select(FIELDS["Account"], "Account"))
    expected = [r["Id"] for r in sorted(everything, key=key, reverse=descending)]
    assert [r["Id"] for r in rest(org, select("Id", "Account", f"ORDER BY {order}"))] == expected
    limited = rest(org, select("Id", "Account", f"ORDER BY {order} LIMIT 7 OFFSET 3"))
    assert [r["Id"] for r in limited] == expected[3:10]


def _grandparent(record: Record) -> str:
    owner = of_parent(record, "Parent", "Owner")
    return "" if owner is None else str(owner["Name"]).lower()


def test_an_order_by_a_field_that_is_not_selected_does_not_show(org: Org) -> None:
    result = bulk(org, "SELECT Id FROM Account ORDER BY Owner.Name DESC LIMIT 3")
    assert result.columns == ["Id"]
    assert set(rest(org, "SELECT Id FROM Account ORDER BY Owner.Name LIMIT 1")[0]) == {
        "attributes",
        "Id",
    }


def test_headers_have_the_order_of_the_select_list_and_salesforces_spelling(org: Org) -> None:
    result = bulk(
        org,
        "select a.name, ID, A.owner.NAME, account.parent.parent.Name from Account a",
    )
    assert result.columns == ["Name", "Id", "Owner.Name", "Parent.Parent.Name"]
    assert result.csv(0, 0) == b'"Name","Id","Owner.Name","Parent.Parent.Name"\n'
    assert result.sobject == "Account"


@pytest.mark.parametrize(
    ("item", "header"), [("tolabel(rating) R", "R"), ("toLabel(rating)", "Rating")]
)
def test_labels_are_the_values(org: Org, item: str, header: str) -> None:
    result = bulk(org, select(f"Id, {item}", "Account"))
    assert result.columns == ["Id", header]
    assert result.csv(0, 0).decode() == f'"Id","{header}"\n'
    assert rows_of(result) == rows_of(bulk(org, "SELECT Id, Rating FROM Account"))


def test_paths_lead_over_five_relationships(org: Org) -> None:
    path = "Parent.Parent.Parent.Parent.Owner.Name"
    by_id = {r["Id"]: r for r in rest(org, "SELECT Id, ParentId, Owner.Name FROM Account")}
    for record_id, name in rows_of(bulk(org, select(f"Id, {path}", "Account"))):
        record = by_id.get(record_id)
        for _ in range(4):
            record = record and by_id.get(record["ParentId"])
        assert name == (record["Owner"]["Name"] if record else "")
    with pytest.raises(SoqlError, match="limit of 5 levels"):
        bulk(org, select(f"Parent.{path}", "Account"))


def test_custom_relationships_end_in_r(org: Org) -> None:
    soql = "SELECT Name, Invoice__r.Account__r.Name, Product__r.Name FROM Invoice_Line__c LIMIT 5"
    for record in rest(org, soql):
        assert record["Invoice__r"]["attributes"]["type"] == "Invoice__c"
        assert record["Invoice__r"]["Account__r"]["Name"]
    columns = ["Name", "Invoice__r.Account__r.Name", "Product__r.Name"]
    assert bulk(org, soql).columns == columns


def test_polymorphic_parents_are_records_of_their_own_object(org: Org) -> None:
    records = rest(org, "SELECT Id, WhatId, What.Name, What.Type, Who.Name FROM Task")
    names = {
        record["Id"]: record[field]
        for sobject, field in (("Account", "Name"), ("Opportunity", "Name"), ("Case", "CaseNumber"))
        for record in rest(org, select(f"Id, {field}", sobject))
    }
    seen = set()
    for record in records:
        if record["WhatId"] is None:
            assert record["What"] is None
            continue
        what = record["What"]
        seen.add(what["Type"])
        assert what["attributes"]["type"] == what["Type"]
        assert what["attributes"]["url"].endswith(f"/{what['Type']}/{record['WhatId']}")
        assert what["Name"] == names[record["WhatId"]]
    assert seen == {"Account", "Case", "Opportunity"}


def test_records_have_the_form_of_the_rest_query_resource(org: Org) -> None:
    (record,) = rest(
        org,
        "SELECT Id, Name, AnnualRevenue, NumberOfEmployees, IsDeleted, CreatedDate, Sic, "
        "MasterRecord.Name, Owner.Id, BillingAddress FROM Account "
        "WHERE Sic = null AND BillingState = 'OR' AND AnnualRevenue > 20000000 "
        "AND NumberOfEmployees != null LIMIT 1",
    )
    assert list(record) == [
        "attributes", "Id", "Name", "AnnualRevenue", "NumberOfEmployees", "IsDeleted",
        "CreatedDate", "Sic", "MasterRecord", "Owner", "BillingAddress",
    ]  # fmt: skip
    assert record["attributes"] == {
        "type": "Account",
        "url": f"/services/data/v62.0/sobjects/Account/{record['Id']}",
    }
    assert isinstance(record["AnnualRevenue"], Decimal)
    assert isinstance(record["NumberOfEmployees"], int)
    assert record["IsDeleted"] is False
    assert record["CreatedDate"].endswith(".000+0000")
    assert record["Sic"] is record["MasterRecord"] is None
    assert set(record["Owner"]) == {"attributes", "Id"}
    assert record["BillingAddress"]["city"] == "Portland"
    assert isinstance(record["BillingAddress"]["latitude"], float)
    assert list(record["BillingAddress"]) == sorted(record["BillingAddress"])


def test_rest_writes_binary_fields_as_addresses_and_nan_as_null(org: Org) -> None:
    result = org.query("SELECT Id, Body FROM Attachment", include_deleted=True, bulk=False)
    for record in result.records(0, 3, version="v58.0"):
        expected = f"/services/data/v58.0/sobjects/Attachment/{record['Id']}/Body"
        assert record["Body"] == expected
    in_bulk = rows_of(bulk(org, "SELECT Id, Double__c FROM Everything__c"))
    rows = {row[0]: row[1] for row in in_bulk}
    for record in rest(org, "SELECT Id, Double__c, Location__c FROM Everything__c"):
        if rows[record["Id"]] in {"", "NaN", "Infinity", "-Infinity"}:
            assert record["Double__c"] is None
        else:
            assert record["Double__c"] == Decimal(rows[record["Id"]])
        assert set(record["Location__c"]) == {"latitude", "longitude"}


@pytest.mark.parametrize("delimiter", list(",|;^`\t"))
@pytest.mark.parametrize("line_ending", ["\n", "\r\n"])
def test_csv_says_what_the_records_say(org: Org, delimiter: str, line_ending: str) -> None:
    result = bulk(org, "SELECT Id, Text__c, Text_Area__c, Owner.Name FROM Everything__c")
    data = result.csv(0, len(result), delimiter=delimiter, line_ending=line_ending)
    assert data.startswith(f'"Id"{delimiter}"Text__c"{delimiter}'.encode())
    assert data.endswith(f'"{line_ending}'.encode())
    text = data.decode().replace("\0", "\ue000")
    lines = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True))
    assert lines[0] == result.columns
    for line, record in zip(lines[1:], result.records(0, len(result)), strict=True):
        cells = [record["Id"], record["Text__c"], record["Text_Area__c"], record["Owner"]["Name"]]
        assert [cell.replace("\ue000", "\0") for cell in line] == [cell or "" for cell in cells]


def test_every_cell_is_quoted_and_null_is_empty(org: Org) -> None:
    result = bulk(org, "SELECT MasterRecordId, IsDeleted, Name FROM Account LIMIT 1")
    name = result.records(0, 1)[0]["Name"].replace('"', '""')
    assert result.csv(0, 1, header=False).decode() == f'"","false","{name}"\n'


def test_pages_put_together_are_the_whole(org: Org) -> None:
    result = bulk(org, "SELECT Id, Text__c, Long_Text__c FROM Everything__c")
    pages = [result.csv(start, start + 60, header=False) for start in range(0, len(result), 60)]
    assert b"".join(pages) == result.csv(0, len(result), header=False)
    assert result.csv(500, 600, header=False) == b""
    records = [result.records(start, start + 60) for start in range(0, len(result), 60)]
    assert [r for page in records for r in page] == result.records(0, len(result))


def test_an_empty_result_has_a_header_alone(org: Org) -> None:
    result = bulk(org, "SELECT Id, Name FROM Empty__c")
    assert len(result) == 0
    assert result.csv(0, 10) == b'"Id","Name"\n'
    assert result.records(0, 10) == []
    assert len(bulk(org, "SELECT Id FROM Account LIMIT 0")) == 0


def test_query_leaves_out_the_recycle_bin(org: Org) -> None:
    with_deleted, live = (
        rest(org, "SELECT Id, IsDeleted FROM Contact", include_deleted=flag)
        for flag in (True, False)
    )
    assert live == [record for record in with_deleted if not record["IsDeleted"]]
    assert 0 < len(with_deleted) - len(live) < 100


def test_ids_of_fifteen_characters_find_their_record(org: Org) -> None:
    (record_id,) = rows_of(bulk(org, "SELECT Id FROM Account LIMIT 1"))[0]
    for given_id in (record_id, record_id[:15]):
        found = rows_of(bulk(org, select("Id", "Account", f"WHERE Id = '{given_id}'")))
        assert found == [[record_id]]
    after = rows_of(bulk(org, select("Id", "Account", f"WHERE Id > '{record_id}'")))
    everything = rows_of(bulk(org, "SELECT Id FROM Account"))
    assert after == [row for row in everything if row[0] > record_id]


def test_an_object_that_needs_a_filter_is_found_with_one(org: Org) -> None:
    wanted = rows_of(bulk(org, "SELECT Id FROM ContentDocument"))[:5]
    ids = ", ".join(f"'{row[0]}'" for row in wanted)
    where = f"WHERE ContentDocumentId IN ({ids}) AND IsDeleted = false"
    found = rest(org, select("Id, ContentDocumentId", "ContentDocumentLink", where))
    assert {record["ContentDocumentId"] for record in found} <= {row[0] for row in wanted}
    assert found


def test_fields_function_stands_for_the_fields_of_describe(org: Org) -> None:
    description = org.describe("Everything__c")
    assert description is not None
    names = [field["name"] for field in description["fields"]]
    custom = [field["name"] for field in description["fields"] if field["custom"]]
    (record,) = rest(org, "SELECT FIELDS(ALL) FROM Everything__c LIMIT 1")
    assert list(record) == ["attributes", *names]
    (record,) = rest(org, "SELECT Id, fields(custom) FROM Everything__c LIMIT 1")
    assert list(record) == ["attributes", "Id", *custom]
    result = bulk(org, "SELECT FIELDS(STANDARD) FROM Account")
    assert "BillingCity" in result.columns
    assert not {"BillingAddress", "Active__c"} & set(result.columns)


def test_count_has_a_size_and_no_records(org: Org) -> None:
    soql = "SELECT COUNT() FROM Account WHERE Industry = 'Energy'"
    result = org.query(soql, include_deleted=False, bulk=False)
    expected = rest(org, "SELECT Id FROM Account WHERE Industry = 'Energy'", include_deleted=False)
    assert len(result) == len(expected) > 0
    assert result.records(0, 10) == []


def test_group_by_gathers_records(org: Org) -> None:
    groups = rest(
        org,
        "SELECT Owner.Name, Rating, COUNT(Id) n, SUM(AnnualRevenue), MIN(CreatedDate), "
        "COUNT_DISTINCT(Industry) FROM Account GROUP BY Owner.Name, Rating ORDER BY Rating",
    )
    records = rest(org, select(FIELDS["Account"], "Account"))
    assert sum(group["n"] for group in groups) == len(records)
    ratings = [group["Rating"] or "" for group in groups]
    assert ratings == sorted(ratings)
    for group in groups:
        assert group["attributes"] == {"type": "AggregateResult"}
        members = [
            r
            for r in records
            if (r["Owner"]["Name"], r["Rating"]) == (group["Name"], group["Rating"])
        ]
        assert group["n"] == len(members)
        assert group["expr0"] == pytest.approx(sum(r["AnnualRevenue"] or 0 for r in members))
        assert group["expr1"] == min(r["CreatedDate"] for r in members)
        assert group["expr2"] == len({r["Industry"] for r in members} - {None})


def test_aggregates_without_groups_give_one_record(org: Org) -> None:
    (record,) = rest(org, "SELECT MAX(NumberOfEmployees), AVG(AnnualRevenue) a FROM Account")
    values = rest(org, "SELECT NumberOfEmployees, AnnualRevenue FROM Account")
    revenues = [r["AnnualRevenue"] for r in values if r["AnnualRevenue"] is not None]
    assert record["expr0"] == max(r["NumberOfEmployees"] or 0 for r in values)
    assert record["a"] == pytest.approx(sum(revenues) / len(revenues))


def test_children_are_nested_results(org: Org) -> None:
    soql = (
        "SELECT Id, (SELECT LastName, Account.Name FROM Contacts WHERE LastName = 'Smith' "
        "ORDER BY Id LIMIT 1) FROM Account"
    )
    contacts = rest(org, "SELECT AccountId, LastName FROM Contact ORDER BY Id")
    seen = 0
    for record in rest(org, soql):
        smiths = [
            c for c in contacts if c["AccountId"] == record["Id"] and c["LastName"] == "Smith"
        ]
        if not smiths:
            assert record["Contacts"] is None
            continue
        seen += 1
        assert (record["Contacts"]["totalSize"], record["Contacts"]["done"]) == (1, True)
        (child,) = record["Contacts"]["records"]
        assert child["attributes"]["url"] == smiths[0]["attributes"]["url"]
        assert list(child) == ["attributes", "LastName", "Account"]
    assert seen > 100


EXCERPT_UNKNOWN_FIELD = (
    "\nSELECT Bacon__c FROM Account LIMIT 2\n       ^\nERROR at Row:1:Column:8\n"
    "No such column 'Bacon__c' on entity 'Account'. If you are attempting to use a custom field, "
    "be sure to append the '__c' after the custom field name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
EXCERPT_UNKNOWN_OBJECT = (
    "\nName,BillingCity,IsDeleted FROM Accout\n                                ^\n"
    "ERROR at Row:1:Column:43\nsObject type 'Accout' is not supported. If you are attempting to "
    "use a custom object, be sure to append the '__c' after the entity name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)


EXCERPT_UNEXPECTED_TOKEN = (
    "\nSELECT Id, FROM Account\n           ^\nERROR at Row:1:Column:12\nunexpected token: 'FROM'"
)
FILTER_REQUIRED = (
    "Implementation restriction: ContentDocumentLink requires a filter by a single Id on "
    "ContentDocumentId or LinkedEntityId using the equals operator or multiple Id's using the IN "
    "operator."
)
UNBOUNDED_FIELDS = (
    "The SOQL FIELDS function is not supported with an unbounded set of fields in this API."
)


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        ("SELECT Bacon__c FROM Account LIMIT 2", "INVALID_FIELD", EXCERPT_UNKNOWN_FIELD),
        (
            "SELECT Id,Name,BillingCity,IsDeleted FROM Accout",
            "INVALID_TYPE",
            EXCERPT_UNKNOWN_OBJECT,
        ),
        ("SELEKT Name FROM Account", "MALFORMED_QUERY", "unexpected token: SELEKT"),
        (
            "SELECT Id, FROM Account",
            "MALFORMED_QUERY",
            EXCERPT_UNEXPECTED_TOKEN,
        ),
        ("SELECT Id, Name, id FROM Account", "INVALID_FIELD", "duplicate field selected: Id"),
        (
            "SELECT Id FROM UriEventStream",
            "INVALID_TYPE_FOR_OPERATION",
            "entity type UriEventStream does not support query",
        ),
        (
            "SELECT Id FROM EmailStatus",
            "INVALID_TYPE_FOR_OPERATION",
            "entity type EmailStatus does not support query",
        ),
        (
            "SELECT Id FROM OutgoingEmail",
            "EXTERNAL_OBJECT_UNSUPPORTED_EXCEPTION",
            "This query is not supported on the OutgoingEmail object. (OutgoingEmail)",
        ),
        *(
            (
                select("Id", "ContentDocumentLink", where),
                "MALFORMED_QUERY",
                FILTER_REQUIRED,
            )
            for where in (
                "",
                "WHERE ContentDocumentId != '069000000000000EAA'",
                "WHERE ContentDocumentId = '069000000000000EAA' OR Visibility = 'AllUsers'",
            )
        ),
    ],
)
@pytest.mark.parametrize("in_bulk", [True, False], ids=["bulk", "rest"])
def test_refusals_have_salesforces_words(
    org: Org,
    soql: str,
    code: str,
    message: str,
    in_bulk: bool,  # noqa: FBT001
) -> None:
    with pytest.raises(SoqlError) as caught:
        org.query(soql, include_deleted=False, bulk=in_bulk)
    assert (caught.value.error_code, caught.value.message) == (code, message)


@pytest.mark.parametrize(
    ("soql", "code", "message"),
    [
        (
            "SELECT BillingAddress FROM Account",
            "API_ERROR",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Location__c FROM Everything__c",
            "API_ERROR",
            "Selecting compound data not supported in Bulk Query",
        ),
        (
            "SELECT Account.BillingAddress FROM Contact",
            "API_ERROR",
            "Selecting compound data not supported in Bulk Query",
        ),
        *(
            (soql, "API_ERROR", "Aggregate Relationships not supported in Bulk Query")
            for soql in (
                "SELECT COUNT() FROM Account",
                "SELECT COUNT(Id) FROM Account",
                "SELECT Rating FROM Account GROUP BY Rating",
            )
        ),
        (
            "SELECT Id, (SELECT Id FROM Contacts) FROM Account",
            "API_ERROR",
            "Aggregate Relationships not supported in Bulk V2 Query with CSV content type",
        ),
        (
            "SELECT TYPEOF What WHEN Account THEN Phone ELSE Name END FROM Task",
            "API_ERROR",
            "TYPEOF not supported in Bulk Query",
        ),
        (
            "SELECT Id FROM Account LIMIT 5 OFFSET 2",
            "API_ERROR",
            "OFFSET not supported in Bulk Query",
        ),
        (
            "SELECT Name Title FROM Account",
            "MALFORMED_QUERY",
            "only aggregate expressions use field aliasing",
        ),
        (
            "SELECT Id FROM CaseStatus",
            "INVALIDENTITY",
            "Entity 'CaseStatus' is not supported by the Bulk API.",
        ),
        (
            "SELECT Body FROM Attachment",
            "FEATURENOTENABLED",
            "Cannot serialize value for 'Body' in CSV format",
        ),
        (
            "SELECT FIELDS(ALL) FROM Account LIMIT 200",
            "MALFORMED_QUERY",
            UNBOUNDED_FIELDS,
        ),
    ],
)
def test_query_jobs_refuse_more(org: Org, soql: str, code: str, message: str) -> None:
    with pytest.raises(SoqlError) as caught:
        bulk(org, soql)
    assert (caught.value.error_code, caught.value.message) == (code, message)


def test_rest_reads_what_query_jobs_refuse(org: Org) -> None:
    assert len(rest(org, "SELECT Id, MasterLabel FROM CaseStatus")) == 4
    assert len(rest(org, "SELECT Id FROM Account LIMIT 5 OFFSET 2")) == 5


@pytest.mark.parametrize(
    ("soql", "code", "ending"),
    [
        ("SELECT Foo.Name FROM Account", "INVALID_FIELD", "'__r' after the custom relationship"),
        ("SELECT Id FROM Account WHERE Owner.Nope = 1", "INVALID_FIELD", "on entity 'User'"),
        ("SELECT Id FROM Account ORDER BY Nope", "INVALID_FIELD", "Row:1:Column:33"),
        (
            "SELECT Id FROM Account WHERE Description = 'x'",
            "INVALID_FIELD",
            "field 'Description' can not be filtered in a query call",
        ),
        (
            "SELECT Id FROM Account ORDER BY Description",
            "INVALID_FIELD",
            "field 'Description' can not be sorted in a query call",
        ),
        (
            "SELECT COUNT(Id) FROM Account GROUP BY CreatedDate",
            "INVALID_FIELD",
            "field 'CreatedDate' can not be grouped in a query call",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > '2020-01-01T00:00:00Z'",
            "INVALID_FIELD",
            "must be of type dateTime and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > 2020-01-01",
            "INVALID_FIELD",
            "must be of type dateTime and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE AnnualRevenue > '5'",
            "INVALID_FIELD",
            "must be of type double and should not be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE Name = 5",
            "INVALID_FIELD",
            "must be of type string and should be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE Name IN ('a', 5)",
            "INVALID_FIELD",
            "must be of type string and should be enclosed in quotes",
        ),
        (
            "SELECT Id FROM Account WHERE Name LIKE 5",
            "INVALID_FIELD",
            "must be of type string and should be enclosed in quotes",
        ),
        ("SELECT Id FROM Account WHERE Id = 'x'", "INVALID_QUERY_FILTER_OPERATOR", "ID field: x"),
        (
            "SELECT Id FROM Account WHERE IsDeleted > false",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on boolean field",
        ),
        (
            "SELECT Id FROM Account WHERE AnnualRevenue LIKE '5'",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on currency field",
        ),
        (
            "SELECT Id FROM Account WHERE Name INCLUDES ('a')",
            "INVALID_QUERY_FILTER_OPERATOR",
            "invalid operator on string field",
        ),
        (
            "SELECT Id FROM Account WHERE CreatedDate > 2020-13-01T00:00:00Z",
            "MALFORMED_QUERY",
            "Invalid datetime: 2020-13-01T00:00:00Z",
        ),
        ("SELECT Id FROM Account WHERE", "MALFORMED_QUERY", "unexpected token: '<EOF>'"),
        ("SELECT Id FROM Account LIMIT ten", "MALFORMED_QUERY", "unexpected token: 'ten'"),
        ("SELECT Id FROM Account WHERE Name = foo", "MALFORMED_QUERY", "unexpected token: 'foo'"),
        ("SELECT Id FROM Account WHERE Name = 'foo", "MALFORMED_QUERY", "unexpected token: '''"),
        (
            "SELECT Id FROM Account WHERE Sic = 'a' AND Sic = 'b' OR Sic = 'c'",
            "MALFORMED_QUERY",
            "unexpected token: 'OR'",
        ),
        ("", "MALFORMED_QUERY", "unexpected token: <EOF>"),
        ("SELECT Id n FROM Account", "MALFORMED_QUERY", "aggregate expressions use field aliasing"),
        ("SELECT FIELDS(ALL) FROM Account", "MALFORMED_QUERY", "must have a LIMIT of at most 200"),
        (
            "SELECT FIELDS(ALL) FROM Account LIMIT 201",
            "MALFORMED_QUERY",
            "must have a LIMIT of at most 200",
        ),
        (
            "SELECT Id FROM Account OFFSET 2001",
            "NUMBER_OUTSIDE_VALID_RANGE",
            "Maximum SOQL offset allowed is 2000",
        ),
        (
            "SELECT Name, COUNT(Id) FROM Account GROUP BY Rating",
            "MALFORMED_QUERY",
            "Field must be grouped or aggregated: Name",
        ),
        ("SELECT SUM(Name) FROM Account", "MALFORMED_QUERY", "aggregate operator SUM"),
        ("SELECT COUNT(), Id FROM Account", "MALFORMED_QUERY", "unexpected token: ')'"),
        (
            "SELECT FIELDS(FOO) FROM Account LIMIT 5",
            "MALFORMED_QUERY",
            "STANDARD, not FOO",
        ),
        ("SELECT Id FROM Account ALL ROWS", "MALFORMED_QUERY", "unexpected token: 'ROWS'"),
        ("SELECT COUNT() FROM Account ORDER BY Name", "MALFORMED_QUERY", "with ORDER BY"),
        (
            "SELECT Rating, COUNT(Id) FROM Account GROUP BY Rating ORDER BY Name",
            "MALFORMED_QUERY",
            "Ordered field must be grouped or aggregated: Name",
        ),
        (
            "SELECT Rating r, COUNT(Id) r FROM Account GROUP BY Rating",
            "MALFORMED_QUERY",
            "duplicate alias: r",
        ),
        (
            "SELECT Rating FROM Account GROUP BY Rating HAVING Name = 'a'",
            "MALFORMED_QUERY",
            "Field must be grouped or aggregated: Name",
        ),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact) OR Name = 'a'",
            "MALFORMED_QUERY",
            "not allowed with the 'OR' operator",
        ),
        (
            "SELECT Id FROM Account WHERE NOT Id IN (SELECT AccountId FROM Contact)",
            "MALFORMED_QUERY",
            "not in nested WHERE expressions.",
        ),
        (
            NESTED_JOINS,
            "MALFORMED_QUERY",
            "Nesting of semi join sub-selects is not supported",
        ),
        *(
            (
                f"SELECT Id FROM Account WHERE Id IN (SELECT AccountId FROM Contact {clause})",  # noqa: S608 - SOQL
                "MALFORMED_QUERY",
                "cannot have LIMIT, OFFSET, ORDER BY or GROUP BY",
            )
            for clause in ("LIMIT 5", "ORDER BY Name")
        ),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT ParentId FROM Account)",
            "MALFORMED_QUERY",
            "should not be on the same object type",
        ),
        (
            "SELECT Id FROM Account WHERE Name IN (SELECT Name FROM Contact)",
            "MALFORMED_QUERY",
            "can only query id fields, cannot use: 'Name'",
        ),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT OwnerId FROM Contact)",
            "MALFORMED_QUERY",
            "should point to the same object type",
        ),
        (
            THREE_JOINS,
            "MALFORMED_QUERY",
            "Maximum 2 semi join sub-selects are allowed",
        ),
        (
            "SELECT Id FROM Account WHERE CALENDAR_YEAR(Name) = 2024",
            "MALFORMED_QUERY",
            "does not support the function CALENDAR_YEAR",
        ),
        *(
            (
                soql,
                "MALFORMED_QUERY",
                "this sandbox; Salesforce may well answer the query",
            )
            for soql in (
                "SELECT Id FROM Account USING SCOPE team",
                "SELECT Id FROM Account WHERE AnnualRevenue > EUR5000",
                "SELECT Id FROM KnowledgeArticle WITH DATA CATEGORY Geography__c AT usa__c",
            )
        ),
        ("SELECT Id, (SELECT Id FROM Nope) FROM Account", "INVALID_TYPE", "relationship 'Nope'"),
        (
            "SELECT Id FROM Account WHERE Id IN (SELECT Id, AccountId FROM Contact)",
            "MALFORMED_QUERY",
            "can only query one field",
        ),
        (
            "SELECT Id FROM Account WHERE OwnerId IN (SELECT Id FROM Nope)",
            "INVALID_TYPE",
            "sObject type 'Nope' is not supported",
        ),
    ],
)
def test_what_is_wrong_is_said(org: Org, soql: str, code: str, ending: str) -> None:
    with pytest.raises(SoqlError) as caught:
        rest(org, soql)
    assert caught.value.error_code == code
    assert ending in caught.value.message
    assert str(caught.value) == f"{code}: {caught.value.message}"


def test_errors_point_at_the_line_they_are_in(org: Org) -> None:
    with pytest.raises(SoqlError) as caught:
        bulk(org, "SELECT Id\r\nFROM Account\r\nWHERE Nope = 1\r\nLIMIT 5")
    assert caught.value.message.startswith(
        "\nWHERE Nope = 1\n      ^\nERROR at Row:3:Column:7\nNo such column 'Nope'"
    )


@pytest.mark.parametrize(
    ("word", "first", "behind"),
    [
        ("YESTERDAY", "2025-05-13", "2025-05-14"),
        ("TODAY", "2025-05-14", "2025-05-15"),
        ("TOMORROW", "2025-05-15", "2025-05-16"),
        ("LAST_WEEK", "2025-05-04", "2025-05-11"),
        ("THIS_WEEK", "2025-05-11", "2025-05-18"),
        ("NEXT_WEEK", "2025-05-18", "2025-05-25"),
        ("LAST_MONTH", "2025-04-01", "2025-05-01"),
        ("THIS_MONTH", "2025-05-01", "2025-06-01"),
        ("NEXT_MONTH", "2025-06-01", "2025-07-01"),
        ("LAST_QUARTER", "2025-01-01", "2025-04-01"),
        ("THIS_QUARTER", "2025-04-01", "2025-07-01"),
        ("NEXT_YEAR", "2026-01-01", "2027-01-01"),
        ("LAST_90_DAYS", "2025-02-13", "2025-05-15"),
        ("NEXT_90_DAYS", "2025-05-15", "2025-08-13"),
        ("LAST_N_DAYS:1", "2025-05-13", "2025-05-15"),
        ("NEXT_N_DAYS:2", "2025-05-15", "2025-05-17"),
        ("N_DAYS_AGO:3", "2025-05-11", "2025-05-12"),
        ("LAST_N_WEEKS:2", "2025-04-27", "2025-05-11"),
        ("N_WEEKS_AGO:1", "2025-05-04", "2025-05-11"),
        ("LAST_N_MONTHS:5", "2024-12-01", "2025-05-01"),
        ("NEXT_N_MONTHS:8", "2025-06-01", "2026-02-01"),
        ("N_MONTHS_AGO:5", "2024-12-01", "2025-01-01"),
        ("LAST_N_QUARTERS:2", "2024-10-01", "2025-04-01"),
        ("N_QUARTERS_AGO:1", "2025-01-01", "2025-04-01"),
        ("LAST_N_YEARS:3", "2022-01-01", "2025-01-01"),
        ("N_YEARS_AGO:1", "2024-01-01", "2025-01-01"),
    ],
)
def test_periods_cover_these_days(org: Org, word: str, first: str, behind: str) -> None:
    found = period(word, NOW.date())
    assert found == (date.fromisoformat(first), date.fromisoformat(behind))
    rest(org, select("Id", "Account", f"WHERE CreatedDate = {word.lower()} LIMIT 1"))


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT Id FROM Group LIMIT 1",
        "SELECT COUNT(Id) FROM Group GROUP BY Type",
        "SELECT Id FROM Account a ORDER BY a.Name LIMIT 1",
        "SELECT Id FROM Account AS a WHERE a.Name != null LIMIT 1",
        "SELECT Id FROM Account USING SCOPE everything WHERE Name != null LIMIT 1",
        "SELECT Id FROM Account LIMIT 1 FOR VIEW",
        "select id from account where name!=null and(not name='x')limit 1",
        "\n\tSELECT\n Id\nFROM\tAccount\r\nLIMIT 1\n",
    ],
)
def test_clauses_may_be_written_in_many_ways(org: Org, soql: str) -> None:
    assert len(rest(org, soql)) == 1


def test_having_filters_groups(org: Org) -> None:
    soql = "SELECT Industry, COUNT(Id) n FROM Account GROUP BY Industry"
    groups = rest(org, soql)
    median = sorted(group["n"] for group in groups)[len(groups) // 2]
    expected = [group for group in groups if group["n"] >= median and group["Industry"]]
    assert 0 < len(expected) < len(groups)
    assert rest(org, f"{soql} HAVING COUNT(Id) >= {median} AND Industry != null") == expected


def test_groups_are_sorted_by_what_was_computed(org: Org) -> None:
    soql = "SELECT Industry, COUNT(Id) n FROM Account GROUP BY Industry ORDER BY COUNT(Id) DESC"
    counts = [group["n"] for group in rest(org, soql)]
    assert len(counts) > 3
    assert counts == sorted(counts, reverse=True)


@pytest.mark.parametrize(
    ("function", "expected"),
    [
        ("CALENDAR_YEAR", lambda day: day.year),
        ("FISCAL_QUARTER", lambda day: (day.month + 2) // 3),
        ("CALENDAR_MONTH", lambda day: day.month),
        ("DAY_IN_WEEK", lambda day: day.isoweekday() % 7 + 1),
        ("DAY_IN_YEAR", lambda day: day.timetuple().tm_yday),
        ("WEEK_IN_MONTH", lambda day: (day.day + 6) // 7),
        ("HOUR_IN_DAY", lambda day: day.hour),
        ("DAY_ONLY", lambda day: day.date().isoformat()),
    ],
)
def test_date_functions_group_and_filter(
    org: Org, function: str, expected: Callable[[datetime], Any]
) -> None:
    of_days = Counter(
        expected(datetime.strptime(row["CreatedDate"], "%Y-%m-%dT%H:%M:%S.000%z"))
        for row in rest(org, "SELECT CreatedDate FROM Account")
    )
    call = f"{function}(CreatedDate)"
    soql = f"SELECT {call} d, COUNT(Id) n FROM Account GROUP BY {call}"  # noqa: S608 - SOQL
    groups = rest(org, f"{soql} ORDER BY {call}")
    assert {group["d"]: group["n"] for group in groups} == of_days
    wanted = next(iter(of_days))
    found = rest(org, f"SELECT Id FROM Account WHERE {call} = {wanted}")  # noqa: S608 - SOQL
    assert len(found) == of_days[wanted]


@pytest.mark.parametrize(
    ("asked", "same"),
    [
        ("SELECT Id FROM Account WHERE toLabel(Rating) = 'Hot'", "WHERE Rating = 'Hot'"),
        ("SELECT Id FROM Account WHERE CreatedDate = THIS_FISCAL_YEAR", "CreatedDate = THIS_YEAR"),
        (
            "SELECT Id FROM Account WHERE CreatedDate = LAST_N_FISCAL_QUARTERS:3",
            "WHERE CreatedDate = LAST_N_QUARTERS:3",
        ),
        ("SELECT Id FROM Account WHERE CreatedDate = LAST_N_DAYS:9999999", "Id != null"),
        ("SELECT Id FROM Account WHERE CreatedDate >= LAST_N_YEARS:99999", "Id != null"),
        ("SELECT Id FROM Account FOR UPDATE", "Id != null"),
    ],
)
def test_what_means_the_same(org: Org, asked: str, same: str) -> None:
    condition = same.removeprefix("WHERE ")
    expected = rest(org, f"SELECT Id FROM Account WHERE {condition}")  # noqa: S608 - SOQL
    assert rest(org, asked) == expected


def test_the_scope_mine_is_what_the_user_owns(org: Org) -> None:
    mine = rest(org, "SELECT OwnerId FROM Account USING SCOPE mine")
    assert {record["OwnerId"] for record in mine} == {org.user.id}


def test_values_can_be_formatted(org: Org) -> None:
    soql = "SELECT FORMAT(Name) n, convertCurrency(AnnualRevenue) r FROM Account LIMIT 3"
    plain = rest(org, "SELECT Name, AnnualRevenue FROM Account LIMIT 3")
    assert [(row["n"], row["r"]) for row in rest(org, soql)] == [
        (row["Name"], row["AnnualRevenue"]) for row in plain
    ]
