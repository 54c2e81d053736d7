"""The sandbox's own endpoints under ``/_sandbox/``, by which a test looks in and steers.

They need no sign-in and are open to this machine alone. Faults do not strike here, and the call
log leaves them out.
"""

from __future__ import annotations

import asyncio
import dataclasses
import ipaddress
import json
import re
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from sfbulk_sandbox.exchange import Call, Reply, json_reply
from sfbulk_sandbox.faults.kinds import Fault
from sfbulk_sandbox.sobjects.definitions import FieldDefinition
from sfbulk_sandbox.typed_mapping import read

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sfbulk_sandbox.answering import Sandbox


_YEARS = range(1990, 3000)
"""When it can be in the org."""


@dataclasses.dataclass(frozen=True)
class _ClockChange:
    """What the org's clock is set to: a moment, None for the real time, or so much later."""

    now: datetime | None = None
    advance_seconds: float | None = None


@dataclasses.dataclass(frozen=True)
class _Moment:
    at: datetime


async def answer_admin(sandbox: Sandbox, call: Call) -> Reply:
    """Answer a call under ``/_sandbox/``; errors are an object with the key ``error``."""
    if not ipaddress.ip_address(call.peer).is_loopback:
        return _error(HTTPStatus.FORBIDDEN, "only from this machine")
    for method, pattern, endpoint in _ENDPOINTS:
        match = re.fullmatch(f"/_sandbox/{pattern}/?", call.path)
        if match and method == call.method:
            try:
                content = json.loads(call.body) if call.body else None
                value = await endpoint(sandbox, content, *match.groups(""))
            except KeyError as error:
                return _error(HTTPStatus.BAD_REQUEST, f"unknown: {error.args[0]}")
            except (TypeError, ValueError) as error:
                return _error(HTTPStatus.BAD_REQUEST, str(error))
            return Reply(HTTPStatus.NO_CONTENT) if value is None else json_reply(value)
    return _error(HTTPStatus.NOT_FOUND, f"nothing at {call.method} {call.path}")


async def _list_calls(sandbox: Sandbox, _content: Any) -> Any:
    return [dataclasses.asdict(entry) for entry in sandbox.log.calls()]


async def _forget_calls(sandbox: Sandbox, _content: Any) -> None:
    sandbox.log.clear()


async def _show_scenario(sandbox: Sandbox, _content: Any) -> Any:
    scenario = dataclasses.asdict(sandbox.state.scenario)
    # Secrets are not shown, and the faults have an endpoint of their own.
    scenario["credentials"] = "required" if sandbox.state.scenario.credentials else None
    for name in ("now", "data_until"):
        scenario[name] = scenario[name] and scenario[name].isoformat()
    del scenario["faults"]
    return scenario


async def _change_scenario(sandbox: Sandbox, content: Any) -> Any:
    sandbox.state.scenario = sandbox.state.scenario.changed(_expect_object(content))
    return await _show_scenario(sandbox, None)


async def _list_faults(sandbox: Sandbox, _content: Any) -> Any:
    return sandbox.faults.report()


async def _add_faults(sandbox: Sandbox, content: Any) -> Any:
    written = content if isinstance(content, list) else [content]
    for fault in [Fault.read(each, f"faults[{n}]") for n, each in enumerate(written)]:
        sandbox.faults.add(fault)
    return sandbox.faults.report()


async def _clear_faults(sandbox: Sandbox, _content: Any) -> None:
    sandbox.faults.clear()


async def _expire_tokens(sandbox: Sandbox, _content: Any) -> Any:
    return {"expired": sandbox.state.sessions.expire_all()}


async def _upsert(sandbox: Sandbox, content: Any, sobject: str) -> Any:
    """Take records, or ``{"records": [...], "committed": false}`` for an open transaction."""
    body = content if isinstance(content, dict) and "records" in content else {"records": content}
    _check_keys(body, "records", "committed")
    given = body["records"] if isinstance(body["records"], list) else [body["records"]]
    records = [_expect_object(record) for record in given]
    ids = await asyncio.to_thread(
        sandbox.state.org.upsert,
        _find_sobject(sandbox, sobject),
        records,
        committed=_read_flag(body, "committed", default=True),
    )
    return {"ids": ids}


async def _commit(sandbox: Sandbox, _content: Any) -> None:
    await asyncio.to_thread(sandbox.state.org.commit)


async def _delete(sandbox: Sandbox, content: Any, sobject: str) -> None:
    body = {"ids": content} if isinstance(content, list) else _expect_object(content)
    _check_keys(body, "ids", "hard", "at")
    moment = None if body.get("at") is None else read(_Moment, {"at": body["at"]}, "records").at
    await asyncio.to_thread(
        sandbox.state.org.delete,
        _find_sobject(sandbox, sobject),
        _read_ids(body),
        hard=_read_flag(body, "hard", default=False),
        at=moment,
    )


async def _undelete(sandbox: Sandbox, content: Any, sobject: str) -> None:
    """Restore records from the recycle bin."""
    body = {"ids": content} if isinstance(content, list) else _expect_object(content)
    _check_keys(body, "ids")
    org = sandbox.state.org
    await asyncio.to_thread(org.undelete, _find_sobject(sandbox, sobject), _read_ids(body))


