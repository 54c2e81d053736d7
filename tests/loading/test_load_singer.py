"""Singer messages into a database: the tap's own, in each form, and those of other taps."""

from __future__ import annotations

import gzip
import json
import os
import signal
from contextlib import closing
from datetime import date, datetime, time, timezone
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
from stored_values import by_id, expected_rows
from tap_process import config_for

from tap_sfbulk_pages.errors import LoadError, StateError
from tap_sfbulk_pages.loading import singer_batches, singer_load, singer_stream
from tap_sfbulk_pages.loading.databases.address import connect
from tap_sfbulk_pages.loading.singer_load import SingerLoad
from tap_sfbulk_pages.loading.singer_records import records_as_arrow
from tap_sfbulk_pages.reading.stop_signal import StopSignal

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fixture_types import StartSandbox
    from landed import Landed
    from loader import Loader
    from tap_process import Tap

ODD_NAME: dict[str, Any] = {"a\ud800": {}}
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


@pytest.fixture
def load(landed: Landed) -> Callable[..., list[str]]:
    """Loads messages in this process; returns what is written to stdout."""

    def load(*messages: dict[str, Any], removes_deleted: bool = False) -> list[str]:
        written: list[str] = []
        with closing(connect(landed.address, schema=landed.schema, wait_seconds=0)) as database:
            loading = SingerLoad(
                database, written.append, StopSignal(), removes_deleted=removes_deleted
            )
            loading.load(json.dumps(each).encode() for each in messages)
        return written

    return load


def schema_message(keys: tuple[str, ...] = ("id",), **properties: Any) -> dict[str, Any]:
    schema = {"type": "object", "properties": properties or PROPERTIES, "description": "All things"}
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


def batch(path: Path, **columns: list[Any]) -> dict[str, Any]:
    """Write an Arrow file, and the message that names it."""
    table = pa.table(columns)
    with pa.ipc.new_file(path, table.schema) as file:
        file.write_table(table)
    encoding = {"format": "arrow"}
    manifest = [path.as_uri()]
    return {"type": "BATCH", "stream": "things", "encoding": encoding, "manifest": manifest}


def batch_of(*files: Any) -> dict[str, Any]:
    encoding = {"format": "jsonl"}
    return {"type": "BATCH", "stream": "things", "encoding": encoding, "manifest": [*files]}


def ids(landed: Landed) -> list[int]:
    return sorted(row["id"] for row in landed.rows("things"))


def test_messages_of_other_taps_land_with_their_types(
    load: Callable[..., list[str]], landed: Landed, caplog: pytest.LogCaptureFixture
) -> None:
    messages = [
        schema_message(),
        record(id=1, name="a", price=1.25, at="2026-01-02T03:04:05+01:00", ok=True),
        record(id=2, day="2026-01-02", hour="12:30:00", tags=["x", {"y": 1.5}], price=7, more=1),
        record(id=1, name="b", at="2026-01-02 03:04:05", day="2026-01-02T00:00:00"),
        state({"bookmarks": {"things": 2.5}}),
        record(id=3),
    ]
    assert load(*messages) == ['{"bookmarks": {"things": 2.5}}']
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
    assert landed.comments("things") == {"name": "What it's called"}
    assert landed.table_comment("things") == "All things"
    assert "its records have more, which its SCHEMA message does not" in caplog.text


def test_a_number_that_fits_no_decimal_makes_its_column_text(
    load: Callable[..., list[str]], landed: Landed, caplog: pytest.LogCaptureFixture
) -> None:
    load(schema_message(), record(id=1, price=1.25), record(id=2, price=1.5e300))
    load(schema_message(), record(id=3, price=2.5))
    prices = {row["id"]: Decimal(row["price"]) for row in landed.rows("things")}
    assert prices == {1: Decimal("1.25"), 2: Decimal("1.5e300"), 3: Decimal("2.5")}
    assert "the field price holds '1.5E+300'" in caplog.text


