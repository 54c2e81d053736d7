"""SOQL that Salesforce answers: totals, functions, TYPEOF, distances and names for objects."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from math import asin, cos, radians, sin, sqrt
from typing import Any

import pytest

from sfbulk_sandbox.state.org import Org, SoqlError

Record = dict[str, Any]
NOW = datetime(2025, 5, 14, 12, tzinfo=timezone.utc)
SAN_FRANCISCO = (37.775, -122.418)


@pytest.fixture(scope="module")
def org() -> Org:
    return Org(seed=3, now=NOW)


def rest(org: Org, soql: str) -> list[Record]:
    result = org.query(soql, include_deleted=False, bulk=False)
    return result.records(0, len(result))


def ids(org: Org, soql: str) -> list[str]:
    return [record["Id"] for record in rest(org, soql)]


def without_attributes(records: list[Record]) -> list[tuple[Any, ...]]:
    return [tuple(value for key, value in row.items() if key != "attributes") for row in records]


def test_rollup_adds_subtotals_from_right_to_left(org: Org) -> None:
    rows = rest(org, "SELECT Type, Rating FROM Account")
    soql = (
        "SELECT Type, Rating, GROUPING(Type) t, GROUPING(Rating) r, COUNT(Id) n FROM Account "
        "GROUP BY ROLLUP(Type, Rating)"
    )
    expected = Counter((row["Type"], row["Rating"], 0, 0) for row in rows)
    expected.update((row["Type"], None, 0, 1) for row in rows)
    expected[None, None, 1, 1] = len(rows)
    found = {values[:4]: values[4] for values in without_attributes(rest(org, soql))}
    assert found == expected
    (total,) = rest(org, f"{soql} HAVING GROUPING(Type) = 1")
    assert total["n"] == len(rows)


def test_cube_adds_every_combination(org: Org) -> None:
    rows = rest(org, "SELECT Type, Rating FROM Account")
    soql = (
        "SELECT Type, Rating, GROUPING(Type), GROUPING(Rating), COUNT(Id) FROM Account "
        "GROUP BY CUBE(Type, Rating) ORDER BY GROUPING(Type), GROUPING(Rating)"
    )
    records = rest(org, soql)
    assert list(records[0])[3:] == ["expr0", "expr1", "expr2"]
    expected: Counter[Any] = Counter()
    for row in rows:
        for no_type in (0, 1):
            for no_rating in (0, 1):
                type_, rating = (None if no_type else row["Type"]), row["Rating"]
                expected[type_, None if no_rating else rating, no_type, no_rating] += 1
    found = [(values[:4], values[4]) for values in without_attributes(records)]
    assert dict(found) == expected
    assert [key[2:] for key, _ in found] == sorted(key[2:] for key, _ in found)


def test_unnamed_functions_are_counted_in_the_order_of_the_select_list(org: Org) -> None:
    (record,) = rest(
        org,
        "SELECT COUNT(Id), MAX(Name) top, MIN(CreatedDate), COUNT_DISTINCT(Rating) FROM Account",
    )
    assert list(record) == ["attributes", "expr0", "top", "expr1", "expr2"]


def test_count_of_ids_counts_what_has_a_value(org: Org) -> None:
    rows = rest(org, "SELECT Rating FROM Account")
    (record,) = rest(org, "SELECT COUNT(Id), COUNT(Rating) FROM Account")
    rated = sum(row["Rating"] is not None for row in rows)
    assert (record["expr0"], record["expr1"]) == (len(rows), rated)
    assert rated < len(rows)


def test_a_lone_count_may_have_a_limit(org: Org) -> None:
    assert (
        len(org.query("SELECT COUNT() FROM Account LIMIT 5", include_deleted=False, bulk=False))
        == 5
    )


def test_groups_of_a_date_field_give_parts_of_it(org: Org) -> None:
    soql = "SELECT CALENDAR_YEAR(CloseDate) y, COUNT(Id) n FROM Opportunity GROUP BY CloseDate"
    years: Counter[int] = Counter()
    for group in rest(org, soql):
        years[group["y"]] += group["n"]
    rows = rest(org, "SELECT CloseDate FROM Opportunity")
    assert years == Counter(int(row["CloseDate"][:4]) for row in rows)


def test_typeof_selects_by_the_kind_of_the_parent(org: Org) -> None:
    soql = (
        "SELECT Id, TYPEOF What WHEN Account THEN Phone, Owner.Name WHEN Opportunity THEN Amount "
        "ELSE Name END, Subject FROM Task"
    )
    plain = rest(org, "SELECT Id, WhatId, What.Type, What.Name, Subject FROM Task")
    accounts = {row["Id"]: row for row in rest(org, "SELECT Id, Phone, Owner.Name FROM Account")}
    amounts = {row["Id"]: row["Amount"] for row in rest(org, "SELECT Id, Amount FROM Opportunity")}
    kinds = set()
    for record, task in zip(rest(org, soql), plain, strict=True):
        assert list(record) == ["attributes", "Id", "What", "Subject"]
        assert record["Subject"] == task["Subject"]
        what, kind = record["What"], task["What"] and task["What"]["Type"]
        kinds.add(kind)
        if kind is None:
            assert what is None
            continue
        assert what["attributes"]["type"] == kind
        assert what["attributes"]["url"].endswith(f"/{kind}/{task['WhatId']}")
        if kind == "Account":
            account = accounts[task["WhatId"]]
            assert (what["Phone"], what["Owner"]["Name"]) == (
                account["Phone"],
                account["Owner"]["Name"],
            )
        elif kind == "Opportunity":
            assert what["Amount"] == amounts[task["WhatId"]]
        else:
            assert what["Name"] == task["What"]["Name"]
    assert {None, "Account", "Opportunity"} < kinds


def test_typeof_without_else_leaves_the_others_out(org: Org) -> None:
    soql = "SELECT TYPEOF What WHEN Account THEN Phone END FROM Task"
    plain = rest(org, "SELECT What.Type FROM Task")
    kinds = [row["What"] and row["What"]["Type"] for row in plain]
    found = [row["What"] and row["What"]["attributes"]["type"] for row in rest(org, soql)]
    assert found == [kind if kind == "Account" else None for kind in kinds]


def miles(latitude: float, longitude: float) -> float:
    there = radians(latitude), radians(longitude)
    here = radians(SAN_FRANCISCO[0]), radians(SAN_FRANCISCO[1])
    chord = (
        sin((there[0] - here[0]) / 2) ** 2
        + cos(there[0]) * cos(here[0]) * sin((there[1] - here[1]) / 2) ** 2
    )
    return 2 * 3958.8 * asin(sqrt(chord))


@pytest.mark.parametrize(
    ("sobject", "field", "latitude", "longitude"),
    [
        ("Account", "BillingAddress", "BillingLatitude", "BillingLongitude"),
        ("Everything__c", "Location__c", "Location__Latitude__s", "Location__Longitude__s"),
    ],
)
def test_distances(org: Org, sobject: str, field: str, latitude: str, longitude: str) -> None:
    here = f"DISTANCE({field}, GEOLOCATION(37.775,-122.418), 'mi')"
    soql = f"SELECT Id, {latitude}, {longitude}, {here} d FROM {sobject}"  # noqa: S608 - SOQL
    rows = rest(org, soql)
    placed = {
        row["Id"]: miles(float(row[latitude]), float(row[longitude]))
        for row in rows
        if row[latitude] is not None and row[longitude] is not None
    }
    assert placed
    for row in rows:
        if row["Id"] in placed:
            assert float(row["d"]) == pytest.approx(placed[row["Id"]], rel=1e-3)
        else:
            assert row["d"] is None
    near = ids(org, f"SELECT Id FROM {sobject} WHERE {here} < 5000 ORDER BY {here}")  # noqa: S608
    assert near == sorted(near, key=placed.__getitem__)
    assert set(near) == {each for each, distance in placed.items() if distance < 5000}
    in_km = here.replace("'mi'", "'km'")
    assert set(near) == set(ids(org, f"SELECT Id FROM {sobject} WHERE {in_km} < 8046.72"))  # noqa: S608


def test_a_currency_before_a_number(org: Org) -> None:
    plain = ids(org, "SELECT Id FROM Account WHERE AnnualRevenue > 500000000.5")
    assert ids(org, "SELECT Id FROM Account WHERE AnnualRevenue > USD500000000.5") == plain != []


@pytest.mark.parametrize(
    "soql",
    [
        "SELECT c.Id, a.Name FROM Contact c, c.Account a WHERE a.Rating = 'Hot' ORDER BY c.Id",
        "SELECT c.Id, a.Name FROM Contact AS c, c.Account AS a WHERE a.Rating='Hot' ORDER BY c.Id",
        "SELECT Id, a.Name FROM Contact, Contact.Account a WHERE a.Rating = 'Hot' ORDER BY Id",
    ],
)
def test_parents_may_have_names_in_from(org: Org, soql: str) -> None:
    plain = "SELECT Id, Account.Name FROM Contact WHERE Account.Rating = 'Hot' ORDER BY Id"
    assert rest(org, soql) == rest(org, plain) != []
    owners = "SELECT u.Name FROM Contact c, c.Account a, a.Owner u WHERE u.IsActive = false"
    assert rest(org, owners) == rest(
        org, "SELECT Account.Owner.Name FROM Contact WHERE Account.Owner.IsActive = false"
    )


def test_children_of_children(org: Org) -> None:
    soql = (
        "SELECT Id, (SELECT Id, (SELECT Id FROM Cases ORDER BY Id LIMIT 2) FROM Contacts) "
        "FROM Account"
    )
    of_contact: dict[str, list[str]] = {}
    for case in rest(org, "SELECT Id, ContactId FROM Case ORDER BY Id"):
        of_contact.setdefault(case["ContactId"], []).append(case["Id"])
    seen = 0
    for account in rest(org, soql):
        for contact in (account["Contacts"] or {"records": []})["records"]:
            cases = [case["Id"] for case in (contact["Cases"] or {"records": []})["records"]]
            assert cases == of_contact.get(contact["Id"], [])[:2]
            seen += len(cases)
    assert seen > 20


def test_values_can_be_formatted(org: Org) -> None:
    soql = (
        "SELECT AnnualRevenue, FORMAT(AnnualRevenue) r, FORMAT(convertCurrency(AnnualRevenue)) c, "
        "FORMAT(CreatedDate) d, CreatedDate, FORMAT(NumberOfEmployees) e, NumberOfEmployees, "
        "FORMAT(Name) FROM Account WHERE AnnualRevenue != null AND NumberOfEmployees > 1000"
    )
    for row in rest(org, soql):
        assert row["r"] == row["c"] == f"${float(row['AnnualRevenue']):,.2f}"
        assert row["e"] == f"{row['NumberOfEmployees']:,}"
        created = datetime.strptime(row["CreatedDate"], "%Y-%m-%dT%H:%M:%S.000%z")
        hour = f"{created.hour % 12 or 12}:{created:%M %p}"
        assert row["d"] == f"{created.month}/{created.day}/{created.year}, {hour}"
    (empty, *_) = rest(org, "SELECT FORMAT(AnnualRevenue) FROM Account WHERE AnnualRevenue = null")
    assert empty["AnnualRevenue"] is None
    (newest,) = rest(org, "SELECT FORMAT(MAX(CloseDate)) d, MAX(CloseDate) n FROM Opportunity")
    year, month, day = map(int, newest["n"].split("-"))
    assert newest["d"] == f"{month}/{day}/{year}"


def test_the_time_zone_of_the_user_is_utc(org: Org) -> None:
    plain = ids(org, "SELECT Id FROM Account WHERE HOUR_IN_DAY(CreatedDate) = 7")
    zoned = "SELECT Id FROM Account WHERE HOUR_IN_DAY(convertTimezone(CreatedDate)) = 7"
    assert ids(org, zoned) == plain != []


@pytest.mark.parametrize(
    ("condition", "same"),
    [("= null", "= false"), ("!= null", "= true"), ("= NULL OR Name = 'x'", "= false")],
)
def test_null_is_false_for_a_checkbox(org: Org, condition: str, same: str) -> None:
    expected = ids(org, f"SELECT Id FROM User WHERE IsActive {same}")  # noqa: S608 - SOQL
    assert ids(org, f"SELECT Id FROM User WHERE IsActive {condition}") == expected != []  # noqa: S608


@pytest.mark.parametrize("purpose", ["VIEW", "REFERENCE", "UPDATE", "VIEW FOR REFERENCE"])
def test_the_purpose_of_a_query_changes_nothing(org: Org, purpose: str) -> None:
    plain = ids(org, "SELECT Id FROM Account LIMIT 3")
    assert ids(org, f"SELECT Id FROM Account LIMIT 3 FOR {purpose}") == plain  # noqa: S608 - SOQL


@pytest.mark.parametrize(
    ("soql", "said"),
    [
        ("SELECT Type FROM Account GROUP BY ROLLUP(Type)", "Aggregate Relationships not supported"),
        ("SELECT TYPEOF What WHEN Account THEN Phone END FROM Task", "TYPEOF not supported"),
        (
            "SELECT Id, DISTANCE(BillingAddress, GEOLOCATION(1,2), 'mi') FROM Account",
            "Selecting compound data not supported in Bulk Query",
        ),
    ],
)
def test_query_jobs_refuse(org: Org, soql: str, said: str) -> None:
    with pytest.raises(SoqlError, match=said) as caught:
        org.query(soql, include_deleted=False, bulk=True)
    assert caught.value.error_code == "API_ERROR"


def test_query_jobs_take_what_selects_rows(org: Org) -> None:
    soql = (
        "SELECT c.Id, a.Name FROM Contact c, c.Account a WHERE a.AnnualRevenue > USD5 "
        "AND CALENDAR_YEAR(c.CreatedDate) > 2000 AND toLabel(a.Rating) = 'Hot'"
    )
    result = org.query(soql, include_deleted=False, bulk=True)
    assert result.columns == ["Id", "Account.Name"]
    assert len(result) > 0
