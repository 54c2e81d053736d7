"""The org's objects: the global describe, and describes of single sObjects.

Describes are fetched 25 at a time through `/composite` (REST API guide, "Composite": at most 25
subrequests), which counts as one call. Only the parts that the tap uses are kept, since a whole
describe can take a megabyte.
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from fnmatch import fnmatchcase
from http import HTTPStatus
from itertools import dropwhile, islice
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import ExtractionError, RefusedError, UnavailableError
from tap_sfbulk_pages.quoting import quote
from tap_sfbulk_pages.salesforce.reply_errors import read_code_and_message
from tap_sfbulk_pages.salesforce.retries import is_transient
from tap_sfbulk_pages.salesforce.versions import explain_missing_version
from tap_sfbulk_pages.watching.activity import on_behalf_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.salesforce.client import SalesforceClient

OBJECTS_PER_CALL = 25
# Names become parts of SOQL, of paths and of files, so that another one must not get there.
_LONGEST_LABEL = 500
_NAME = re.compile(r"[A-Za-z]\w*", re.ASCII)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Field:
    """A field of an sObject.

    Attributes:
        name: As Salesforce spells it.
        type: The describe's `type`, e.g. `picklist`.
        is_custom: Whether users added it.
        relationship_name: The name that leads from a lookup to its parent, such as `Account` for
            `AccountId`; empty for none.
        reference_to: The objects that a lookup may refer to.
        is_calculated: Whether it is a formula (`calculated`).
        is_filterable: Whether a condition may name it (`filterable`).
        label: What users see; empty if the describe has none.
        length: The most characters of a text; 0 if there is no limit, or it is not a text.
        precision: The most digits of a number; 0 if it is not a number.
        scale: How many of them stand after the decimal point.
    """

    name: str
    type: str
    is_custom: bool = False
    relationship_name: str = ""
    reference_to: tuple[str, ...] = ()
    is_calculated: bool = False
    is_filterable: bool = True
    label: str = ""
    length: int = 0
    precision: int = 0
    scale: int = 0


@dataclass(frozen=True)
class SObject:
    """An sObject.

    Attributes:
        name: As Salesforce spells it.
        fields: In the order of the describe.
        is_replicated: Whether Salesforce keeps track of deleted records (`replicateable`).
        label: What users see; empty if the describe has none.
    """

    name: str
    fields: tuple[Field, ...]
    is_replicated: bool = False
    label: str = ""

    @property
    def field_names(self) -> set[str]:
        """Names of all fields."""
        return {field.name for field in self.fields}

    @property
    def formula_names(self) -> set[str]:
        """Names of the formula fields."""
        return {field.name for field in self.fields if field.is_calculated}


def list_object_names(client: SalesforceClient, api_version: str) -> list[str]:
    """List the sObjects that this user can query.

    Args:
        client: The org.
        api_version: As `62.0`.

    Returns:
        Names in the order of the global describe.

    Raises:
        ExtractionError: As `SalesforceClient.fetch_json`.
    """
    with explain_missing_version(client, api_version):
        return client.fetch_json("/sobjects", api_version=api_version, parse=_list_queryable)


def _list_queryable(described: Any) -> list[str]:
    names = [
        entry["name"]
        for entry in described["sobjects"]
        if entry["queryable"]
        and not entry.get("deprecatedAndHidden")
        and not entry["name"].endswith("ChangeEvent")
    ]
    for name in names:
        if not _NAME.fullmatch(name):
            logger.warning("Not an object's name, and left out: %s", quote(name, limit=100))
    return [name for name in names if _NAME.fullmatch(name)]


def is_asked_for(name: str, patterns: Sequence[str]) -> bool:
    """Return whether the `objects` setting asks for an sObject, ignoring case."""
    wanted = [pattern.lower() for pattern in patterns if not pattern.startswith("!")]
    refused = [pattern[1:].lower() for pattern in patterns if pattern.startswith("!")]
    lower = name.lower()
    return (not wanted or any(fnmatchcase(lower, pattern) for pattern in wanted)) and not any(
        fnmatchcase(lower, pattern) for pattern in refused
    )


def describe_objects(
    client: SalesforceClient, api_version: str, names: Iterable[str]
) -> Iterator[tuple[str, SObject | RefusedError | UnavailableError]]:
    """Describe sObjects, `OBJECTS_PER_CALL` per call.

    Yields:
        Each name with its sObject, or with the error for it. An `UnavailableError` has outlasted
        the retries.

    Raises:
        ExtractionError: If a call as a whole fails.
    """
    remaining = iter(names)
    while batch := list(islice(remaining, OBJECTS_PER_CALL)):
        # A catalog may name anything, and the names become part of an address.
        sound = [name for name in batch if _NAME.fullmatch(name)]
        outcomes = _describe_together(client, api_version, sound) if sound else {}
        for name in batch:
            yield name, outcomes[name] if name in outcomes else _refuse_name(name)


class DescribesInTurn:
    """Describes of sObjects that are needed one after another, `OBJECTS_PER_CALL` per call.

    Args:
        client: The org.
        api_version: As `62.0`.
        names: In the order in which they are needed; the first ones are described at once.
        waiting: Entered while a call is under way.

    Raises:
        ExtractionError: If the first call fails as a whole.
    """

    def __init__(
        self,
        client: SalesforceClient,
        api_version: str,
        names: Iterable[str],
        waiting: Callable[[], AbstractContextManager[None]],
    ) -> None:
        self._client = client
        self._api_version = api_version
        self._remaining = iter(names)
        self._waiting = waiting
        self._describe(self._remaining)
        if self._error:
            raise self._error

    def take(self, name: str) -> SObject | RefusedError | UnavailableError:
        """Return the outcome for an object (see `describe_objects`) and drop it here.

        Args:
            name: One of the names; those before it can no longer be taken.

        Raises:
            ExtractionError: If its call failed as a whole.
        """
        if name not in self._names:
            self._describe(dropwhile(lambda each: each != name, self._remaining))
        if self._error:
            raise self._error
        return self._outcomes.pop(name)

    def _describe(self, names: Iterable[str]) -> None:
        self._names = list(islice(names, OBJECTS_PER_CALL))
        self._outcomes: dict[str, SObject | RefusedError | UnavailableError] = {}
        self._error: ExtractionError | None = None
        try:
            # Not a call of the stream that is being read meanwhile.
            with self._waiting(), on_behalf_of(None):
                self._outcomes |= describe_objects(self._client, self._api_version, self._names)
        except ExtractionError as error:
            self._error = error


def _describe_together(
    client: SalesforceClient, api_version: str, names: Sequence[str]
) -> dict[str, SObject | RefusedError | UnavailableError]:
    request = {
        "compositeRequest": [
            {
                "method": "GET",
                "url": f"/services/data/v{api_version}/sobjects/{name}/describe",
                "referenceId": f"describe{index}",
            }
            for index, name in enumerate(names)
        ]
    }

    outcomes: dict[str, SObject | RefusedError | UnavailableError] = {}

    def parse(reply: Any) -> None:
        answers = {answer["referenceId"]: answer for answer in reply["compositeResponse"]}
        for index, name in enumerate(names):
            if not isinstance(outcomes.get(name), SObject):
                outcomes[name] = _read_answer(name, answers[f"describe{index}"])
        for outcome in outcomes.values():
            if isinstance(outcome, UnavailableError):
                raise outcome

    try:
        with explain_missing_version(client, api_version):
            client.fetch_json(
                "/composite", api_version=api_version, parse=parse, method="POST", json=request
            )
    except UnavailableError:
        # One object that cannot be described must not stop the others.
        if len(outcomes) < len(names):
            raise
    return outcomes


def _refuse_name(name: str) -> RefusedError:
    message = f"Salesforce does not describe {name}: no object has such a name."
    return RefusedError(message, status=HTTPStatus.NOT_FOUND, error_code="", said="")


def _read_answer(name: str, answer: dict[str, Any]) -> SObject | RefusedError | UnavailableError:
    status, body = answer["httpStatusCode"], answer["body"]
    if status == HTTPStatus.OK:
        sobject = SObject(
            body["name"],
            tuple(map(_field, body["fields"])),
            is_replicated=body.get("replicateable") is True,
            label=body.get("label") or "",
        )
        odd = [each for each in (sobject.name, *sobject.field_names) if not _NAME.fullmatch(each)]
        if not odd:
            return sobject
        message = f"Salesforce describes {name} with a name that no object or field has: {odd[0]}"
        return RefusedError(message, status=status, error_code="", said="")
    code, said = read_code_and_message(body)
    message = f"Salesforce does not describe {name}: {status} {code}: {said}"
    if is_transient(status, code, said):
        return UnavailableError(message)
    return RefusedError(message, status=status, error_code=code, said=said)


def _field(described: dict[str, Any]) -> Field:
    return Field(
        described["name"],
        described["type"],
        is_custom=described.get("custom") is True,
        relationship_name=described.get("relationshipName") or "",
        reference_to=tuple(described.get("referenceTo") or ()),
        is_calculated=described.get("calculated") is True,
        is_filterable=described.get("filterable") is not False,
        label=quote(str(described.get("label") or ""), limit=_LONGEST_LABEL),
        length=described.get("length") or 0,
        precision=described.get("precision") or 0,
        scale=described.get("scale") or 0,
    )