def test_schemas_and_keys_may_change_between_the_records(
    load: Callable[..., list[str]], landed: Landed
) -> None:
    text: dict[str, Any] = {"type": ["null", "string"]}
    first: dict[str, Any] = {"id": {"type": "integer"}, "old": text}
    load(schema_message(("id",), **first), record(id=1, old="a"))
    # The type is wider, a column is new, another one is not there any more.
    wider: dict[str, Any] = {"id": {"type": "number"}, "code": text}
    load(
        schema_message(("id",), **first),
        record(id=2, old="b"),
        schema_message(("id",), **wider),
        record(id=2.5, code="x"),
        record(id=1, code="y"),
    )
    rows = sorted(landed.rows("things"), key=lambda row: row["id"])
    assert [(row["id"], row["old"], row["code"]) for row in rows] == [
        (1, None, "y"),
        (2, "b", None),
        (Decimal("2.5"), None, "x"),
    ]
    # Another key.
    with pytest.raises(LoadError, match="does not tell the rows of its table apart"):
        load(schema_message(("code",), **wider), record(id=4, code="z"))
    load(schema_message((), **wider), record(code="z"), record(code="z"))
    assert sorted(str(row["code"]) for row in landed.rows("things")) == ["None", "x", "y", "z", "z"]


def test_a_version_takes_the_place_of_all_others_when_it_is_activated(
    load: Callable[..., list[str]], landed: Landed
) -> None:
    for keys in (("id",), ()):
        landed.execute('DROP TABLE IF EXISTS "things"')
        landed.execute('DROP TABLE IF EXISTS "_sfbulk_state"')
        schema = schema_message(keys, id={"type": "integer"})
        load(schema, record(1, id=1), record(1, id=2), activate(1), record(1, id=3))
        assert ids(landed) == [1, 2, 3]
        # One that was broken off is never seen, and nothing is left of it in the next.
        load(schema, record(2, id=4))
        assert ids(landed) == [1, 2, 3]
        load(schema, record(3, id=5), activate(3))
        assert ids(landed) == [5]


def test_a_version_that_is_activated_before_its_records_waits_for_them(
    load: Callable[..., list[str]], landed: Landed, tmp_path: Path
) -> None:
    """As taps of the SDK do, whose BATCH messages have no version."""
    schema = schema_message(id={"type": "integer"})
    load(schema, activate(1), record(1, id=1), record(1, id=2))
    assert ids(landed) == [1, 2]
    with pytest.raises(LoadError):
        load(schema, activate(2), record(2, id=3), record(2, id="x"))
    assert ids(landed) == [1, 2]
    load(schema, activate(3), batch(tmp_path / "a", id=[4, 5]), schema, state(1))
    assert ids(landed) == [4, 5]
    # Activated behind its files, of which nobody knows what they replace.
    load(schema, batch(tmp_path / "b", id=[6, 6]), schema, activate(4))
    assert ids(landed) == [4, 5, 6]
    assert not list(tmp_path.glob("[ab]"))
    load(schema, activate(5))
    assert ids(landed) == []


def test_a_number_whose_decimal_places_are_changed(
    load: Callable[..., list[str]], landed: Landed
) -> None:
    def schema(scale: int) -> dict[str, Any]:
        number = {"type": ["number", "null"], "precision": 38, "scale": scale}
        return schema_message(id={"type": "integer"}, size=number)

    load(schema(20), record(id=1, size=12.5))
    before = landed.types("things")["size"]
    load(schema(24), record(id=2, size=7.25))
    assert landed.types("things")["size"] == before
    assert {row["id"]: row["size"] for row in landed.rows("things")} == {1: 12.5, 2: 7.25}
    load(schema(24), record(id=3, size=1.5e-23), record(id=4, size=8))
    sizes = {row["id"]: row["size"] for row in landed.rows("things")}
    assert sizes == {1: "12.5", 2: "7.25", 3: "0.000000000000000000000015", 4: "8"}


@pytest.mark.parametrize("removes_deleted", [False, True])
def test_deleted_records_are_marked_or_removed_in_the_order_of_the_messages(
    load: Callable[..., list[str]], landed: Landed, *, removes_deleted: bool
) -> None:
    moment = {"type": ["null", "string"], "format": "date-time"}
    text: dict[str, Any] = {"type": ["null", "string"]}
    schema = schema_message(id={"type": "integer"}, name=text, _sdc_deleted_at=moment)
    at = "2026-01-02T03:04:05Z"
    load(
        schema,
        *(record(id=each, name="a") for each in (1, 2, 3, 4)),
        record(id=1, _sdc_deleted_at=at),
        record(id=2, _sdc_deleted_at=at),
        record(id=2, name="back"),
        record(id=3, name="whole", _sdc_deleted_at=at),
        record(id=9, _sdc_deleted_at=at),
        removes_deleted=removes_deleted,
    )
    rows = {
        row["id"]: (row["name"], row["_sdc_deleted_at"] is not None)
        for row in landed.rows("things")
    }
    kept = {2: ("back", False), 4: ("a", False)}
    assert rows == kept if removes_deleted else {1: ("a", True), 3: ("whole", True), **kept}


