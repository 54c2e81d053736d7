"""Describes: which objects a run offers, and one outcome for each name."""

from __future__ import annotations

import logging
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import pytest

from tap_sfbulk_pages.errors import ExtractionError, RefusedError, UnavailableError
from tap_sfbulk_pages.reading.named_things import match_objects
from tap_sfbulk_pages.salesforce.describe import (
    OBJECTS_PER_CALL,
    DescribesInTurn,
    Field,
    SObject,
    describe_objects,
    list_object_names,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


class Objects:
    """Stands in for the client: describes everything, but for what a test says."""

    def __init__(self, **answers: tuple[int, Any]) -> None:
        self._answers = answers
        self.calls: list[list[str]] = []
        self.failing = False

    def fetch_json(
        self, link: str, *, parse: Callable[[Any], Any], json: Any = None, **_: Any
    ) -> Any:
        if link == "/sobjects":
            return parse({"sobjects": GLOBAL})
        assert link == "/composite"
        if self.failing:
            raise UnavailableError("down")
        requests = json["compositeRequest"]
        names = [each["url"].split("/")[-2] for each in requests]
        self.calls.append(names)
        parts = [
            {
                "referenceId": each["referenceId"],
                "httpStatusCode": self._answers.get(name, (200,))[0],
                "body": self._answers.get(name, (200, {"name": name, "fields": FIELDS}))[1],
            }
            for each, name in zip(requests, names, strict=True)
        ]
        return parse({"compositeResponse": parts[::-1]})


GLOBAL: list[dict[str, Any]] = [
    {"name": "Account", "queryable": True},
    {"name": "Odd__c", "queryable": True},
    {"name": "Order", "queryable": True},
    {"name": "Hidden", "queryable": True, "deprecatedAndHidden": True},
    {"name": "Job", "queryable": False},
    {"name": "AccountChangeEvent", "queryable": True},
]
OWNER = Field("OwnerId", "reference", True, "Owner", ("Group", "User"), True)
FIELDS = [
    {"name": "Id", "type": "id"},
    {
        "name": "OwnerId",
        "type": "reference",
        "custom": True,
        "calculated": True,
        "relationshipName": "Owner",
        "referenceTo": ["Group", "User"],
    },
]


@pytest.mark.parametrize(
    ("patterns", "names"),
    [
        ([], ["Account", "Odd__c", "Order"]),
        (["*__C"], ["Odd__c"]),
        (["order", "account"], ["Account", "Order"]),
        (["!O*"], ["Account"]),
        (["O*", "!Order"], ["Odd__c"]),
        (["Job", "Hidden", "AccountChangeEvent"], []),
    ],
)
def test_which_objects_are_offered(patterns: list[str], names: list[str]) -> None:
    client: Any = Objects()
    matching, _ = match_objects(patterns, list_object_names(client, "62.0"))
    assert matching == names


def test_a_pattern_without_a_match_is_named(caplog: pytest.LogCaptureFixture) -> None:
    client: Any = Objects()
    with caplog.at_level(logging.WARNING):
        match_objects(["Acc?", "!Lead", "Order"], list_object_names(client, "62.0"))
    assert caplog.messages == [
        "objects: no object of the org matches 'Acc?'.",
        "objects: no object of the org matches '!Lead'.",
    ]


def test_a_name_without_an_object_is_an_error() -> None:
    client: Any = Objects()
    queryable = list_object_names(client, "62.0")
    names, missing = match_objects(["Acount", "Hidden", "Gone", "!Gone", "order"], queryable)
    assert names == ["Order"]
    assert {name: str(error) for name, error in missing.items()} == {
        "Acount": "the org has no object Acount that this user can query; "
        "Account was probably meant",
        "Hidden": "the org has no object Hidden that this user can query; check its spelling, "
        "and the user's access to it",
    }


def test_what_is_kept_of_a_describe() -> None:
    client: Any = Objects()
    ((name, outcome),) = describe_objects(client, "62.0", ["Account"])
    assert (name, outcome) == ("Account", SObject("Account", (Field("Id", "id"), OWNER)))
    assert isinstance(outcome, SObject)
    assert outcome.field_names == {"Id", "OwnerId"}
    assert outcome.formula_names == {"OwnerId"}


def test_a_call_for_each_25_objects_in_order() -> None:
    client: Any = Objects()
    names = [f"Object{number}__c" for number in range(2 * OBJECTS_PER_CALL + 1)]
    outcomes = dict(describe_objects(client, "62.0", names))
    assert [len(call) for call in client.calls] == [25, 25, 1]
    assert list(outcomes) == names
    assert all(isinstance(each, SObject) and each.name == name for name, each in outcomes.items())


def test_one_object_that_is_refused_does_not_hide_the_others() -> None:
    refused = [{"errorCode": "NOT_FOUND", "message": "no such thing"}]
    busy = [{"errorCode": "SERVER_UNAVAILABLE", "message": "later"}]
    client: Any = Objects(Bad=(404, refused), Busy=(503, busy))
    outcomes = dict(describe_objects(client, "62.0", ["Account", "Bad", "Busy"]))
    assert isinstance(outcomes["Account"], SObject)
    assert isinstance(outcomes["Bad"], RefusedError)
    assert str(outcomes["Bad"]) == "Salesforce does not describe Bad: 404 NOT_FOUND: no such thing"
    assert isinstance(outcomes["Busy"], UnavailableError)


@contextmanager
def no_waiting() -> Iterator[None]:
    yield


def test_describes_in_turn_are_fetched_when_they_are_needed() -> None:
    client: Any = Objects()
    names = [f"Object{number}__c" for number in range(60)]
    describes = DescribesInTurn(client, "62.0", names, no_waiting)
    assert len(client.calls) == 1
    assert describes.take("Object3__c") == SObject("Object3__c", (Field("Id", "id"), OWNER))
    assert len(client.calls) == 1
    # Those in between are not needed, and not asked for.
    assert describes.take("Object55__c") == SObject("Object55__c", (Field("Id", "id"), OWNER))
    assert client.calls[1:] == [names[55:]]


def test_a_call_that_fails_as_a_whole_is_raised_for_each_of_its_objects() -> None:
    client: Any = Objects()
    names = [f"Object{number}__c" for number in range(30)]
    describes = DescribesInTurn(client, "62.0", names, no_waiting)
    client.failing = True
    for name in names[25:27]:
        with pytest.raises(ExtractionError, match="down"):
            describes.take(name)
    with pytest.raises(ExtractionError, match="down"):
        DescribesInTurn(client, "62.0", names, no_waiting)


ODD = [
    "../Account",
    "Account\r\nERROR",
    "A B",
    "",
    "\x1b]0;",
    "Ac-count",
    "Straße",
    "A'B",
    "1Account",
]


@pytest.mark.parametrize("name", ODD)
def test_names_that_no_object_has_get_nowhere(
    name: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(f"{__name__}.GLOBAL", [*GLOBAL, {"name": name, "queryable": True}])
    client: Any = Objects()
    assert name not in list_object_names(client, "62.0")
    (message,) = caplog.messages
    assert message.startswith("Not an object's name, and left out: ")
    assert message.isprintable()


@pytest.mark.parametrize("name", ODD)
@pytest.mark.parametrize("where", ["object", "field"])
def test_describes_with_such_names_are_refused(name: str, where: str) -> None:
    body = {
        "name": name if where == "object" else "Account",
        "fields": [{"name": name if where == "field" else "Id", "type": "id"}],
    }
    client: Any = Objects(Account=(200, body))
    outcomes = dict(describe_objects(client, "62.0", ["Account", "Order"]))
    assert isinstance(outcomes["Account"], RefusedError)
    assert str(outcomes["Account"]).isprintable()
    assert isinstance(outcomes["Order"], SObject)


def test_a_name_that_no_object_has_becomes_no_part_of_an_address() -> None:
    objects: Any = Objects()
    names = ["../x", "Account", "Account/describe", "won-opps", "Order"]
    outcomes = dict(describe_objects(objects, "62.0", names))
    assert objects.calls == [["Account", "Order"]]
    assert list(outcomes) == names
    for name in ("../x", "Account/describe", "won-opps"):
        assert f"does not describe {name}: no object has such a name" in str(outcomes[name])
