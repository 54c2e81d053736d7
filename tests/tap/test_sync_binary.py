"""Binary fields, on demand: the very bytes as base64, a size limit, and every usual failure."""

from __future__ import annotations

import base64
import json
import signal
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import unquote, urlsplit

import pytest
from salesforce_data import assert_same_records, expected_records
from tap_process import config_for, metadata_of

from tap_sfbulk_pages.errors import UnavailableError
from tap_sfbulk_pages.reading.page import NothingToRead
from tap_sfbulk_pages.reading.wrappers.with_binary_fields import WithBinaryFields, _Value

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

ROWS = 12
SMALL = {"rows": {"Attachment": ROWS, "ContentVersion": ROWS, "Account": 20}, "page_rows": 5}
FIELDS = {"Attachment": "Body", "ContentVersion": "VersionData", "Everything__c": "Binary__c"}


def config_of(server: SandboxServer, *objects: str, **settings: Any) -> dict[str, Any]:
    return config_for(server, *objects, **{"include_blobs": True, **settings})


def with_content(
    server: SandboxServer, sobject: str, **changed: str | None
) -> list[dict[str, Any]]:
    """Return the records that a stream must have, content included.

    Args:
        server: Where they are.
        sobject: What is read.
        changed: Content other than the sandbox's, by record.
    """
    name = FIELDS[sobject]
    records = expected_records(server, sobject)
    for record in records:
        content = server.org.blob(sobject, record["Id"], name)
        text = base64.b64encode(content).decode() if content else None
        record[name] = changed.get(record["Id"], text)
    return records


def blob_calls(server: SandboxServer, since: int = 0) -> list[str]:
    return [each.path for each in server.calls[since:] if each.place == "blob"]


def add_body(server: SandboxServer, size: int) -> str:
    """Add an attachment of so many bytes; return its Id."""
    body = base64.b64encode(bytes(size)).decode()
    record = {"Name": "large", "Body": body, "BodyLength": size}
    (record_id,) = server.org.upsert("Attachment", [record])
    return record_id


@pytest.mark.parametrize("sobject", FIELDS)
@pytest.mark.parametrize("maps", [False, True], ids=["blocks", "rows"])
def test_the_bytes_arrive_as_base64(
    tap: Tap, start_sandbox: StartSandbox, sobject: str, *, maps: bool
) -> None:
    server = start_sandbox(rows={sobject: ROWS}, page_rows=5)
    stream_maps = {sobject: {FIELDS[sobject]: f"self and str({FIELDS[sobject]})"}} if maps else {}
    run = tap(config_of(server, sobject, stream_maps=stream_maps))
    assert run.exit_code == 0, run.stderr
    if not maps:
        assert_same_records(run.records(sobject), with_content(server, sobject))
    expected = {each["Id"]: each[FIELDS[sobject]] for each in with_content(server, sobject)}
    assert {each["Id"]: each[FIELDS[sobject]] for each in run.records(sobject)} == expected
    assert any(expected.values())
    schema = run.schema(sobject)["schema"]["properties"][FIELDS[sobject]]
    if not maps:
        assert schema["type"] == ["string", "null"]
        assert schema["contentEncoding"] == "base64"
    assert len(blob_calls(server)) == ROWS


