"""A query that is too long for an address travels in the body of a composite request."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tap_sfbulk_pages.errors import RefusedError
from tap_sfbulk_pages.jobs.query import Query
from tap_sfbulk_pages.reading.rest_calls import LONGEST_LINK, ask

if TYPE_CHECKING:
    from collections.abc import Callable


class Salesforce:
    """Stands in for the client: refuses plain addresses with a status, and answers the rest."""

    def __init__(self, status: int | None = None) -> None:
        self._status = status
        self.calls: list[str] = []

    def fetch_json(self, link: str, *, parse: Callable[[Any], Any], **_: Any) -> Any:
        self.calls.append(link.partition("?")[0])
        if link == "/composite":
            return parse({"compositeResponse": [{"httpStatusCode": 200, "body": {"totalSize": 7}}]})
        if self._status:
            raise RefusedError("no", status=self._status, error_code="", said="")
        return parse({"totalSize": 7})


def count(salesforce: Any, soql: str) -> int:
    def parse(reply: Any) -> int:
        return int(reply["totalSize"])

    query = Query(soql, include_deleted=True)
    return ask(salesforce, query, api_version="62.0", parse=parse)


@pytest.mark.parametrize("status", [414, 431])
def test_an_address_that_is_refused_for_its_length(status: int) -> None:
    salesforce = Salesforce(status)
    assert count(salesforce, "SELECT COUNT() FROM Account") == 7
    assert salesforce.calls == ["/queryAll", "/composite"]


def test_another_refusal_is_one() -> None:
    with pytest.raises(RefusedError):
        count(Salesforce(400), "SELECT COUNT() FROM Account")


@pytest.mark.parametrize(("more", "place"), [(0, "/queryAll"), (1, "/composite")])
def test_the_length_decides(more: int, place: str) -> None:
    salesforce = Salesforce()
    assert count(salesforce, "x" * (LONGEST_LINK - len("/queryAll?q=") + more)) == 7
    assert salesforce.calls == [place]
