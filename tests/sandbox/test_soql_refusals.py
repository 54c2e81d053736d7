"""SOQL that Salesforce refuses, so that no test passes here and fails in production."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import pytest

from sfbulk_sandbox.state.org import Org, SoqlError

if TYPE_CHECKING:
    from bare_client import StartClient

NOW = datetime(2025, 5, 14, 12, tzinfo=timezone.utc)
JOIN = "Id IN (SELECT AccountId FROM Contact)"
UNKNOWN_CHILDREN = (
    "Didn't understand relationship 'Nopes' in FROM part of query call. If you are attempting to "
    "use a custom relationship, be sure to append the '__r' after the custom relationship name. "
    "Please reference your WSDL or the describe call for the appropriate names."
)
TWO_OBJECTS = (
    "A driving SObject type has already been set, all other entity types in the FROM clause must "
    "be relationships to the initial object. The driving object is Account."
)
NO_LIMIT = "Non-grouped query that uses overall aggregate functions cannot also use LIMIT"
WITH_OR = "Semi join sub-selects are not allowed with the 'OR' operator"
TOP_LEVEL = (
    "Semi join sub-selects are only allowed at the top level WHERE expressions and not in nested "
    "WHERE expressions."
)


@pytest.fixture(scope="module")
def org() -> Org:
    return Org(seed=3, now=NOW)


def after(clause: str, select: str = "Id", sobject: str = "Account") -> str:
    return f"SELECT {select} FROM {sobject} {clause}"  # noqa: S608 - SOQL


@pytest.mark.parametrize(
    ("soql", "code", "ending"),
    [
        # Semi-joins.
        (after(f"WHERE Name = 'a' OR {JOIN}"), "MALFORMED_QUERY", WITH_OR),
        (after(f"WHERE NOT {JOIN}"), "MALFORMED_QUERY", TOP_LEVEL),
        (after(f"WHERE Sic = 'a' AND (Sic = 'b' OR {JOIN})"), "MALFORMED_QUERY", WITH_OR),
        (
            after("WHERE Id IN (SELECT Name FROM Contact)"),
            "MALFORMED_QUERY",
            "Semi join sub-selects can only query id fields, cannot use: 'Name'",
        ),
        (
            after("WHERE Id IN (SELECT COUNT(Id) FROM Contact)"),
            "MALFORMED_QUERY",
            "only root queries support aggregate expressions",
        ),
        (
            after("WHERE Id IN (SELECT TYPEOF What WHEN Account THEN Id END FROM Task)"),
            "MALFORMED_QUERY",
            "TYPEOF cannot be used in a semi join sub-select",
        ),
        # FROM.
        (after("", sobject="Account, Contact"), "MALFORMED_QUERY", TWO_OBJECTS),
        (after("", "a.Id", "Account a, a.Nopes n"), "INVALID_TYPE", UNKNOWN_CHILDREN),
        (after("", "Id, (SELECT Id FROM Nopes)"), "INVALID_TYPE", UNKNOWN_CHILDREN),
        (after("", "Id FROM Account"), "MALFORMED_QUERY", "unexpected token: 'FROM'"),
        # Subqueries.
        (
            after("", "Id, (SELECT COUNT(Id) FROM Contacts)"),
            "MALFORMED_QUERY",
            "only root queries support aggregate expressions",
        ),
        (
            after("", "Id, (SELECT Id FROM Contacts), (SELECT Name FROM Contacts)"),
            "INVALID_FIELD",
            "duplicate field selected: Contacts",
        ),
        # TYPEOF.
        (
            after("", "What.Name, TYPEOF What WHEN Account THEN Phone END", "Task"),
            "MALFORMED_QUERY",
            "What cannot be in TYPEOF and in the SELECT list",
        ),
        (
            after("", "TYPEOF What WHEN User THEN Phone END", "Task"),
            "INVALID_FIELD",
            "User is not an object that What can lead to",
        ),
        (
            after("", "TYPEOF What WHEN Account THEN Nope END", "Task"),
            "INVALID_FIELD",
            "Please reference your WSDL or the describe call for the appropriate names.",
        ),
        (
            after("", "TYPEOF Account WHEN Account THEN Phone END", "Contact"),
            "MALFORMED_QUERY",
            "TYPEOF needs a polymorphic relationship, not Account",
        ),
        # Groups and aggregates.
        (after("LIMIT 5", "COUNT(Id)"), "MALFORMED_QUERY", NO_LIMIT),
        (after("HAVING COUNT(Id) > 1"), "MALFORMED_QUERY", "unexpected token: 'HAVING'"),
        (after("WHERE COUNT(Id) > 1"), "MALFORMED_QUERY", "unexpected token: '('"),
        (
            after("GROUP BY Rating, Rating", "Rating"),
            "MALFORMED_QUERY",
            "duplicate grouping expression: Rating",
        ),
        (
            after("GROUP BY Rating", "Rating, COUNT(Rating)"),
            "MALFORMED_QUERY",
            "Grouped field should not be aggregated: Rating",
        ),
        (
            after("GROUP BY ROLLUP(Rating, Type, Industry, Sic)", "COUNT(Id)"),
            "MALFORMED_QUERY",
            "ROLLUP takes at most 3 fields",
        ),
        (
            after("GROUP BY ROLLUP(Rating), Type", "Rating"),
            "MALFORMED_QUERY",
            "unexpected token: ','",
        ),
        (
            after("GROUP BY Rating", "GROUPING(Rating)"),
            "MALFORMED_QUERY",
            "GROUPING() can only be used with GROUP BY ROLLUP or GROUP BY CUBE",
        ),
        (
            after("GROUP BY Rating", "Rating, (SELECT Id FROM Contacts)"),
            "MALFORMED_QUERY",
            "a subquery cannot be used with GROUP BY or an aggregate function",
        ),
        (
            after("", "CALENDAR_YEAR(CreatedDate)"),
            "MALFORMED_QUERY",
            "Field must be grouped or aggregated: CALENDAR_YEAR(CreatedDate)",
        ),
        (
            after("GROUP BY Rating ORDER BY n", "Rating, COUNT(Id) n"),
            "INVALID_FIELD",
            "call for the appropriate names.",
        ),
        # Functions.
        (after("WHERE FORMAT(Name) = 'x'"), "MALFORMED_QUERY", "unexpected token: '('"),
        (
            after("WHERE convertCurrency(AnnualRevenue) > 5"),
            "MALFORMED_QUERY",
            "unexpected token: '('",
        ),
        (after("", "UPPER(Name)"), "MALFORMED_QUERY", "unexpected token: '('"),
        (after("", "FORMAT(Rating), Rating"), "INVALID_FIELD", "duplicate field selected: Rating"),
        (
            after("WHERE DISTANCE(BillingAddress, GEOLOCATION(1,2), 'mi') = 5"),
            "INVALID_QUERY_FILTER_OPERATOR",
            "The DISTANCE function supports only the operators < and >",
        ),
        (
            after("WHERE DISTANCE(Name, GEOLOCATION(1,2), 'mi') < 5"),
            "MALFORMED_QUERY",
            "field Name does not support the function DISTANCE",
        ),
        # Values.
        (
            after("WHERE BillingAddress = 'x'"),
            "INVALID_FIELD",
            "field 'BillingAddress' can not be filtered in a query call",
        ),
        (
            after("WHERE CloseDate = 2024-02-30", sobject="Opportunity"),
            "MALFORMED_QUERY",
            "Invalid date: 2024-02-30",
        ),
        (
            after("WHERE Time__c = 25:00:00Z", sobject="Everything__c"),
            "MALFORMED_QUERY",
            "Invalid time: 25:00:00Z",
        ),
        (
            after("WHERE AnnualRevenue = TODAY"),
            "INVALID_FIELD",
            "field 'AnnualRevenue' must be of type double and should not be enclosed in quotes",
        ),
        (
            after("WHERE CloseDate = ''", sobject="Opportunity"),
            "INVALID_FIELD",
            "field 'CloseDate' must be of type date and should not be enclosed in quotes",
        ),
        (
            after("WHERE NumberOfEmployees = USD5"),
            "INVALID_FIELD",
            "field 'NumberOfEmployees' must be of type int and should not be enclosed in quotes",
        ),
        (
            after(r"WHERE Name = 'a\qb'"),
            "MALFORMED_QUERY",
            r"Invalid string literal 'a\qb'. Illegal character sequence '\q' in string literal.",
        ),
        (after('WHERE Name = "x"'), "MALFORMED_QUERY", "unexpected token: '\"'"),
        (after("WHERE Id IN ()"), "MALFORMED_QUERY", "unexpected token: ')'"),
        (after("LIMIT -1"), "MALFORMED_QUERY", "unexpected token: '-'"),
        (after("WHERE CreatedDate > LAST_N_DAYS"), "MALFORMED_QUERY", "token: 'LAST_N_DAYS'"),
        (
            after(f"WHERE Name = 'x' {' ' * 100_000}"),
            "QUERY_TOO_COMPLICATED",
            "SOQL statements cannot be longer than 100000",
        ),
        # Depth.
        (
            after("WHERE Account.Parent.Parent.Parent.Parent.Parent.Name = 'x'", sobject="Contact"),
            "MALFORMED_QUERY",
            (
                "Relationship path exceeds the limit of 5 levels: "
                "Account.Parent.Parent.Parent.Parent.Parent.Name"
            ),
        ),
    ],
)
def test_what_salesforce_refuses(org: Org, soql: str, code: str, ending: str) -> None:
    with pytest.raises(SoqlError) as caught:
        org.query(soql, include_deleted=False, bulk=False)
    assert caught.value.error_code == code
    assert caught.value.message.endswith(ending)


def test_a_select_list_of_subqueries_alone(org: Org) -> None:
    result = org.query(
        "SELECT (SELECT Id FROM Contacts) FROM Account", include_deleted=False, bulk=False
    )
    records = result.records(0, len(result))
    assert len(records) == len(result) > 0
    assert any(record["Contacts"] for record in records)


def test_groups_that_fill_more_than_one_reply_are_refused(start: StartClient) -> None:
    client = start(rows={"Account": 201}, query_rows=200)
    soql = "SELECT Id, COUNT(Name) FROM Account GROUP BY Id"
    reply = client.get("/queryAll", params={"q": soql})
    assert (reply.status_code, reply.json()[0]["errorCode"]) == (400, "EXCEEDED_ID_LIMIT")
    assert "does not support queryMore(), use LIMIT" in reply.json()[0]["message"]
    assert client.get("/queryAll", params={"q": f"{soql} LIMIT 200"}).json()["totalSize"] == 200
