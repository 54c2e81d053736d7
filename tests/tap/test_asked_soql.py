"""The SOQL of every kind of stream, to the letter, as the release wrote it (`asked_soql.yaml`).

A saved job is recognized by a fingerprint of this text. Where the text differs by a space, each job
in each saved state seems to answer another query, and is run again from its start.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs, urlsplit

import pytest
import requests
import yaml
from salesforce_data import fields_of
from tap_process import config_for, metadata_of, select_fields

from tap_sfbulk_pages.workers.options import JobOptions

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fixture_types import StartSandbox
    from tap_process import Tap, TapRun

    from sfbulk_sandbox import SandboxServer

ROWS = {
    "Account": 8,
    "AccountShare": 5,
    "Attachment": 2,
    "Contact": 5,
    "Invoice__c": 5,
    "LoginHistory": 4,
    "Opportunity": 5,
    "User": 3,
}
GOLDEN = yaml.safe_load(Path(__file__).with_name("asked_soql.yaml").read_text(encoding="utf-8"))


def asked_of(server: SandboxServer) -> list[str]:
    """List `operation SOQL` of each job and each query through REST, sorted."""
    asked = [f"{job.operation} {job.soql}" for job in server.jobs]
    for call in server.calls:
        url = urlsplit(call.path)
        if call.place == "query" and (text := parse_qs(url.query).get("q")):
            asked.append(f"{url.path.rsplit('/')[-1]} {text[0]}")
    return sorted(asked)


def run_case(case: Mapping[str, Any], tap: Tap, server: SandboxServer) -> TapRun:
    """Run the tap with the catalog, settings and state of a case."""
    query, sobject = case.get("query"), case["sobject"]
    stream = query["name"] if query else sobject
    queries = {"queries": [query]} if query else {}
    offered = ["Empty__c"] if query else [sobject]
    config = config_for(server, *offered, **queries, **case.get("settings", {}))
    catalog = tap.catalog(config)
    (entry,) = (each for each in catalog["streams"] if each["stream"] == stream)
    catalog["streams"] = [entry]
    metadata = metadata_of(entry)[()]
    metadata["selected"] = True
    if fields := case.get("fields"):
        select_fields(entry, fields)
    if key := case.get("key"):
        entry["replication_key"] = metadata["replication-key"] = key
    if method := case.get("method"):
        entry["replication_method"] = metadata["forced-replication-method"] = method
    state = {"bookmarks": {stream: case.get("state", {})}}
    run = tap(config, *case.get("arguments", ()), catalog=catalog, state=state)
    assert run.exit_code == 0, run.stderr
    return run


@pytest.mark.parametrize("case", GOLDEN["streams"], ids=lambda case: case["what"])
def test_what_a_stream_asks(tap: Tap, start_sandbox: StartSandbox, case: dict[str, Any]) -> None:
    server = start_sandbox(rows=ROWS, record_counts=case.get("record_counts", {}))
    run_case(case, tap, server)
    every = ", ".join(fields_of(server, case["sobject"]))
    assert asked_of(server) == [asked.replace("*", every) for asked in case["asked"]]


@pytest.mark.usefixtures("worker_environment")
@pytest.mark.parametrize("case", GOLDEN["workers"], ids=lambda case: case["what"])
def test_what_workers_ask(start_sandbox: StartSandbox, case: dict[str, Any]) -> None:
    server = start_sandbox(rows=ROWS)
    options = JobOptions.parse({"instance_url": server.url, **case["options"]})
    options.job(list(options.properties()), case.get("conditions", ()))
    every = ", ".join(fields_of(server, case["options"].get("object", "Account")))
    assert asked_of(server) == [asked.replace("*", every) for asked in case["asked"]]


@pytest.mark.parametrize("case", GOLDEN["saved"], ids=lambda case: case["what"])
def test_a_job_that_the_released_tap_saved_is_read_on(
    tap: Tap, start_sandbox: StartSandbox, case: dict[str, Any]
) -> None:
    """The fingerprints are those that the release wrote, not computed here."""
    server = start_sandbox(rows=ROWS)
    text = json.dumps(case["state"])
    for place, asked in enumerate(case["jobs"]):
        operation, _, soql = asked.partition(" ")
        job = requests.post(
            f"{server.url}/services/data/v60.0/jobs/query",
            json={"operation": operation, "query": soql},
            headers={"Authorization": "Bearer 00D!token"},
            timeout=60,
        )
        text = text.replace(f"JOB {place}", job.json()["id"])
    before = len(asked_of(server))
    run = run_case({**case, "state": json.loads(text)}, tap, server)
    assert len(asked_of(server)) == before
    stream = case["query"]["name"] if "query" in case else case["sobject"]
    assert len(run.records(stream)) == case["records"]
