"""Binary fields, such as the body of an attachment: fetched record by record, as base64.

No query job returns them. `GET …/sobjects/Attachment/{id}/Body` returns the bytes of one (REST API
guide, "sObject Blob Get"). That is a call for each record, so they are read only on request. They
are fetched on the download threads while the records of a page are written, a few ahead, so that no
more than these few are held at a time.
"""

from __future__ import annotations

import base64
import logging
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from typing_extensions import override

from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.columns import Columns
from tap_sfbulk_pages.decoding.records import ColumnBlocks
from tap_sfbulk_pages.errors import RefusedError, UnavailableError
from tap_sfbulk_pages.jobs.fetching import Fetching
from tap_sfbulk_pages.reading.page import PageReading, WrappedReading
from tap_sfbulk_pages.salesforce.schema import KEY
from tap_sfbulk_pages.salesforce.transport import decode_body, is_framed
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import requests

    from tap_sfbulk_pages.decoding.columns import Column
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext

# Records leave in blocks with about this many bytes of binary values.
_BLOCK_BYTES = 8_000_000
# Fields that hold the size of another (Object Reference: Attachment, Document, StaticResource,
# ContentVersion, EventLogFile).
_SIZE_FIELDS = {"Body": "BodyLength", "VersionData": "ContentSize", "LogFile": "LogFileLength"}
_IDS_NAMED = 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Value:
    """One binary value.

    Attributes:
        record_id: Of its record.
        field: Its field.
        size: In bytes, by the record; None if the record does not say.
    """

    record_id: str
    field: str
    size: float | None


class WithBinaryFields(WrappedReading):
    """A reading whose records get their binary fields as well.

    Args:
        reading: Reads the other fields, `Id` among them.
        context: The org, and what the run does meanwhile.
        sobject: Name of the object.
        fields: Its binary fields. A value larger than `max_blob_mb` is left null.
    """

    def __init__(
        self,
        reading: Reading,
        context: ReadingContext,
        *,
        sobject: str,
        fields: Sequence[str],
    ) -> None:
        super().__init__(reading, context)
        self._sobject = sobject
        self._fields = tuple(fields)
        self._largest_bytes = context.org.settings.max_blob_bytes
        self._without: list[str] = []

    @override
    def pages(self) -> Iterator[PageReading]:
        """Hand over every page that is not done (`Reading.pages`).

        Raises:
            ExtractionError: As `Reading.pages`, or if a value cannot be fetched.
        """
        for page in self._reading.pages():
            types = {**page.types, **dict.fromkeys(self._fields, CellType.TEXT)}
            yield PageReading(
                page.name,
                received_at=page.received_at,
                types=types,
                blocks=ColumnBlocks(self._fill(page), types),
                # The page inside is compared with its own count.
                expected=None,
                executor=self._context.org.encoders,
                done_before=page.done_before,
            )

    def _fill(self, page: PageReading) -> Iterator[Columns]:
        self._without = []
        for block in page.columns():
            yield from self._cut_blocks(block)
        if self._without:
            logger.warning(
                "%s: Salesforce has no content for %s (there was none, or it is deleted), which is "
                "written as null: %s%s",
                self._sobject,
                format_count(len(self._without), "record"),
                ", ".join(self._without[:_IDS_NAMED]),
                "" if len(self._without) <= _IDS_NAMED else ", …",
            )

    def _cut_blocks(self, block: Columns) -> Iterator[Columns]:
        """Add the binary columns, in blocks of a size that can be held."""
        values = self._fetch_in_order(self._list_values(block))
        start, size = 0, 0
        held: dict[str, Column] = {}
        for row in range(block.records):
            for name in self._fields:
                text = next(values)
                held.setdefault(name, []).append(text)
                size += len(text or "")
            if size >= _BLOCK_BYTES or row == block.records - 1:
                records = block.slice(start, row + 1)
                yield Columns({**records.by_name, **held}, records.records)
                start, held, size = row + 1, {}, 0

    def _list_values(self, block: Columns) -> list[_Value]:
        """List the values of a block, record by record."""
        sizes = {
            name: [None if text is None else float(text) for text in block[_SIZE_FIELDS[name]]]
            for name in self._fields
            if _SIZE_FIELDS.get(name) in block.by_name
        }
        return [
            _Value(record_id or "", name, sizes[name][row] if name in sizes else None)
            for row, record_id in enumerate(block[KEY])
            for name in self._fields
        ]

    def _fetch_in_order(self, values: Sequence[_Value]) -> Iterator[str | None]:
        """Fetch values side by side, and give them in their order."""
        threads = self._context.org.threads
        fetching: Fetching[tuple[int, str | None]] = Fetching(
            threads,
            waiting=self._context.waiting,
            tend=self._context.tend,
            discard=lambda _: None,
        )
        arrived: dict[int, str | None] = {}
        begun = 0
        try:
            for wanted in range(len(values)):
                for number in range(begun, min(wanted + threads.count, len(values))):
                    fetching.start(partial(self._fetch_numbered, number, values[number]))
                    begun = number + 1
                while wanted not in arrived:
                    arrived.update([fetching.wait_for_next().result()])
                yield arrived.pop(wanted)
        finally:
            fetching.give_up()

    def _fetch_numbered(self, number: int, value: _Value) -> tuple[int, str | None]:
        return number, self._fetch(value)

    def _fetch(self, value: _Value) -> str | None:
        """Fetch a value, tried again until it is whole.

        Returns:
            Base64; None for one that is empty, too large or no longer there.
        """
        if value.size is not None and value.size > self._largest_bytes:
            self._warn_left_out(value, f"{value.size:,.0f}")
            return None

        def read(response: requests.Response, chunks: Iterator[bytes]) -> str | None:
            content = bytearray()
            for piece in decode_body(chunks, response.headers.get("Content-Encoding")):
                content += piece
                if len(content) > self._largest_bytes:
                    self._warn_left_out(value, f"more than {self._largest_bytes:,}")
                    return None
            if not is_framed(response) and value.size not in (None, len(content)):
                raise UnavailableError(f"{value.field} of {value.record_id} arrived incomplete.")
            kind = response.headers.get("Content-Type", "")
            if "html" in kind and value.size != len(content):
                raise UnavailableError(
                    f"Salesforce answered {kind} instead of {value.field} of {value.record_id}."
                )
            return base64.b64encode(content).decode() or None

        try:
            return self._context.org.client.call(
                "GET",
                f"/sobjects/{self._sobject}/{value.record_id}/{value.field}",
                api_version=self._context.org.api_version,
                read=read,
                headers={"Accept": "*/*"},
            )
        except RefusedError as error:
            if not error.is_missing:
                raise
            self._without.append(value.record_id)
            return None

    def _warn_left_out(self, value: _Value, size: str) -> None:
        logger.warning(
            "%s %s: %s holds %s bytes, and max_blob_mb allows %s; it is null.",
            self._sobject,
            value.record_id,
            value.field,
            size,
            f"{self._largest_bytes:,}",
        )
