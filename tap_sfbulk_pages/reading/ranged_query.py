"""The query of an object, for all its records or for a range of them, and what there is to cut."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from tap_sfbulk_pages.jobs.query import Query
from tap_sfbulk_pages.reading.through_job import JobRequest
from tap_sfbulk_pages.soql.select import select

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.decoding.cells import CellType
    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.soql.ranges import Range, RangeField


@dataclass(frozen=True)
class RangedQuery:
    """What is read of an object.

    Attributes:
        sobject: Its name.
        types: The fields to read, in order, and how their cells are read.
        include_deleted: Whether deleted and archived records are read too.
        whole: All that is to be read.
        replication_key: The field whose maximum is kept; None for none.
        field: The field that ranges are of; None where nothing is bounded.
        condition: The user's own condition, added with AND.
        limit: For a look at a few records only.
    """

    sobject: str
    types: Mapping[str, CellType]
    include_deleted: bool
    whole: Range
    replication_key: str | None = None
    field: RangeField | None = None
    condition: str | None = None
    limit: int | None = None

    def request(self, part: Range) -> JobRequest:
        """Ask for the records of a range."""
        soql = select(
            self.sobject,
            list(self.types),
            within=self.field.condition(part) if self.field else None,
            condition=self.condition,
            limit=self.limit,
        )
        return JobRequest(
            query=Query(soql, include_deleted=self.include_deleted),
            types=self.types,
            replication_key=self.replication_key,
        )

    def bounds_within(self, org: Org, part: Range, pieces: int) -> list[str]:
        """Find values that cut a range into pieces, by the least and the greatest that there are.

        Returns:
            As `RangeField.bounds`.

        Raises:
            ExtractionError: As `SalesforceClient.fetch_json`.
        """
        if self.field is None:
            return []
        least = self._outermost(org, part, "ASC")
        greatest = self._outermost(org, part, "DESC")
        return self.field.bounds(least, greatest, pieces) if least and greatest else []

    def _outermost(self, org: Org, part: Range, order: str) -> str | None:
        """Ask for the first value of a range; the field's index gives it without a scan."""
        if self.field is None:
            return None
        name = self.field.name
        conditions = [self.field.condition(part), f"{name} != null"]
        soql = select(
            self.sobject,
            [name],
            within=" AND ".join(filter(None, conditions)),
            condition=self.condition,
        )
        resource = "queryAll" if self.include_deleted else "query"

        def value(reply: Any) -> str | None:
            records = reply["records"]
            text: str | None = records[0][name] if records else None
            return text

        return org.client.fetch_json(
            f"/{resource}?q={quote(f'{soql} ORDER BY {name} {order} LIMIT 1')}",
            api_version=org.api_version,
            parse=value,
        )
