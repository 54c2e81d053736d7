"""Singer messages into a database: the tap's own, in each form, and those of other taps."""

from __future__ import annotations

import json
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pytest
from stored_values import by_id, expected_rows
from tap_process import config_for

if TYPE_CHECKING:
    from pathlib import Path

    from fixture_types import StartSandbox
    from landed import Landed
    from loader import Loader
    from tap_process import Tap

PROPERTIES: dict[str, Any] = {
    "id": {"type": "integer"},
    "name": {"type": ["null", "string"], "description": "What it's called"},
    "price": {"type": ["number", "null"]},
    "at": {"type": ["null", "string"], "format": "date-time"},
    "day": {"anyOf": [{"type": "string", "format": "date"}, {"type": "null"}]},
    "hour": {"type": ["string", "null"], "format": "time"},
    "tags": {"type": ["array", "null"]},
    "ok": {"type": ["boolean", "null"]},
}


def schema_message(keys: tuple[str, ...] = ("id",), **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties or PROPERTIES}
    return {"type": "SCHEMA", "stream": "things", "schema": schema, "key_properties": list(keys)}


def record(version: int | None = None, **values: Any) -> dict[str, Any]:
    message = {"type": "RECORD", "stream": "things", "record": values}
    return message if version is None else {**message, "version": version}


def state(value: Any) -> dict[str, Any]:
    return {"type": "STATE", "value": value}


def activate(version: int) -> dict[str, Any]:
    return {"type": "ACTIVATE_VERSION", "stream": "things", "version": version}


def lines(*messages: dict[str, Any]) -> str:
    return "".join(f"{json.dumps(each)}\n" for each in messages)


@pytest.mark.parametrize("form", ["record", "arrow", "parquet", "jsonl"])
def test_what_the_tap_writes_lands_in_each_form(
    loader: Loader,
    landed: Landed,
    tap: Tap,
    start_sandbox: StartSandbox,
    *,
    tmp_path: Path,
    form: str,
) -> None:
    server = start_sandbox(rows={"Account": 45}, page_rows=20)
    config = config_for(server, "Account")
    root = tmp_path / "batches"
    root.mkdir()
    if form != "record":
        compression = {"compression": "gzip"} if form == "jsonl" else {}
        config["batch_config"] = {
            "encoding": {"format": form, **compression},
            "storage": {"root": f"file://{root}"},
        }
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    loaded = loader.succeed(None, "--from-singer", stdin=run.stdout.decode())
    assert by_id(landed.rows("Account")) == expected_rows(server, "Account")
    assert json.loads(loaded.stdout.splitlines()[-1]) == run.state
    assert (list(root.iterdir()) == []) == (form in ("record", "arrow"))
    # Once more: the same rows, the same state.
    if form == "record":
        again = loader.succeed(None, "--from-singer", stdin=run.stdout.decode())
        assert by_id(landed.rows("Account")) == expected_rows(server, "Account")
        assert again.stdout == loaded.stdout


def test_messages_of_other_taps_land_with_their_types(loader: Loader, landed: Landed) -> None:
    messages = [
        schema_message(),
        record(id=1, name="a", price=1.25, at="2026-01-02T03:04:05+01:00", ok=True),
        record(id=2, day="2026-01-02", hour="12:30:00", tags=["x", {"y": 1.5}], price=7),
        record(id=1, name="b", at="2026-01-02 03:04:05", day="2026-01-02T00:00:00"),
        state({"bookmarks": {"things": 2.5}}),
        record(id=3),
    ]
    run = loader.succeed(None, "--from-singer", stdin=lines(*messages))
    nothing = dict.fromkeys(PROPERTIES)
    moment = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
    assert sorted(landed.rows("things"), key=lambda row: row["id"]) == [
        {**nothing, "id": 1, "name": "b", "at": moment, "day": date(2026, 1, 2)},
        {
            **nothing,
            "id": 2,
            "day": date(2026, 1, 2),
            "hour": time(12, 30),
            "tags": '["x", {"y": 1.5}]',
            "price": Decimal(7),
        },
        {**nothing, "id": 3},
    ]
    assert run.stdout == '{"bookmarks": {"things": 2.5}}\n'
    assert landed.comments("things") == {"name": "What it's called"}


def test_a_version_takes_the_place_of_all_others_when_it_is_activated(
    loader: Loader, landed: Landed
) -> None:
    def ids() -> list[int]:
        return sorted(row["id"] for row in landed.rows("things"))

    for keys in (("id",), ()):
        landed.execute('DROP TABLE IF EXISTS "things"')
        landed.execute('DROP TABLE IF EXISTS "_sfbulk_state"')
        schema = schema_message(keys, id={"type": "integer"})
        first = [record(1, id=1), record(1, id=2), activate(1), record(1, id=3)]
        loader.succeed(None, "--from-singer", stdin=lines(schema, *first))
        assert ids() == [1, 2, 3]
        # One that was broken off is never seen, and nothing is left of it in the next.
        loader.succeed(None, "--from-singer", stdin=lines(schema, record(2, id=4)))
        assert ids() == [1, 2, 3]
        loader.succeed(None, "--from-singer", stdin=lines(schema, record(3, id=5), activate(3)))
        assert ids() == [5]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("no JSON\n", "not a Singer message"),
        (lines(record(id=1)), "before the SCHEMA"),
        (lines(schema_message(), record(id="x")), "the field id holds 'x'"),
        (lines(schema_message(), record(id=1, price=1e300)), "the field price holds"),
    ],
)
def test_what_cannot_be_loaded_is_said_and_nothing_of_it_lands(
    loader: Loader, landed: Landed, text: str, message: str
) -> None:
    run = loader(None, "--from-singer", stdin=text)
    assert run.exit_code == 1
    assert message in run.stderr
    assert "Traceback" not in run.stderr
    assert landed.rows("things") == []