def test_a_record_that_is_deleted_has_no_content(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    gone = expected_records(server, "Attachment")[0]["Id"]
    server.org.delete("Attachment", [gone])
    run = tap(config_of(server, "Attachment"))
    assert run.exit_code == 0, run.stderr
    records = with_content(server, "Attachment")
    assert_same_records(run.records("Attachment"), records)
    assert {each["Id"]: each["Body"] for each in records}[gone] is None
    assert "Attachment: Salesforce has no content for 1 record (" in run.stderr
    assert gone in run.stderr


def test_the_setting_decides_not_the_catalog(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    with_it = tap.catalog(config_of(server, "Attachment"))
    without = tap.catalog(config_for(server, "Attachment"))
    for catalog, inclusion in ((with_it, "available"), (without, "unsupported")):
        metadata = metadata_of(catalog["streams"][0])
        assert metadata["properties", "Body"]["inclusion"] == inclusion
    metadata_of(with_it["streams"][0])["properties", "Body"]["selected"] = True
    run = tap(config_for(server, "Attachment"), catalog=with_it)
    assert run.exit_code == 0, run.stderr
    assert "no query job returns the fields Body" in run.stderr
    assert "include_blobs" in run.stderr
    assert_same_records(run.records("Attachment"), expected_records(server, "Attachment"))
    assert blob_calls(server) == []
    run = tap(config_of(server, "Attachment"), catalog=without)
    assert_same_records(run.records("Attachment"), with_content(server, "Attachment"))


def test_content_that_is_not_selected_is_not_asked_for(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox(**SMALL)
    catalog = tap.catalog(config_of(server, "Attachment"))
    metadata_of(catalog["streams"][0])["properties", "Body"]["selected"] = False
    run = tap(config_of(server, "Attachment"), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Attachment"), expected_records(server, "Attachment"))
    assert blob_calls(server) == []


@pytest.mark.parametrize("is_told", [True, False], ids=["told by the record", "found out"])
def test_content_beyond_the_limit_is_null_with_a_warning(
    tap: Tap, start_sandbox: StartSandbox, *, is_told: bool
) -> None:
    server = start_sandbox(**SMALL)
    large, just = add_body(server, 20_001), add_body(server, 20_000)
    catalog = tap.catalog(config_of(server, "Attachment"))
    if not is_told:
        metadata_of(catalog["streams"][0])["properties", "BodyLength"]["selected"] = False
    run = tap(config_of(server, "Attachment", max_blob_mb=0.02), catalog=catalog)
    assert run.exit_code == 0, run.stderr
    bodies = {each["Id"]: each["Body"] for each in run.records("Attachment")}
    expected = with_content(server, "Attachment", **{large: None})
    assert bodies == {each["Id"]: each["Body"] for each in expected}
    assert len(bodies[just]) > 20_000
    size = "20,001" if is_told else "more than 20,000"
    assert f"Attachment {large}: Body holds {size} bytes, and max_blob_mb allows" in run.stderr
    assert any(large in path for path in blob_calls(server)) != is_told
    assert run.stderr.count("max_blob_mb") == 1


def test_a_page_of_large_contents(tap: Tap, start_sandbox: StartSandbox, tmp_path: Path) -> None:
    server = start_sandbox(rows={"Attachment": 3})
    for size in (5_000_000, 4_000_000, 6_000_000):
        add_body(server, size)
    config = config_of(server, "Attachment")
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Attachment"), with_content(server, "Attachment"))
    batches = {"encoding": {"format": "jsonl", "compression": "none"}}
    config["batch_config"] = {**batches, "storage": {"root": tmp_path.as_uri()}}
    run = tap(config)
    assert run.exit_code == 0, run.stderr
    manifests = [message["manifest"] for message in run.messages if message["type"] == "BATCH"]
    lines = [
        line
        for manifest in manifests
        for address in manifest
        for line in Path(unquote(urlsplit(address).path)).read_text("utf-8").splitlines()
    ]
    assert_same_records(list(map(json.loads, lines)), with_content(server, "Attachment"))


@pytest.mark.parametrize(
    "fault",
    [
        {"kind": "status", "status": 503, "headers": {"Retry-After": "0"}},
        {"kind": "html"},
        {"kind": "cut"},
        {"kind": "reset"},
        {"kind": "expire_tokens"},
    ],
    ids=lambda fault: fault["kind"],
)
def test_content_is_asked_for_again(
    tap: Tap, start_sandbox: StartSandbox, fault: Mapping[str, Any]
) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="blob", first=2, **fault)
    signed_in = {"access_token": None, "client_id": "id", "client_secret": "secret"}
    run = tap(config_of(server, "Attachment", **signed_in))
    assert run.exit_code == 0, run.stderr
    assert_same_records(run.records("Attachment"), with_content(server, "Attachment"))


def test_content_that_cannot_be_had_fails_its_stream(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    server.add_fault(place="blob", kind="status", status=403, first=8)
    run = tap(config_of(server, "Attachment", "Account"))
    assert run.exit_code == 1
    assert "Failed: Attachment: GET /services/data/v67.0/sobjects/Attachment/" in run.stderr
    assert "403 INSUFFICIENT_ACCESS" in run.stderr
    assert_same_records(run.records("Account"), expected_records(server, "Account"))
    second = tap(config_of(server, "Attachment"), state=run.state)
    assert_whole(server, run, second)


def assert_whole(server: SandboxServer, *runs: TapRun) -> None:
    assert runs[-1].exit_code == 0, runs[-1].stderr
    records = {record["Id"]: record for run in runs for record in run.records("Attachment")}
    assert_same_records(list(records.values()), with_content(server, "Attachment"))


def test_killed_and_resumed(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    running = tap.start(config_of(server, "Attachment"))
    running.read_states(3)
    running.kill(signal.SIGKILL)
    first = running.end()
    since = len(server.calls)
    second = tap(config_of(server, "Attachment"), state=first.state)
    assert_whole(server, first, second)
    done = first.bookmark("Attachment")["query_job"]["records_done"]
    assert done
    assert len(blob_calls(server, since)) == ROWS - done


def test_content_of_what_is_read_through_rest(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, query_rows=5)
    refusal = {
        "error_code": "INVALIDENTITY",
        "message": "Entity 'Attachment' is not supported by the Bulk API.",
    }
    server.add_fault(place="create", kind="status", status=400, **refusal)
    run = tap(config_of(server, "Attachment"))
    assert_whole(server, run)
    assert len([each for each in server.calls if each.place == "query"]) == 3


def test_the_daily_calls_are_kept_for_others(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL, daily_api_requests={"max": 100})
    run = tap(config_of(server, "Attachment", quota_percent_per_run=15))
    assert run.exit_code == 1
    assert "quota_percent_per_run" in run.stderr
    assert len(server.calls) <= 15
    second = tap(config_of(server, "Attachment", quota_percent_per_run=100), state=run.state)
    assert_whole(server, run, second)


def test_content_whose_end_is_told_by_nothing_else_is_held_against_its_size() -> None:
    def call(*_: object, read: Callable[..., str | None], **__: object) -> str | None:
        return read(SimpleNamespace(headers={}), [b"half"])

    settings = SimpleNamespace(max_blob_bytes=100)
    client = SimpleNamespace(call=call)
    org = SimpleNamespace(client=client, api_version="67.0", settings=settings)
    reading = WithBinaryFields(
        NothingToRead(),
        cast("Any", SimpleNamespace(org=org)),
        sobject="Attachment",
        fields=["Body"],
    )
    assert reading._fetch(_Value("00P", "Body", 4.0)) == base64.b64encode(b"half").decode()
    with pytest.raises(UnavailableError, match="arrived incomplete"):
        reading._fetch(_Value("00P", "Body", 8.0))
