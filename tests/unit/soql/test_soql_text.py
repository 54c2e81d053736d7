"""SOQL of the user's own: taken apart, narrowed without a change of meaning, or refused."""

from __future__ import annotations

from functools import cache

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sfbulk_sandbox.state.org import Org
from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.soql.text import QueryText, SelectItem, check_condition, list_condition_fields


@cache
def org() -> Org:
    return Org(seed=3, rows={"Account": 60, "Contact": 60})


def ids(soql: str) -> list[str]:
    result = org().query(soql, include_deleted=True, bulk=True)
    return [line.strip('"') for line in result.csv(0, len(result), header=False).decode().split()]


def quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace("'", "\\'")
    return f"'{escaped}'"


texts = st.lists(
    st.sampled_from(["'", "\\", "(", ")", " WHERE ", " ORDER BY ", " limit 1", "--", ";", "a"]),
    max_size=5,
).map("".join)
simple_conditions = st.one_of(
    st.sampled_from(
        [
            "Industry = 'Banking'",
            "NumberOfEmployees > 5000",
            "Owner.Name LIKE '%a%'",
            "CreatedDate >= 2024-06-01T00:00:00+02:00",
            "LastActivityDate = LAST_N_DAYS:900",
            "Industry IN ('Retail', 'Technology')",
            "Name != null",
        ]
    ),
    texts.map(lambda text: f"Name != {quoted(text)}"),
)


def joined(parts: list[str], word: str) -> str:
    return f" {word} ".join(f"({part})" for part in parts)


conditions = st.recursive(
    simple_conditions,
    lambda inner: st.one_of(
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: joined(parts, "OR")),
        st.lists(inner, min_size=2, max_size=3).map(lambda parts: joined(parts, "AND")),
        inner.map(lambda part: f"NOT ({part})"),
    ),
    max_leaves=4,
)
# Salesforce allows them at the top level alone.
semi_joins = st.sampled_from(
    [
        "Id IN (SELECT AccountId FROM Contact WHERE Name != ' WHERE ( ORDER BY Id LIMIT 9')",
        "Id NOT IN (SELECT AccountId FROM Contact WHERE (AccountId != null))",
    ]
)
whole_conditions = st.one_of(
    conditions,
    semi_joins,
    st.tuples(semi_joins, conditions).map(lambda parts: joined(list(parts), "AND")),
)
either = st.lists(simple_conditions, min_size=1, max_size=3).map(" OR ".join)
blanks = st.sampled_from([" ", "\n", " \t ", "\r\n"])
sources = st.sampled_from(
    ["Account", "Account a", "account AS x", "Account USING SCOPE everything"]
)
ends = st.sampled_from(["", "ORDER BY Name", "order  by Industry desc nulls last, Id", "FOR VIEW"])


@st.composite
def queries(draw: st.DrawFn) -> str:
    select, where = draw(
        st.sampled_from([("SELECT", "WHERE"), ("select", "where"), ("Select", "wHERE")])
    )
    own = draw(st.one_of(st.just(""), whole_conditions, either))
    parts = [select, "Id", draw(st.sampled_from(["FROM", "from"])), draw(sources)]
    parts += [where, own] if own else []
    return draw(blanks).join([*parts, draw(ends)])


@given(queries(), whole_conditions)
def test_a_condition_more_finds_those_that_fulfil_it_too(soql: str, condition: str) -> None:
    narrowed = QueryText.parse(soql).soql(["Id"], condition=f"({condition})")
    fulfil = set(ids(QueryText.parse("SELECT Id FROM Account").soql(["Id"], condition=condition)))
    assert ids(narrowed) == [each for each in ids(soql) if each in fulfil]


@given(queries())
def test_a_query_that_is_written_again_finds_the_same(soql: str) -> None:
    again = QueryText.parse(soql).soql(["Id"])
    assert ids(again) == ids(soql)
    assert QueryText.parse(again).soql(["Id"]) == again


def test_clauses_stay_in_their_order() -> None:
    text = QueryText.parse(
        "select Id from Case c using scope mine where Status='a' with SECURITY_ENFORCED "
        "order by CreatedDate limit 20 for view update tracking set options (x = 1)"
    )
    assert text.sobject == "Case"
    assert text.alias == "c"
    assert text.unchunked == ("ORDER BY", "LIMIT")
    assert text.soql(["Id", "Owner.Name"], condition="CreatedDate > TODAY", limit=100) == (
        "SELECT Id, Owner.Name FROM Case c USING scope mine WHERE CreatedDate > TODAY AND "
        "(Status='a') WITH SECURITY_ENFORCED ORDER by CreatedDate LIMIT 20 FOR view "
        "UPDATE tracking SET options (x = 1)"
    )
    assert text.soql(["Id"], limit=3).count("LIMIT 3 ") == 1


@pytest.mark.parametrize("sobject", ["Group", "Order", "Limit", "With", "Group g", "Order o"])
def test_objects_may_be_called_as_clauses(sobject: str) -> None:
    soql = f"SELECT Id FROM {sobject} WHERE Id != null ORDER BY Id"  # noqa: S608 - SOQL only reads
    narrowed = QueryText.parse(soql).soql(["Id"], condition="Name = 'x'")
    assert narrowed == soql.replace("Id != null", "Name = 'x' AND (Id != null)")