def test_keys_that_are_equal_only_as_their_types_are_one(
    load: Callable[..., list[str]], landed: Landed
) -> None:
    moment = {"type": "string", "format": "date-time"}
    text = {"type": ["null", "string"]}
    load(
        schema_message(("id", "at"), id=text, at=moment, name=text),
        record(id="a", at="2026-01-02T00:00:00Z", name="old"),
        record(id="a\0", at="2026-01-02T01:00:00+01:00", name="new"),
    )
    assert [(row["id"], row["name"]) for row in landed.rows("things")] == [("a", "new")]
    # Fewer columns, by which these rows are the same.
    load(
        schema_message(("id", "at"), id=text, at=moment, name=text),
        record(id="a", at="2026-01-03T00:00:00Z", name="other"),
    )
    with pytest.raises(LoadError, match="does not tell the rows of its table apart"):
        load(schema_message(("id",), id=text, name=text), record(id="a", name="lost"))
    assert len(landed.rows("things")) == 2


def test_a_key_is_compared_as_the_column_that_holds_it(
    load: Callable[..., list[str]], landed: Landed
) -> None:
    text = {"type": ["null", "string"]}
    landed.execute("CREATE TABLE things (id VARCHAR, name VARCHAR)")
    landed.execute("INSERT INTO things VALUES ('1', 'old'), ('01', 'other'), ('x', 'text')")
    load(schema_message(id={"type": "integer"}, name=text), record(id=1, name="new"))
    rows = {row["id"]: row["name"] for row in landed.rows("things")}
    assert rows == {"1": "new", "01": "other", "x": "text"}


@pytest.mark.parametrize("removes_deleted", [False, True])
def test_deleted_records_of_files_are_marked_or_removed(
    load: Callable[..., list[str]], landed: Landed, tmp_path: Path, *, removes_deleted: bool
) -> None:
    moment = {"type": ["null", "string"], "format": "date-time"}
    at = datetime(2026, 1, 2, tzinfo=timezone.utc)
    number, text = {"type": "integer"}, {"type": ["null", "string"]}
    load(
        # Nothing but these columns: a record without a mark is a record.
        schema_message(id=number, _sdc_deleted_at=moment),
        *(record(id=each) for each in (1, 2, 3)),
        batch(tmp_path / "a", id=[1, 2, 2], _sdc_deleted_at=[at, at, None]),
        batch(tmp_path / "b", id=[4, 5], _sdc_deleted_at=[None, at]),
        schema_message(id=number, name=text, _sdc_deleted_at=moment),
        batch(tmp_path / "c", id=[6, 7], name=["f", "g"], _sdc_deleted_at=[None, at]),
        removes_deleted=removes_deleted,
    )
    assert ids(landed) == ([2, 3, 4, 6] if removes_deleted else [1, 2, 3, 4, 6, 7])


def test_broken_files_of_lines_are_named(
    load: Callable[..., list[str]], landed: Landed, tmp_path: Path
) -> None:
    path = tmp_path / "lines"
    whole = gzip.compress(b'{"id": 1}\n' * 1000)
    encoding = {"format": "jsonl", "compression": "gzip"}
    message = {"type": "BATCH", "stream": "things", "encoding": encoding, "manifest": [str(path)]}
    for content, what in (
        (whole[:-9], "Compressed file ended"),
        (gzip.compress(b'{"id": 1}\n{"i'), "Line 2 of .* is not a record, or was cut off"),
        (gzip.compress(b"[1]\n"), "Line 1 of .* is not a record"),
    ):
        path.write_bytes(content)
        with pytest.raises(LoadError, match=what):
            load(schema_message(id={"type": "integer"}), message)
    with pytest.raises(LoadError, match="id is null in a record"):
        load(
            schema_message(id={"type": "integer"}, name={"type": "string"}), batch(path, name=["a"])
        )
    assert landed.rows("things") == []


def test_streams_that_differ_in_case_share_no_table(load: Callable[..., list[str]]) -> None:
    load(schema_message(id={"type": "integer"}), record(id=1))
    with pytest.raises(LoadError, match="things and Things would be loaded into one table"):
        load({**schema_message(id={"type": "integer"}), "stream": "Things"})


