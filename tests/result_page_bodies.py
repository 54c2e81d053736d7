"""Result pages made from bytes and received as the tap receives them."""

from __future__ import annotations

import gzip
from contextlib import closing
from typing import TYPE_CHECKING, Any

import requests

from tap_sfbulk_pages.decoding.page import decode_columns
from tap_sfbulk_pages.decoding.records import convert_rows
from tap_sfbulk_pages.jobs.page_body import PageMemory
from tap_sfbulk_pages.jobs.page_download import PageDownload, ResultPage
from tap_sfbulk_pages.jobs.query import QueryJob

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_sfbulk_pages.decoding.cells import CellType

DELIMITERS = {
    "BACKQUOTE": "`",
    "CARET": "^",
    "COMMA": ",",
    "PIPE": "|",
    "SEMICOLON": ";",
    "TAB": "\t",
}
PLENTY = 1 << 26


class OneReply:
    """A fake client: every call gets the same reply, without retries."""

    def __init__(self, chunks: Iterable[bytes], headers: Mapping[str, str], status: int) -> None:
        self._chunks = chunks
        self._headers = headers
        self._status = status

    def call(self, *_: Any, read: Any, **__: Any) -> Any:
        response = requests.Response()
        response.status_code = self._status
        response.headers.update(self._headers)
        return read(response, iter(self._chunks))


def received(
    body: bytes,
    *,
    fields: Iterable[str] = (),
    by_place: Mapping[int, str] | None = None,
    chunk: int = 1 << 16,
    compressed: bool = False,
    delimiter: str = "COMMA",
    headers: Mapping[str, str] | None = None,
    status: int = 200,
    memory: int = PLENTY,
    framed: bool = True,
    job_records: int = 0,
) -> ResultPage:
    """Let `PageDownload` receive a body that arrives in chunks of `chunk` bytes.

    Unless it is framed, only the end of the connection marks its end.
    """
    sent = gzip.compress(body, 1) if compressed else body
    chunks = [sent[start : start + chunk] for start in range(0, len(sent), chunk)]
    encoding = {"Content-Encoding": "gzip"} if compressed else {}
    framing = {"Transfer-Encoding": "chunked"} if framed else {}
    client: Any = OneReply(chunks, {**framing, **encoding, **(headers or {})}, status)
    job = QueryJob(
        "750x", "62.0", state="JobComplete", column_delimiter=delimiter, records=job_records
    )
    download = PageDownload(client, PageMemory(memory), job, frozenset(fields), by_place)
    return download.fetch("/r?locator=abc")


def records_in(page: ResultPage, types: Mapping[str, CellType]) -> list[dict[str, Any]]:
    """Decode a page to rows, and close it."""
    with closing(page):
        return [row for block in decode_columns(page, types) for row in convert_rows(block, types)]


def csv_of(
    lines: Iterable[Sequence[str | None]], delimiter: str = ",", line_end: str = "\n"
) -> bytes:
    """Return CSV as Salesforce writes it, with every cell in quotes."""
    return "".join(_line(cells, delimiter, line_end) for cells in lines).encode()


def _line(cells: Sequence[str | None], delimiter: str, line_end: str) -> str:
    quoted: Iterator[str] = ('"' + (cell or "").replace('"', '""') + '"' for cell in cells)
    return delimiter.join(quoted) + line_end
