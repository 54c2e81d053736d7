"""The HTTP server around a sandbox."""

from __future__ import annotations

import asyncio
import logging
import ssl
import tempfile
import threading
from email.utils import format_datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qsl

import trustme
from aiohttp import web
from typing_extensions import Self

from sfbulk_sandbox.admin import answer_admin
from sfbulk_sandbox.answering import Sandbox
from sfbulk_sandbox.exchange import Call
from sfbulk_sandbox.faults.kinds import Fault
from sfbulk_sandbox.faults.transport_faults import TransportFault
from sfbulk_sandbox.scenario import Credentials, Scenario, scenario_from
from sfbulk_sandbox.sending import send

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime
    from types import TracebackType

    from sfbulk_sandbox.call_log import LoggedCall
    from sfbulk_sandbox.state.org import Org
    from sfbulk_sandbox.state.query_jobs import QueryJobs
    from sfbulk_sandbox.state.usage import Usage

LOOPBACK = "127.0.0.1"
_SHUTDOWN_SECONDS = 0.2
_LONGEST_REQUEST_LINE = 16_384


def _is_worth_a_line(record: logging.LogRecord) -> bool:
    """Tell whether a server error is one: a client that goes while it is answered makes none."""
    return not (record.exc_info and isinstance(record.exc_info[1], ConnectionResetError))


_logger = logging.getLogger(__name__)
_logger.addFilter(_is_worth_a_line)


class SandboxServer:
    """Runs a sandbox on a thread of its own, as a context manager.

    Args:
        scenario: A scenario, or keys and values of one.
        host: Address to listen on.
        port: 0 takes any free one.
        tls: Speak https, with a certificate of an authority made for this server alone.

    Raises:
        ScenarioError: The scenario does not fit.
        OSError: The port cannot be had.
    """

    def __init__(
        self,
        scenario: Scenario | Mapping[str, Any] | None = None,
        *,
        host: str = LOOPBACK,
        port: int = 0,
        tls: bool = False,
    ) -> None:
        self._scenario = (
            scenario if isinstance(scenario, Scenario) else scenario_from(scenario or {})
        )
        self._host = host
        self._port = port
        self._tls = tls
        self._folder: tempfile.TemporaryDirectory[str] | None = None
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
        if self._folder is not None:
            self._folder.cleanup()

    @property
    def url(self) -> str:
        """Address of the org, e.g. ``http://127.0.0.1:8765``."""
        host = f"[{self._host}]" if ":" in self._host else self._host
        return f"{'https' if self._tls else 'http'}://{host}:{self._port}"

    @property
    def ca_file(self) -> Path:
        """The certificate (PEM) that clients must trust, with `tls`."""
        if self._folder is None:
            raise ValueError("a server without TLS has no certificate")
        return Path(self._folder.name) / "ca.pem"

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
            max_line_size=_LONGEST_REQUEST_LINE,
        )
        runner = web.ServerRunner(server, shutdown_timeout=_SHUTDOWN_SECONDS)
        try:
            await runner.setup()
            context = self._certificates() if self._tls else None
            site = web.TCPSite(runner, self._host, self._port, ssl_context=context)
            await site.start()
            self._port = runner.addresses[0][1]
        except Exception as error:  # noqa: BLE001 - raised again by __enter__
            self._failure = error
        self._ready.set()
        if self._failure is None:
            await self._stop.wait()
        await runner.cleanup()

    def _certificates(self) -> ssl.SSLContext:
        """Make a certificate authority and a certificate for this host; write the former down."""
        authority = trustme.CA()
        certificate = authority.issue_cert("localhost", LOOPBACK, "::1", self._host)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        certificate.configure_cert(context)
        self._folder = tempfile.TemporaryDirectory(prefix="sfbulk-sandbox-")
        authority.cert_pem.write_to_path(str(self.ca_file))
        return context

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one HTTP request."""
        call = Call(
            method=request.method,
            path=request.rel_url.path,
            query=dict(parse_qsl(request.rel_url.raw_query_string, keep_blank_values=True)),
            headers=request.headers,
            body=await request.content.read(),
            origin=f"{request.scheme}://{request.host}",
            peer=request.remote or "",
        )
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