def test_a_state_of_others_is_refused(load: Callable[..., list[str]], landed: Landed) -> None:
    load(schema_message(id={"type": "integer"}), record(id=1))
    for change in ("loading = 'no JSON'", "loading = '[]'", "state = '[]'"):
        landed.execute(f"UPDATE _sfbulk_state SET {change}")  # noqa: S608 - of this test
        with pytest.raises(StateError, match=r"The state of things .* delete its row"):
            load(schema_message(id={"type": "integer"}), record(id=1))


@pytest.mark.parametrize(
    ("messages", "message"),
    [
        ([record(id=1)], "before its SCHEMA"),
        ([schema_message(), record(id="x")], "the field id holds 'x'"),
        ([schema_message(), record(id=1), record(name="a")], "id is null in a record"),
        ([schema_message(("nothing",))], "none of its properties"),
        ([{"type": "SCHEMA", "schema": {}}], "A SCHEMA message has no 'stream'"),
        ([{**record(), "record": None}], "of stream 'things' must have an object as its 'record'"),
        ([{**schema_message(), "key_properties": [[""]]}], "must have texts as its 'key_p"),
        ([{"type": ["RECORD"], "record": {}}], "A line is not a Singer message"),
        ([{**schema_message(), "schema": {"properties": ["id"]}}], "an object as its 'properties'"),
        (
            [
                schema_message(),
                {**record(), "type": "BATCH", "manifest": [], "encoding": ["arrow"]},
            ],
            "an object as its 'encoding'",
        ),
        ([schema_message(), record(id=1, name="\ud800")], "the field name holds half a character"),
        ([schema_message(("a\ud800",), **ODD_NAME)], "half a character"),
        ([schema_message(id={"type": 5})], "no JSON schema for id: type is neither"),
        ([schema_message(id={"anyOf": None})], "no JSON schema for id: anyOf is not a list"),
        ([schema_message(id={"type": "string", "format": []})], "format is not a name"),
        ([{**schema_message(), "stream": "_sfbulk_state"}], "begins with _sfbulk_"),
        ([schema_message(id={}, _sfbulk_source={})], "begins with _sfbulk_"),
        ([schema_message(), record(id=True)], "the field id holds 'True'"),
        ([schema_message(), record(id=1, at=5)], "the field at holds '5'"),
        ([schema_message(), record(id=1, day=5)], "the field day holds '5'"),
        ([schema_message(), record(id=1, hour=5)], "the field hour holds '5'"),
        ([schema_message(), record(id=1, price="1_0")], "the field price holds '1_0'"),
        ([schema_message(), activate(True)], "a whole number as its 'version'"),
        ([schema_message(), {**record(id=1), "version": {}}], "a whole number as its 'version'"),
        ([schema_message(), batch_of(5)], "must have texts as its 'manifest'"),
        ([schema_message(), batch_of("http://[")], "cannot be loaded: Invalid IPv6"),
        ([schema_message(), batch_of("file:///a%00b")], "cannot be loaded: embedded null"),
    ],
)
def test_what_cannot_be_loaded_is_said_and_nothing_of_it_lands(
    load: Callable[..., list[str]],
    landed: Landed,
    messages: list[dict[str, Any]],
    message: str,
) -> None:
    with pytest.raises(LoadError, match=message):
        load(*messages)
    assert landed.rows("things") == []


def test_what_other_taps_announce_oddly_is_loaded(
    load: Callable[..., list[str]], landed: Landed
) -> None:
    digits = {"type": "number", "precision": 40, "scale": 2}
    state = {"type": "STATE", "value": {"greatest": float("nan")}}
    written = load(schema_message(id={"type": "integer"}, price=digits, other={"anyOf": [True]}),
                   record(id=1, price=0.25, other=[1]), state)  # fmt: skip
    assert written == ['{"greatest": NaN}']
    assert landed.rows("things") == [{"id": 1, "price": Decimal("0.25"), "other": "[1]"}]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("no JSON", "not a Singer message: 'no JSON"),
        (f'{{"type":"STATE","value":{"[" * 99_999}', "not a Singer message: '{"),
        # Written out, it would fill the memory.
        (
            '{"type":"RECORD","stream":"things","record":{"id":1e999999999}}',
            "the field id holds '1E+999999999'",
        ),
    ],
)
def test_what_is_no_message_ends_the_load(loader: Loader, line: str, message: str) -> None:
    run = loader(None, "--from-singer", stdin=f"{lines(schema_message())}{line}\n")
    assert run.exit_code == 1
    assert message in run.stderr
    assert "Traceback" not in run.stderr


