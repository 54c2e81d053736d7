"""The REST query resource: one query, page by page, as blocks of columns like those of a job.

`GET …/query?q=` (`queryAll` for deleted rows too) returns up to 2,000 records and, in
`nextRecordsUrl`, a cursor to the rest, which Salesforce keeps for two days at most (REST API guide,
"Query"). Three things differ from a job's CSV, and none of them leaves this module: an empty value
is null, a number is a JSON number, and a datetime ends in `+0000` instead of `Z`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from isal import igzip

from tap_sfbulk_pages.decoding.columns import Columns, normalize_cells
from tap_sfbulk_pages.jobs.page_body import PageBody
from tap_sfbulk_pages.quoting import holds_secret
from tap_sfbulk_pages.reading.rest_calls import ask
from tap_sfbulk_pages.watching import activity

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from tap_sfbulk_pages.decoding.cells import CellType
    from tap_sfbulk_pages.jobs.page_body import PageMemory
    from tap_sfbulk_pages.jobs.query import Query
    from tap_sfbulk_pages.salesforce.client import SalesforceClient

_UTC_OF_REST = re.compile(r"\+0000$")


@dataclass(frozen=True)
class RestPage:
    """A page that has been received completely.

    Attributes:
        records: How many records it has.
        total: The records of all pages (`totalSize`).
        next_link: The page after it; None for the last one.
        nul_characters: How many NUL characters were dropped from its values.
        received_at: When it was complete, UTC.
    """

    records: int
    total: int
    next_link: str | None
    nul_characters: int
    received_at: datetime
    _body: PageBody = field(repr=False)

    def block(self) -> Columns:
        """Return the records as one block of columns, as `normalize_cells` does."""
        text = igzip.decompress(b"".join(self._body.chunks()))  # type: ignore[no-untyped-call]
        return Columns(json.loads(text), self.records)

    def close(self) -> None:
        """Free the memory or the disk space of the page."""
        self._body.close()


class RestQuery:
    """One query through REST.

    Args:
        client: The org.
        memory: Shared by all pages.
        query: What is asked.
        types: The fields to hand over, in order, and how their cells are read.
        datetimes: The fields that are datetimes.
        api_version: As `62.0`.
    """

    def __init__(
        self,
        client: SalesforceClient,
        memory: PageMemory,
        query: Query,
        *,
        types: Mapping[str, CellType],
        datetimes: Collection[str],
        api_version: str,
    ) -> None:
        self._client = client
        self._memory = memory
        self._query = query
        self._types = types
        self._datetimes = [name for name in types if name in datetimes]
        self._api_version = api_version

    def fetch(self, link: str | None) -> RestPage:
        """Fetch a page, trying again until it is complete.

        Args:
            link: A `nextRecordsUrl`; None to ask the query.

        Raises:
            RefusedError: If Salesforce refuses the query, or no longer knows the cursor.
            ResultPageError: If a value does not have its field's type.
            ExtractionError: As `SalesforceClient.call`.
        """
        with activity.during(activity.Phase.DOWNLOADING):
            if link is None:
                return ask(
                    self._client,
                    self._query,
                    api_version=self._api_version,
                    parse=self._parse,
                    numbers_as_text=True,
                )
            return self._client.fetch_json(
                link, api_version=self._api_version, parse=self._parse, numbers_as_text=True
            )

    def _parse(self, reply: Any) -> RestPage:
        """Read a reply whose numbers are text.

        Raises:
            ValueError: If the reply contradicts itself about what follows. As with any error that
                Python raises for a reply of another form, the call is then made again.
        """
        records, link = reply["records"], reply.get("nextRecordsUrl")
        if reply["done"] == bool(link) or (link and not records):
            raise ValueError("done, records and nextRecordsUrl contradict each other")
        # The state, which holds the link, must not hold a secret.
        if link and holds_secret(link):
            raise ValueError("nextRecordsUrl repeats a secret")
        texts = {name: [_to_cell(record[name]) for record in records] for name in self._types}
        nul_characters = sum(
            text.count("\0") for column in texts.values() for text in column if text
        )
        cells = {name: [_clean_cell(text) for text in column] for name, column in texts.items()}
        for name in self._datetimes:
            cells[name] = [text and _UTC_OF_REST.sub("Z", text) for text in cells[name]]
        columns = normalize_cells(Columns(cells, len(records)), self._types)
        return RestPage(
            records=len(records),
            total=int(reply["totalSize"]),
            next_link=link,
            nul_characters=nul_characters,
            received_at=datetime.now(timezone.utc),
            _body=self._store(columns),
        )

    def _store(self, columns: Columns) -> PageBody:
        """Store a block like the bytes of a result page: in memory, or on disk if that is full."""
        body = PageBody(self._memory)
        body.write(igzip.compress(json.dumps(columns.by_name).encode(), compresslevel=0))
        return body


def _to_cell(value: Any) -> str | None:
    """Return a JSON value, whose numbers are text already, as the text of a cell."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"expected a simple value in a field, got {type(value).__name__}")


def _clean_cell(text: str | None) -> str | None:
    """Drop NUL characters; an empty value is null."""
    return (text and text.replace("\0", "")) or None
