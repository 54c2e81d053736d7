"""Faults below HTTP: connections that are cut, reset, silent or slow.

What was asked for has been done by then; only the reply does not arrive as it should.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Literal

from aiohttp import web
from typing_extensions import override

from sfbulk_sandbox.fault_kind import FaultKind
from sfbulk_sandbox.sending import all_headers, begin
from sfbulk_sandbox.typed_mapping import MappingError

if TYPE_CHECKING:
    from sfbulk_sandbox.exchange import Reply

_LOOK_FOR_CLIENT_SECONDS = 0.05
Framing = Literal["length", "chunked", "close"]


class TransportFault(FaultKind):
    """A fault in how a reply is sent."""

    fraction: float | None = None

    def __post_init__(self) -> None:
        if self.fraction is not None and not 0 <= self.fraction <= 1:
            raise MappingError(f"fraction must be from 0 to 1, not {self.fraction}")

    async def send(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        """Send the reply, or as much of it as the fault lets through."""
        raise NotImplementedError


@dataclass(frozen=True)
class Cut(TransportFault):
    """The connection ends (FIN) after part of the body.

    Args:
        fraction: Part of the body that is sent; 0 sends the headers alone.
        framing: How the length is announced: by ``Content-Length``, chunks, or not at all
            (``close``), so that only the content can show that something is missing. None: as
            the reply would be without the fault.
    """

    kind: ClassVar[str] = "cut"
    fraction: float = 0.5
    framing: Framing | None = None

    @override
    async def send(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        response = await _begin(request, reply, self.framing)
        await response.write(_part(reply.body, self.fraction))
        if request.transport is not None:
            request.transport.close()
        return response


@dataclass(frozen=True)
class Reset(TransportFault):
    """The connection is reset (RST) before any byte of the reply, or after part of the body."""

    kind: ClassVar[str] = "reset"
    fraction: float | None = None

    @override
    async def send(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status)
        if self.fraction is not None:
            response = await _begin(request, reply, None)
            await response.write(_part(reply.body, self.fraction))
        transport = request.transport
        if transport is not None:
            _linger_for_no_time(transport)
            transport.abort()
        return response


@dataclass(frozen=True)
class Stall(TransportFault):
    """After part of the body nothing more is sent, and the connection stays open.

    Args:
        fraction: Part of the body that is sent; None sends not even the headers.
    """

    kind: ClassVar[str] = "stall"
    fraction: float | None = 0.5

    @override
    async def send(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        response = web.StreamResponse(status=reply.status)
        if self.fraction is not None:
            response = await _begin(request, reply, None)
            await response.write(_part(reply.body, self.fraction))
        # aiohttp has no event for a client that leaves while its request is answered.
        while request.transport is not None and not request.transport.is_closing():  # noqa: ASYNC110
            await asyncio.sleep(_LOOK_FOR_CLIENT_SECONDS)
        return response


@dataclass(frozen=True)
class Drip(TransportFault):
    """The body is sent a few bytes at a time.

    Args:
        bytes: Bytes of one portion.
        seconds: Between two portions.
    """

    kind: ClassVar[str] = "drip"
    bytes: int = 100
    seconds: float = 0.01

    def __post_init__(self) -> None:
        if self.bytes < 1:
            raise MappingError(f"bytes must be at least 1, not {self.bytes}")

    @override
    async def send(self, request: web.BaseRequest, reply: Reply) -> web.StreamResponse:
        response = await _begin(request, reply, None)
        for start in range(0, len(reply.body), self.bytes):
            await response.write(reply.body[start : start + self.bytes])
            await asyncio.sleep(self.seconds)
        await response.write_eof()
        return response


class _UntilClose(web.StreamResponse):
    """A response of no announced length; aiohttp would otherwise fall back to chunks."""

    _length_check = False


async def _begin(
    request: web.BaseRequest, reply: Reply, framing: Framing | None
) -> web.StreamResponse:
    """Send the headers."""
    framing = framing or ("chunked" if reply.chunked else "length")
    if framing != "close":
        return await begin(request, replace(reply, chunked=framing == "chunked"))
    response = _UntilClose(status=reply.status, headers=all_headers(reply))
    response.force_close()
    await response.prepare(request)
    return response


def _part(body: bytes, fraction: float) -> bytes:
    return body[: int(len(body) * fraction)]


def _linger_for_no_time(transport: asyncio.Transport) -> None:
    """Let closing the socket drop what is unsent and answer with RST (socket(7), SO_LINGER)."""
    connection = transport.get_extra_info("socket")
    with contextlib.suppress(OSError):
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
