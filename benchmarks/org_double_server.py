"""The program behind `org_double.py`: an org without end, made of one page.

It answers just what the tap asks for. All objects have the same fields, all jobs the same pages.
Its parameters come as one JSON argument; its first line of output is its address.
"""

from __future__ import annotations

import itertools
import json
import socket
import sys
import time
import zlib
from typing import TYPE_CHECKING, Any

from aiohttp import web
from pages import FIELDS_OF_20_COLUMNS, page_of_20_columns

if TYPE_CHECKING:
    from collections.abc import Iterator

_VERSION = "62.0"
_LINKS_A_REPLY = 5
_GZIP_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\x03"
_RAW_DEFLATE = -15
_TYPES = {"string": "string", "number": "double", "integer": "int", "boolean": "boolean"}


class Page:
    """The page, compressed, its records as often in it as is asked for.

    Args:
        records: How many different ones.
        repeats: How often they stand in the page.
        fields: Names of the columns; those beyond the twenty are empty.
    """

    def __init__(self, records: int, repeats: int, fields: list[str]) -> None:
        header, _, body = page_of_20_columns(records).partition(b"\n")
        more = fields[len(FIELDS_OF_20_COLUMNS) :]
        header += b"".join(b',"%s"' % name.encode() for name in more) + b"\n"
        if more:
            # Quotes stand at line ends of records only in the last column, a timestamp.
            body = body.replace(b'Z"\n', b'Z"' + b',""' * len(more) + b"\n")
        self.records = records * repeats
        self._repeats = repeats
        self._header, self._body = _deflated(header), _deflated(body)
        checksum = zlib.crc32(header)
        for _ in range(repeats):
            checksum = zlib.crc32(body, checksum)
        length = len(header) + len(body) * repeats
        self._trailer = _END_OF_DEFLATE + checksum.to_bytes(4, "little")
        self._trailer += (length % 2**32).to_bytes(4, "little")

    def pieces(self) -> Iterator[bytes]:
        """Yield the gzip file."""
        yield _GZIP_HEADER + self._header
        yield from itertools.repeat(self._body, self._repeats)
        yield self._trailer


def _deflated(text: bytes) -> bytes:
    """Compress a text so that it can stand anywhere in a compressed stream, and be repeated."""
    stream = zlib.compressobj(1, wbits=_RAW_DEFLATE)
    return stream.compress(text) + stream.flush(zlib.Z_FULL_FLUSH)


_END_OF_DEFLATE = zlib.compressobj(1, wbits=_RAW_DEFLATE).flush()


class Org:
    """The org.

    Args:
        objects: How many sObjects.
        fields: How many fields each has.
        pages: How many pages each job has.
        page_records: Different records of a page.
        page_repeats: How often they stand in a page.
        job_seconds: How long a job runs.
    """

    def __init__(
        self,
        *,
        objects: int,
        fields: int,
        pages: int,
        page_records: int,
        page_repeats: int,
        job_seconds: float,
    ) -> None:
        self._names = [f"Object{number}__c" for number in range(objects)]
        more = (f"Field{number}__c" for number in range(fields - len(FIELDS_OF_20_COLUMNS)))
        types = {name: _TYPES[field["type"][0]] for name, field in FIELDS_OF_20_COLUMNS.items()}
        types |= dict.fromkeys(("CreatedDate", "SystemModstamp"), "datetime")
        types |= dict.fromkeys(more, "string")
        self._fields = [{"name": name, "type": kind} for name, kind in types.items()]
        self._page = Page(page_records, page_repeats, list(types))
        self._pages = pages
        self._job_seconds = job_seconds
        self._made: dict[str, float] = {}

    def routes(self) -> list[web.RouteDef]:
        """List the endpoints."""
        root = f"/services/data/v{_VERSION}"
        job = f"{root}/jobs/query/{{job}}"
        return [
            web.get("/services/data/", self._versions),
            web.get(f"{root}/sobjects", self._sobjects),
            web.post(f"{root}/composite", self._describes),
            web.get(f"{root}/limits", self._limits),
            web.post(f"{root}/jobs/query", self._create),
            web.get(f"{root}/jobs/query", self._jobs),
            web.get(job, self._info),
            web.get(f"{job}/resultPages", self._list),
            web.get(f"{job}/results", self._results),
        ]

    async def _versions(self, _: web.Request) -> web.Response:
        return web.json_response([{"version": _VERSION}])

    async def _sobjects(self, _: web.Request) -> web.Response:
        entries = [{"name": name, "queryable": True} for name in self._names]
        return web.json_response({"sobjects": entries})

    async def _describes(self, request: web.Request) -> web.Response:
        asked = (await request.json())["compositeRequest"]
        answers = [
            {
                "referenceId": each["referenceId"],
                "httpStatusCode": 200,
                "body": {"name": each["url"].split("/")[-2], "fields": self._fields},
            }
            for each in asked
        ]
        return web.json_response({"compositeResponse": answers})

    async def _limits(self, _: web.Request) -> web.Response:
        return web.json_response({})

    async def _create(self, _: web.Request) -> web.Response:
        job = f"750{len(self._made):015}"
        self._made[job] = time.monotonic()
        return web.json_response({"id": job, "state": "UploadComplete"})

    async def _jobs(self, _: web.Request) -> web.Response:
        return web.json_response({"records": [self._state(job) for job in self._made]})

    async def _info(self, request: web.Request) -> web.Response:
        info = self._state(request.match_info["job"])
        if info["state"] == "JobComplete":
            info["numberRecordsProcessed"] = self._pages * self._page.records
        return web.json_response(info)

    def _state(self, job: str) -> dict[str, Any]:
        is_running = time.monotonic() - self._made[job] < self._job_seconds
        return {"id": job, "state": "InProgress" if is_running else "JobComplete"}

    async def _list(self, request: web.Request) -> web.Response:
        start = int(request.query.get("locator", 0))
        stop = min(start + _LINKS_A_REPLY, self._pages)
        job = f"/jobs/query/{request.match_info['job']}"
        links = [{"resultLink": f"{job}/results?locator={n}"} for n in range(start, stop)]
        is_last = stop == self._pages
        continuation = None if is_last else f"{job}/resultPages?locator={stop}"
        reply = {"resultChunks": links, "nextRecordsUrl": continuation, "done": is_last}
        return web.json_response(reply)

    async def _results(self, request: web.Request) -> web.StreamResponse:
        following = int(request.query["locator"]) + 1
        response = web.StreamResponse()
        response.content_type = "text/csv"
        response.headers["Content-Encoding"] = "gzip"
        response.headers["Sforce-NumberOfRecords"] = str(self._page.records)
        response.headers["Sforce-Locator"] = str(following) if following < self._pages else "null"
        await response.prepare(request)
        for piece in self._page.pieces():
            await response.write(piece)
        await response.write_eof()
        return response


async def application(parameters: dict[str, Any]) -> web.Application:
    """Make the server."""
    made = web.Application(client_max_size=1 << 24)
    made.add_routes(Org(**parameters).routes())
    return made


def main() -> None:
    """Serve until terminated."""
    listening = socket.create_server(("127.0.0.1", 0))
    address = f"http://127.0.0.1:{listening.getsockname()[1]}"
    web.run_app(
        application(json.loads(sys.argv[1])),
        sock=listening,
        access_log=None,
        print=lambda _: print(address, flush=True),
    )


if __name__ == "__main__":
    main()
