"""The HTTP server around a sandbox."""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import threading
from email.utils import format_datetime
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl, urlsplit

from aiohttp import web
from typing_extensions import Self

from sfbulk_sandbox.admin import answer_admin
from sfbulk_sandbox.answering import Sandbox
from sfbulk_sandbox.certificates import Authority
from sfbulk_sandbox.exchange import Call, Reply
from sfbulk_sandbox.faults.kinds import Fault
from sfbulk_sandbox.faults.transport_faults import TransportFault
from sfbulk_sandbox.proxy import Proxy, is_salesforce_host, make_environment
from sfbulk_sandbox.scenario import Credentials, Scenario, scenario_from
from sfbulk_sandbox.sending import send

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from pathlib import Path
    from types import TracebackType

    from sfbulk_sandbox.call_log import LoggedCall
    from sfbulk_sandbox.state.org import Org
    from sfbulk_sandbox.state.query_jobs import QueryJobs
    from sfbulk_sandbox.state.usage import Usage

LOOPBACK = "127.0.0.1"
CA_VARIABLES = ("REQUESTS_CA_BUNDLE", "SSL_CERT_FILE", "NODE_EXTRA_CA_CERTS")
_SHUTDOWN_SECONDS = 0.2
_LARGEST_HEAD = 1 << 20
"""Beyond what is refused with Salesforce's own words, so that aiohttp's are not heard."""


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Return whether a server error is one: a client that goes while it is answered makes none."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionResetError))


_logger = logging.getLogger(__name__)
_logger.addFilter(_is_worth_a_line)


def is_loopback(name: str) -> bool:
    """Return whether a host name or address means this machine (RFC 6761, RFC 1122)."""
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _without_doubled_start(path: str) -> str:
    """Return a path with one slash at its start.

    Salesforce takes `//services/data`, as the Salesforce CLI writes it after an instance address
    with a slash at its end. Doubled slashes further on are 404.
    """
    return "/" + path.lstrip("/")


