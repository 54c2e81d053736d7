"""Puts replies on the wire."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from sfbulk_sandbox.exchange import Reply

_SLICE_BYTES = 256 * 1024
_SLICES_A_SECOND = 20
_USUAL_HEADERS = {
    "Cache-Control": "no-cache,must-revalidate,max-age=0,no-store,private",
    "Vary": "Accept-Encoding",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "none",
}


async def send(
    request: web.BaseRequest, reply: Reply, bytes_per_second: int | None
) -> web.StreamResponse:
    """Send a whole reply.

    Args:
        request: aiohttp's request.
        reply: What to send.
        bytes_per_second: Speed of the connection; None: as fast as it goes.
    """
    if bytes_per_second is None and not reply.chunked:
        return web.Response(status=reply.status, body=reply.body, headers=all_headers(reply))
    response = await begin(request, reply)
    size = _SLICE_BYTES if bytes_per_second is None else bytes_per_second // _SLICES_A_SECOND + 1
    for start in range(0, len(reply.body), size):
        await response.write(reply.body[start : start + size])
        if bytes_per_second is not None:
            await asyncio.sleep(size / bytes_per_second)
    await response.write_eof()
    return response


async def begin(request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
    """Send the headers of a reply; its body is announced by length or in chunks."""
    response = web.StreamResponse(status=reply.status, headers=all_headers(reply))
    if reply.chunked:
        response.enable_chunked_encoding()
    else:
        response.content_length = len(reply.body)
    await response.prepare(request)
    return response


def all_headers(reply: Reply) -> dict[str, str]:
    """Return the headers that Salesforce sends with everything, and the reply's own."""
    content_type = {} if reply.content_type is None else {"Content-Type": reply.content_type}
    return {**_USUAL_HEADERS, **content_type, **reply.headers}
