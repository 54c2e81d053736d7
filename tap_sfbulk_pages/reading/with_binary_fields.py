"""Binary fields, such as the body of an attachment: fetched record by record, as base64.

No query job returns them. `GET …/sobjects/Attachment/{id}/Body` answers the bytes of one (REST API
guide, "sObject Blob Get"): a call for each record, which is why they are read on demand only. They
are fetched on the threads of the downloads while the records of a page are written, a few ahead, so
that no more than these few are held at a time.
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
from tap_sfbulk_pages.words import counted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    import requests

    from tap_sfbulk_pages.decoding.columns import Column
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext

# Records leave in blocks whose binary values come to about this much.
_BLOCK_BYTES = 8_000_000
# Which field tells the size of another (Object Reference: Attachment, Document, StaticResource,
# ContentVersion, EventLogFile).
_SIZE_FIELDS = {"Body": "BodyLength", "VersionData": "ContentSize", "LogFile": "LogFileLength"}
_IDS_TOLD = 5

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Value:
    """One binary value.

    Attributes:
        record_id: Whose.
        field: Which.
        size: Of the bytes, as the record tells it; None where it does not.
    """

    record_id: str
    field: str
    size: float | None


class WithBinaryFields(WrappedReading):
    """A reading whose records get their binary fields as well.

    Args:
        reading: Of the other fields, `Id` among them.
        context: The org, and what the run does meanwhile.
        sobject: What is read.
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
            ExtractionError: As `Reading.pages`, or if a value cannot be had.
        """
        for page in self._reading.pages():
            types = {**page.types, **dict.fromkeys(self._fields, CellType.TEXT)}
            yield PageReading(
                page.name,
                received_at=page.received_at,
                types=types,
                blocks=ColumnBlocks(self._filled(page), types),
                # Of the page within it are as many as were counted.
                expected=None,
                executor=self._context.org.encoders,
                done_before=page.done_before,
            )

    def _filled(self, page: PageReading) -> Iterator[Columns]:
        self._without = []
        for block in page.columns():
            yield from self._blocks_of(block)
        if self._without:
            logger.warning(
                "%s: Salesforce has no content for %s (there was none, or it is deleted), which is "
                "written as null: %s%s",
                self._sobject,
                counted(len(self._without), "record"),
                ", ".join(self._without[:_IDS_TOLD]),
                "" if len(self._without) <= _IDS_TOLD else ", …",
            )

    def _blocks_of(self, block: Columns) -> Iterator[Columns]:
        """Add the binary columns, in blocks of a size that can be held."""
        values = self._in_order(self._values_of(block))
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

    def _values_of(self, block: Columns) -> list[_Value]:
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

    def _in_order(self, values: Sequence[_Value]) -> Iterator[str | None]:
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
                    fetching.start(partial(self._numbered, number, values[number]))
                    begun = number + 1
                while wanted not in arrived:
                    outcome = fetching.wait_for_next()
                    if outcome.value is None:
                        raise outcome.error or AssertionError("a task has an outcome")
                    arrived.update([outcome.value])
                yield arrived.pop(wanted)
        finally:
            fetching.give_up()

    def _numbered(self, number: int, value: _Value) -> tuple[int, str | None]:
        return number, self._fetched(value)

    def _fetched(self, value: _Value) -> str | None:
        """Fetch a value, tried again until it is whole.

        Returns:
            Base64; None for one that is empty, too large or not there (any more).
        """
        if value.size is not None and value.size > self._largest_bytes:
            self._tell_left_out(value, f"{value.size:,.0f}")
            return None

        def read(response: requests.Response, chunks: Iterator[bytes]) -> str | None:
            content = bytearray()
            for piece in decode_body(chunks, response.headers.get("Content-Encoding")):
                content += piece
                if len(content) > self._largest_bytes:
                    self._tell_left_out(value, f"more than {self._largest_bytes:,}")
                    return None
            if not is_framed(response) and value.size not in (None, len(content)):
                raise UnavailableError(f"{value.field} of {value.record_id} came cut.")
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

    def _tell_left_out(self, value: _Value, size: str) -> None:
        logger.warning(
            "%s %s: %s holds %s bytes, and max_blob_mb allows %s; it is null.",
            self._sobject,
            value.record_id,
            value.field,
            size,
            f"{self._largest_bytes:,}",
        )