class SandboxServer:
    """Runs a sandbox in a separate thread, as a context manager.

    Args:
        scenario: A scenario, or keys and values of one.
        host: Address to listen on.
        port: 0 takes any free one.
        tls: Speak https, with a certificate of an authority made for this server alone.
        as_salesforce: Run a proxy that leads Salesforce's hosts here, for programs that know no
            other; `environment` is what they need.

    Raises:
        ValueError: The scenario does not fit, or a proxy on more than this machine is asked for.
        OSError: The port is not available.
    """

    def __init__(
        self,
        scenario: Scenario | Mapping[str, Any] | None = None,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        tls: bool = False,
        as_salesforce: bool = False,
    ) -> None:
        if as_salesforce and not is_loopback(host):
            raise ValueError(
                f"as Salesforce, the sandbox listens on {LOOPBACK} alone, not on {host}"
            )
        self._scenario = (
            scenario if isinstance(scenario, Scenario) else scenario_from(scenario or {})
        )
        self._host = host
        self._port = port
        self._tls = tls
        self._as_salesforce = as_salesforce
        self._authority = Authority() if tls or as_salesforce else None
        self._proxy_port = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stop = asyncio.Event()
        self._ready = threading.Event()
        self._failure: Exception | None = None
        self._thread = threading.Thread(
            target=lambda: asyncio.run(self._serve()), name="sfbulk-sandbox", daemon=True
        )
        self._sandbox = Sandbox(self._scenario)
        self.credentials = self._scenario.credentials or Credentials.generate()

    def __enter__(self) -> Self:
        """Start the server; return when it takes connections."""
        self._thread.start()
        self._ready.wait()
        if self._failure is not None:
            self._thread.join()
            raise self._failure
        return self

    def __exit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Stop the server, whatever it is doing."""
        if self._loop is not None and self._thread.is_alive():
            self._loop.call_soon_threadsafe(self._stop.set)
        self._thread.join()
        if self._authority is not None:
            self._authority.close()

    @property
    def url(self) -> str:
        """Address of the org, e.g. ``http://127.0.0.1:8765``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    @property
    def ca_file(self) -> Path:
        """The certificate (PEM) that clients must trust, with `tls` or `as_salesforce`."""
        if self._authority is None:
            raise ValueError("a server without TLS has no certificate")
        return self._authority.ca_file

    @property
    def environment(self) -> dict[str, str]:
        """The variables by which programs take this server for Salesforce, or trust it."""
        if self._authority is None:
            return {}
        if self._as_salesforce:
            return make_environment(self._proxy_port, self._authority)
        return dict.fromkeys(CA_VARIABLES, str(self.ca_file))

    @property
    def org(self) -> Org:
        """The org's data."""
        return self._sandbox.state.org

    @property
    def jobs(self) -> QueryJobs:
        """The org's query jobs, in the order of their creation."""
        return self._sandbox.state.jobs

    @property
    def access_tokens(self) -> list[str]:
        """The access tokens issued or accepted so far, expired ones included."""
        return list(self._sandbox.state.sessions)

    @property
    def usage(self) -> Usage:
        """What clients have used of the org's daily allowances."""
        return self._sandbox.state.usage

    @property
    def calls(self) -> list[LoggedCall]:
        """The requests so far, those under ``/_sandbox/`` left out."""
        return self._sandbox.log.calls()

    def set_now(self, now: datetime | None) -> None:
        """Set what time it is in the org; it stands still then. None follows the clock.

        TODAY, the stamps of changes, job info and the `Date` header follow; generated records stay
        as they are. Query jobs that are older than seven days are gone.
        """
        self._sandbox.state.set_now(now)

    def add_fault(self, **fault: Any) -> None:
        """Put a fault in force; the arguments are the keys of a fault in a scenario file.

        Raises:
            MappingError: A fault that is written wrongly.
        """
        self._sandbox.faults.add(Fault.read(fault, "fault"))

    def clear_faults(self) -> None:
        """Take all faults away."""
        self._sandbox.faults.clear()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        server = web.Server(
            self._handle,
            access_log=None,
            logger=_logger,
            max_line_size=_LARGEST_HEAD,
            max_field_size=_LARGEST_HEAD,
        )
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        proxy: Proxy | None = None
        try:
            await runner.setup()
            context = None
            if self._tls and self._authority is not None:
                context = self._authority.make_context("localhost", LOOPBACK, "::1", self._host)
            site = web.TCPSite(runner, self._host, self._port, ssl_context=context)
            await site.start()
            self._port = runner.addresses[0][1]
            if self._as_salesforce and self._authority is not None:
                proxy = await self._start_proxy(runner, self._authority)
        except Exception as error:  # noqa: BLE001 - raised again by __enter__
            self._failure = error
        self._ready.set()
        if self._failure is None:
            await self._stop.wait()
        if proxy is not None:
            await proxy.stop()
        await runner.cleanup()

    async def _start_proxy(self, runner: web.ServerRunner, authority: Authority) -> Proxy:
        """Listen with certificates of Salesforce's hosts, and start the proxy that leads there."""
        context = authority.make_context_for(is_salesforce_host, "login.salesforce.com")
        await web.TCPSite(runner, self._host, 0, ssl_context=context).start()
        proxy = Proxy(self._host, runner.addresses[-1][1])
        self._proxy_port = await proxy.start()
        return proxy

    def _is_meant(self, request: web.BaseRequest, *, is_admin: bool) -> bool:
        """Return whether a request is for this server, and of no web page of another one.

        A page that a browser has open could otherwise reach a server on this machine, under a name
        that leads here (DNS rebinding).
        """
        origin = request.headers.get("Origin")
        if origin is not None and origin != f"{request.scheme}://{request.host}":
            return False
        name = urlsplit(f"//{request.host}").hostname or ""
        if self._as_salesforce and not is_admin and is_salesforce_host(name):
            return True
        # Beyond this machine, others give the server names that it does not know.
        return not is_loopback(self._host) or is_loopback(name)

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        call = Call(
            method=request.method,
            path=_without_doubled_start(request.rel_url.path),
            uri_bytes=len(request.raw_path),
            query=dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)),
            headers=request.headers,
            body=await request.content.read(),
            origin=f"{request.scheme}://{request.host}",
            peer=request.remote or "",
        )
        if not self._is_meant(request, is_admin=call.path.startswith("/_sandbox/")):
            refused = Reply(HTTPStatus.FORBIDDEN, b"The Host or Origin is not of this sandbox\n")
            return await send(request, refused, None)
        if call.path.startswith("/_sandbox/"):
            return await send(request, await answer_admin(self._sandbox, call), None)
        entry = self._sandbox.log.begin(call, request.rel_url.raw_path_qs)
        if self._sandbox.state.scenario.latency_seconds:
            await asyncio.sleep(self._sandbox.state.scenario.latency_seconds)
        answer = await self._sandbox.answer(call)
        now = self._sandbox.state.org.moment()
        reply = answer.reply.with_headers({"Date": format_datetime(now, usegmt=True)})
        fault = answer.fault
        entry.place, entry.sobject = answer.place, answer.sobject
        entry.status, entry.bytes = int(reply.status), len(reply.body)
        entry.fault = fault.kind if fault else None
        if isinstance(fault, TransportFault):
            return await fault.send(request, reply)
        return await send(request, reply, self._sandbox.state.scenario.bytes_per_second)
