"""Fields by their paths in a query, through relationships to parents; each object described once.

A lookup's `relationshipName` leads to the object in its `referenceTo`. If there are several, a path
leads to the fields that they have in common, which the object `Name` describes
(SOQL and SOSL Reference, "Understanding Relationship Fields and Polymorphic Fields").
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import ExtractionError, RefusedError, SettingsError
from tap_sfbulk_pages.salesforce.describe import describe_objects

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from tap_sfbulk_pages.salesforce.client import SalesforceClient
    from tap_sfbulk_pages.salesforce.describe import Field, SObject

_COMMON_FIELDS = "Name"


@dataclass(frozen=True)
class FoundField:
    """A field that a path leads to.

    Attributes:
        path: As Salesforce spells it, from the query's object: `Account.Owner.Name`.
        type: The describe's `type`.
        field: From the describe; None if the path can lead to fields of several objects.
    """

    path: str
    type: str
    field: Field | None = None


class FieldPaths:
    """Finds fields in the describes of an org.

    Args:
        client: The org.
        api_version: As `62.0`.
        known: Objects that have been described already.
    """

    def __init__(
        self, client: SalesforceClient, api_version: str, known: Iterable[SObject] = ()
    ) -> None:
        self._client = client
        self._api_version = api_version
        self._outcomes: dict[str, SObject | ExtractionError] = {
            sobject.name.lower(): sobject for sobject in known
        }

    def sobject(self, name: str) -> SObject:
        """Return an object, described at the first call.

        Raises:
            RefusedError: If Salesforce does not describe it.
            UnavailableError: If it does not do so now.
            ExtractionError: As `describe.describe_objects`.
        """
        if name.lower() not in self._outcomes:
            ((_, described),) = describe_objects(self._client, self._api_version, [name])
            self._outcomes[name.lower()] = described
        outcome = self._outcomes[name.lower()]
        if isinstance(outcome, ExtractionError):
            raise outcome
        return outcome

    def find(self, sobject: SObject, path: str) -> FoundField:
        """Follow a path.

        Args:
            sobject: Where it starts.
            path: In any case.

        Raises:
            SettingsError: If it does not lead to a field that this user can see.
            ExtractionError: As `describe.describe_objects`.
        """
        *relationships, name = path.split(".")
        spelled: list[str] = []
        is_certain = True
        for relationship in relationships:
            lookup = self._lookup(sobject, relationship)
            if lookup is None:
                raise SettingsError(
                    f"{path}: {sobject.name} has no relationship {relationship} to a parent"
                )
            spelled.append(lookup.relationship_name)
            is_certain = is_certain and len(lookup.reference_to) == 1
            sobject = self._parent(lookup, path)
        field = _find_by_name(sobject.fields, name)
        if field is None:
            raise SettingsError(f"{path}: {sobject.name} has no field {name} for this user")
        spelled.append(field.name)
        return FoundField(".".join(spelled), field.type, field if is_certain else None)

    def begins_with_relationship(self, sobject: SObject, path: str) -> bool:
        """Return whether the first word of a path is a relationship of the object."""
        return self._lookup(sobject, path.partition(".")[0]) is not None

    @staticmethod
    def _lookup(sobject: SObject, relationship: str) -> Field | None:
        wanted = relationship.lower()
        lookups = (field for field in sobject.fields if field.relationship_name.lower() == wanted)
        return next(lookups, None)

    def _parent(self, lookup: Field, path: str) -> SObject:
        is_polymorphic = len(lookup.reference_to) != 1
        name = _COMMON_FIELDS if is_polymorphic else lookup.reference_to[0]
        try:
            return self.sobject(name)
        except RefusedError as refusal:
            raise SettingsError(f"{path}: {refusal}") from refusal


def _find_by_name(fields: Sequence[Field], name: str) -> Field | None:
    return next((field for field in fields if field.name.lower() == name.lower()), None)