async def _purge_deleted(sandbox: Sandbox, _content: Any, sobject: str) -> None:
    """Empty the recycle bin and the delete log of an sObject."""
    await asyncio.to_thread(sandbox.state.org.purge_deleted, _find_sobject(sandbox, sobject))


async def _change_field(sandbox: Sandbox, content: Any, sobject: str, field: str) -> None:
    """Change a field, rename it with ``name``, or add one."""
    body = dict(_expect_object(content))
    name = body.pop("name", None)
    definition = read(FieldDefinition, body, "field")
    await asyncio.to_thread(
        sandbox.state.org.change_field,
        _find_sobject(sandbox, sobject),
        field,
        definition,
        name=None if name is None else str(name),
    )


async def _show_clock(sandbox: Sandbox, _content: Any) -> Any:
    return {"now": sandbox.state.org.moment().isoformat()}


async def _set_clock(sandbox: Sandbox, content: Any) -> Any:
    """Take ``{"now": …}`` (null: follow the clock) or ``{"advance_seconds": …}``."""
    change = read(_ClockChange, content, "clock")
    now = change.now
    if change.advance_seconds is not None:
        try:
            now = sandbox.state.org.moment() + timedelta(seconds=change.advance_seconds)
        except OverflowError as error:
            raise ValueError("advance_seconds is too large") from error
    if now is not None and now.year not in _YEARS:
        raise ValueError(f"now must be in the years {_YEARS[0]} to {_YEARS[-1]}")
    sandbox.state.set_now(now)
    return await _show_clock(sandbox, None)


async def _set_visibility(sandbox: Sandbox, content: Any) -> None:
    """Show or hide an sObject or, with ``field``, one of its fields."""
    body = _expect_object(content)
    _check_keys(body, "sobject", "field", "visible")
    sobject = _find_sobject(sandbox, str(body.get("sobject")))
    visible = _read_flag(body, "visible", default=False)
    if body.get("field"):
        sandbox.state.org.set_field_visible(sobject, body["field"], visible)
    else:
        sandbox.state.org.set_sobject_visible(sobject, visible)


async def _list_jobs(sandbox: Sandbox, _content: Any) -> Any:
    return [
        {
            **job.info(),
            "query": job.soql,
            "polls": job.polls,
            "rows": len(job.result),
            "pages": len(job.page_starts),
            "locators": [job.locator(start) for start in job.page_starts],
        }
        for job in sandbox.state.jobs
    ]


async def _show_state(sandbox: Sandbox, _content: Any) -> Any:
    return {
        "usage": dataclasses.asdict(sandbox.state.usage),
        "tokens": sandbox.state.sessions.summary(),
        "jobs": len(list(sandbox.state.jobs)),
        "faults": sandbox.faults.report(),
    }


def _expect_object(content: Any) -> dict[str, Any]:
    if not isinstance(content, dict):
        raise ValueError("expected a JSON object")  # noqa: TRY004 - an error of the caller
    return content


def _read_flag(body: dict[str, Any], name: str, *, default: bool) -> bool:
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise ValueError(f"{name} must be true or false, not {value!r}")  # noqa: TRY004
    return value


def _read_ids(body: dict[str, Any]) -> list[str]:
    ids = body.get("ids", [])
    if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
        raise ValueError("ids must be a list of record ids")
    return ids


def _check_keys(body: dict[str, Any], *known: str) -> None:
    if unknown := ", ".join(sorted(body.keys() - set(known))):
        raise ValueError(f"unknown key {unknown} (known: {', '.join(known)})")


def _find_sobject(sandbox: Sandbox, sobject: str) -> str:
    if sobject not in sandbox.state.org.sobjects:
        raise ValueError(f"unknown sObject {sobject}")
    return sobject


def _error(status: int, message: str) -> Reply:
    return json_reply({"error": message}, status=status)


_RECORDS = r"sobjects/(\w+)/records"
_ENDPOINTS: tuple[tuple[str, str, Callable[..., Awaitable[Any]]], ...] = (
    ("GET", "calls", _list_calls),
    ("DELETE", "calls", _forget_calls),
    ("GET", "scenario", _show_scenario),
    ("PATCH", "scenario", _change_scenario),
    ("GET", "faults", _list_faults),
    ("POST", "faults", _add_faults),
    ("DELETE", "faults", _clear_faults),
    ("POST", "expire-tokens", _expire_tokens),
    ("POST", _RECORDS, _upsert),
    ("DELETE", _RECORDS, _delete),
    ("POST", "commit", _commit),
    ("POST", f"{_RECORDS}/undelete", _undelete),
    ("POST", r"sobjects/(\w+)/purge-deleted", _purge_deleted),
    ("POST", r"sobjects/(\w+)/fields/(\w+)", _change_field),
    ("GET", "clock", _show_clock),
    ("POST", "clock", _set_clock),
    ("POST", "visibility", _set_visibility),
    ("GET", "jobs", _list_jobs),
    ("GET", "state", _show_state),
)
