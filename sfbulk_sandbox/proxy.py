"""An HTTP proxy by which programs reach the sandbox that know no host but Salesforce's.

It answers CONNECT (RFC 9110, section 9.3.6) for Salesforce's hosts and leads the connection to the
sandbox, which has certificates for those names. Everything else is refused, so that a program under
test reaches nothing but the sandbox.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sfbulk_sandbox.certificates import Authority

_HOST = re.compile(r"(?:[a-z\d-]+\.)*(?:salesforce|force)\.com", re.IGNORECASE)
_CHUNK_BYTES = 65_536
_HTTPS = "443"
_REFUSED = (
    b"HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\n"
    b"Content-Length: %d\r\n\r\n%s"
)


def is_salesforce_host(name: str) -> bool:
    """Return whether a host name is one of Salesforce's."""
    return _HOST.fullmatch(name) is not None


class Proxy:
    """The proxy of one sandbox.

    Args:
        host: Address to listen on, and where the sandbox listens.
        port: The sandbox's, with TLS.
    """

    def __init__(self, host: str, port: int) -> None:
        self._host = host
        self._port = port
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def start(self) -> int:
        """Listen on a free port; return it."""
        self._server = await asyncio.start_server(self._serve, self._host, 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        """Close the listener and all connections."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            self._tasks.add(task)
        try:
            await self._answer(reader, writer)
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            writer.transport.abort()
        finally:
            writer.close()
            if task is not None:
                self._tasks.discard(task)

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, _, rest = head.decode("latin-1").partition(" ")
        target = rest.partition(" ")[0]
        host, _, port = target.rpartition(":")
        if method != "CONNECT" or port != _HTTPS or not is_salesforce_host(host):
            text = f"sfbulk-sandbox leads to Salesforce's hosts alone, not to {target}\n".encode()
            writer.write(_REFUSED % (len(text), text))
            await writer.drain()
            return
        to_sandbox = await asyncio.open_connection(self._host, self._port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        try:
            await asyncio.gather(_pipe(reader, to_sandbox[1]), _pipe(to_sandbox[0], writer))
        finally:
            to_sandbox[1].close()


async def _pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Hand on what comes; a connection that is reset resets the other one."""
    try:
        while chunk := await reader.read(_CHUNK_BYTES):
            writer.write(chunk)
            await writer.drain()
        if writer.can_write_eof():
            writer.write_eof()
    except OSError:
        writer.transport.abort()
        raise


def make_environment(port: int, authority: Authority) -> dict[str, str]:
    """Return the variables by which common clients use the proxy and trust its certificates.

    Args:
        port: The proxy's.
        authority: Whose certificate to trust.
    """
    address = f"http://127.0.0.1:{port}"
    certificate = str(authority.ca_file)
    return {
        "HTTPS_PROXY": address,
        "https_proxy": address,
        "NO_PROXY": "localhost,127.0.0.1,::1",
        "no_proxy": "localhost,127.0.0.1,::1",
        # Node reads HTTPS_PROXY from version 24 on, if asked to.
        "NODE_USE_ENV_PROXY": "1",
        "REQUESTS_CA_BUNDLE": certificate,
        "SSL_CERT_FILE": certificate,
        "NODE_EXTRA_CA_CERTS": certificate,
    }