def test_items_of_the_select_list() -> None:
    text = QueryText.parse(
        "SELECT Id, a.Owner.Name , toLabel(Status) , FORMAT(convertCurrency(Amount)) shown, "
        "FIELDS(standard), DISTANCE(Spot__c, GEOLOCATION(37.7,-122.4), 'mi') far FROM Account a"
    )
    assert text.items == (
        SelectItem("Id", "Id"),
        SelectItem("a.Owner.Name", "a.Owner.Name"),
        SelectItem("toLabel(Status)", "Status", "TOLABEL"),
        SelectItem("FORMAT(convertCurrency(Amount)) shown", "Amount", "FORMAT", "shown"),
        SelectItem("FIELDS(standard)", "standard", "FIELDS"),
        SelectItem(
            "DISTANCE(Spot__c, GEOLOCATION(37.7,-122.4), 'mi') far", "Spot__c", "DISTANCE", "far"
        ),
    )


@pytest.mark.parametrize(
    ("soql", "said"),
    [
        ("", "start with SELECT"),
        ("DELETE FROM Account", "start with SELECT"),
        ("SELECT Id", "has no FROM"),
        ("SELECT Id FROM", "name of an object"),
        ("SELECT Id FROM Account WHER Name = 'x'", "not Account WHER Name"),
        ("SELECT Id FROM Account (SELECT Id FROM Contacts)", "name of an object"),
        ("SELECT Id FROM Contact c, c.Account a", "one object in FROM"),
        ("SELECT FROM Account", "empty item"),
        ("SELECT Id,, Name FROM Account", "empty item"),
        ("SELECT Id, (SELECT Id FROM Contacts) FROM Account", "no child records"),
        (
            "SELECT TYPEOF What WHEN Account THEN Phone, Name END FROM Event",
            "does not support TYPEOF",
        ),
        ("SELECT COUNT() FROM Account", "neither groups nor counts (COUNT())"),
        ("SELECT Name, max(Amount) most FROM Opportunity", "neither groups nor counts (max"),
        ("SELECT Name FROM Account GROUP BY Name", "neither groups nor counts (GROUP BY)"),
        ("SELECT Name FROM Account HAVING x > 1", "neither groups nor counts (HAVING)"),
        ("SELECT Name Title FROM Account", "write Name instead of Name Title"),
        ("SELECT 'x' FROM Account", "neither a field nor a function"),
        ("SELECT toLabel(Name) a b FROM Account", "neither a field nor a function"),
        ("SELECT Id FROM Account LIMIT 10 OFFSET 20", "does not support OFFSET"),
        ("SELECT Id FROM Account LIMIT 10 rows", "a whole number, not 10 rows"),
        ("SELECT Id FROM Account ALL ROWS", "set include_deleted"),
        ("SELECT Id FROM Account WHERE a = 1 WHERE b = 2", "two WHERE clauses"),
        ("SELECT Id FROM Account -- all", "leave out --"),
        ("SELECT Id /* all */ FROM Account", "leave out /*"),
        ("SELECT Id FROM Account;", "semicolon"),
        ("SELECT Id FROM Account WHERE Name = 'x", "is not closed"),
        ("SELECT Id FROM Account WHERE Name = 'x\\'", "is not closed"),
        ("SELECT Id FROM Account WHERE (Name = 'x'", "not closed"),
        ("SELECT Id FROM Account WHERE Name = 'x')", "never opened"),
    ],
)
def test_what_cannot_be_read_is_refused(soql: str, said: str) -> None:
    with pytest.raises(SettingsError) as raised:
        QueryText.parse(soql)
    assert said in str(raised.value)


@pytest.mark.parametrize(
    "condition", [" Name = 'x' OR Name = ') ORDER BY' ", "(A = 1) AND (B = 2)", "Limit__c > 3"]
)
def test_a_condition(condition: str) -> None:
    assert check_condition(condition) == condition.strip()


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("A = 1) OR (B = 2", "never opened"),
        ("(A = 1", "not closed"),
        ("WHERE A = 1", "leave out WHERE"),
        ("A = 1 order by B", "leave out order"),
        ("A = 1 LIMIT 5", "leave out LIMIT"),
        ("A = 1 -- and more", "leave out --"),
    ],
)
def test_what_is_more_than_a_condition_is_refused(condition: str, said: str) -> None:
    with pytest.raises(SettingsError, match=said):
        check_condition(condition)


@pytest.mark.parametrize(
    ("condition", "paths"),
    [
        ("Name = 'x'", ["Name"]),
        ("(Name!='AND' AND NOT Owner.Name LIKE 'a%') OR NOT(X>5)", ["Name", "Owner.Name", "X"]),
        (
            "Id NOT IN (SELECT AccountId FROM Contact WHERE Nm = 1) AND Ind IN ('a')",
            ["Id", "Ind"],
        ),
        ("CALENDAR_YEAR(CreatedDate) > 2020 AND CreatedDate = LAST_N_DAYS:30", ["CreatedDate"]),
        ("DISTANCE(Place__c, GEOLOCATION(1, 2), 'km') < 5", []),
        ("Z INCLUDES ('a;b') AND Y = TRUE AND X EXCLUDES ('c')", ["Z", "Y", "X"]),
        ("", []),
    ],
)
def test_the_fields_that_a_condition_compares(condition: str, paths: list[str]) -> None:
    assert list_condition_fields(condition) == paths