def test_keys_of_any_form_tell_records_apart(
    load: Callable[..., list[str]], landed: Landed
) -> None:
    anything = {"type": ["integer", "boolean", "object", "array"], "description": ["no text"]}
    keys = [1, True, 1.5, {"a": 1}, {"a": 2}, [1], {"a": 1}]
    load(schema_message(("id", "id"), id=anything), *(record(id=key) for key in keys))
    landed_keys = sorted(row["id"] for row in landed.rows("things"))
    assert landed_keys == ["1", "1.5", "[1]", "true", '{"a": 1}', '{"a": 2}']


@pytest.mark.parametrize("removes_deleted", [False, True])
def test_marks_that_were_not_announced_are_no_records(
    load: Callable[..., list[str]], landed: Landed, tmp_path: Path, *, removes_deleted: bool
) -> None:
    at = datetime(2026, 1, 2, tzinfo=timezone.utc)
    schema = schema_message(id={"type": "integer"}, name={"type": ["null", "string"]})
    path = tmp_path / "lines"
    path.write_text('{"id": 3, "_sdc_deleted_at": "2026-01-02T00:00:00Z"}\n', encoding="utf-8")
    load(
        schema,
        *(record(id=number, name="a") for number in (1, 2, 3, 4)),
        record(id=1, _sdc_deleted_at="2026-01-02T00:00:00Z"),
        batch(tmp_path / "arrow", id=[2], _sdc_deleted_at=[at]),
        batch_of(str(path)),
        removes_deleted=removes_deleted,
    )
    rows = {row["id"]: (row["name"], row["_sdc_deleted_at"]) for row in landed.rows("things")}
    deleted = {} if removes_deleted else dict.fromkeys((1, 2, 3), ("a", at))
    assert rows == {**deleted, 4: ("a", None)}


def test_what_is_not_kept_of_numbers_and_files_is_said(
    load: Callable[..., list[str]],
    landed: Landed,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    price = {"type": "number", "precision": 10, "scale": 2}
    more = batch(tmp_path / "arrow", id=[2], more=[1])
    load(schema_message(id={"type": "integer"}, price=price), record(id=1, price=0.125), more)
    assert "Stream things: Rounded 1 value of price to 2 digits" in caplog.text
    assert "Stream things: its records have more, which" in caplog.text
    assert [row["price"] for row in landed.rows("things")] == [Decimal("0.12"), None]


def test_records_are_handed_on_before_they_fill_the_memory(
    load: Callable[..., list[str]], landed: Landed, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    held: list[int] = []

    def gather(stream: str, records: Any, types: Any) -> pa.Table:
        held.append(sum(len(each["name"]) for each in records))
        return records_as_arrow(stream, records, types)

    monkeypatch.setattr(singer_stream, "records_as_arrow", gather)
    for module in (singer_load, singer_batches):
        monkeypatch.setattr(module, "BYTES_AT_A_TIME", 100_000)
    schema = schema_message(id={"type": "integer"}, name={"type": "string"})
    path = tmp_path / "lines"
    records: list[dict[str, Any]]
    records = [{"id": number, "name": "n" * 9_000} for number in range(40)]
    path.write_text("".join(f"{json.dumps(each)}\n" for each in records), encoding="utf-8")
    load(schema, *(record(**each) for each in records), batch_of(str(path)))
    assert max(held) < 120_000
    assert ids(landed) == list(range(40))


def test_a_signal_ends_a_load_of_messages_after_what_has_come_is_committed(
    loader: Loader, landed: Landed, tmp_path: Path
) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    process = loader.start(None, "--from-singer", stdin=pipe)
    with pipe.open("w", encoding="utf-8") as stdin:
        # A warning says when the record has come.
        stdin.write(lines(schema_message(), state({"a": 1}), record(id=1, more=1)))
        stdin.flush()
        process.wait_until(lambda: "its records have more" in process.stderr)
        process.send_signal(signal.SIGTERM)
        run = process.end()
    assert run.exit_code == 128 + signal.SIGTERM, run.stderr
    assert run.stdout == '{"a": 1}\n'
    assert "Traceback" not in run.stderr
    assert ids(landed) == [1]
