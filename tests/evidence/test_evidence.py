"""What `sfbulk-evidence` writes: the shape of an org's replies, and nothing of the org."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest
from tap_process import config_for

from tap_sfbulk_pages.evidence import interview
from tap_sfbulk_pages.evidence.answers import answer_questions
from tap_sfbulk_pages.evidence.calls import OrgCalls
from tap_sfbulk_pages.evidence.interview import Interview, Observation
from tap_sfbulk_pages.settings import check_config

if TYPE_CHECKING:
    from pathlib import Path

    from command_process import CommandServer
    from fixture_types import StartSandbox

    from sfbulk_sandbox import SandboxServer

CANARY = "Canary7f"
AS_AN_ORG = {"rows": {"User": 40}, "polls_until_complete": 2}
UNLIKE_THE_SANDBOX = {"reply_form": "documented", "empty_result_links": 0}


def values_of(server: SandboxServer) -> set[str]:
    """Return what the org's users are called and known by."""
    soql = "SELECT Id, Username, Name, Email, Alias, CreatedDate FROM User"
    result = server.org.query(soql, include_deleted=True, bulk=True)
    lines = result.csv(0, len(result), delimiter=",", line_ending="\n", header=False).decode()
    return {cell.strip('"') for line in lines.splitlines() for cell in line.split('","')} - {""}


def test_of_an_org_nothing_but_shapes_is_written_and_compared(
    commands: CommandServer, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(
        **AS_AN_ORG,
        **UNLIKE_THE_SANDBOX,
        objects={
            f"{CANARY}__c": {
                "label": f"{CANARY} label",
                "fields": {f"{CANARY}__c": {"type": "picklist", "values": [CANARY]}},
            },
            "User": {"fields": {f"{CANARY}_too__c": {"type": "string", "label": CANARY}}},
        },
        credentials={
            "client_id": f"3MVG9{CANARY}",
            "client_secret": f"{CANARY}secret",
            "username": f"{CANARY}@acme.example",
        },
    )
    config = tmp_path / "config.json"
    settings = {
        "instance_url": server.url,
        "client_id": f"3MVG9{CANARY}",
        "client_secret": f"{CANARY}secret",
    }
    config.write_text(json.dumps(settings), encoding="utf-8")
    output = tmp_path / "evidence.json"

    unasked = commands(
        tmp_path, "sfbulk-evidence", "--config", str(config), "--output", str(output)
    )
    assert unasked.exit_code == 2
    assert "--yes" in unasked.stderr
    assert not server.calls
    assert not output.exists()
    run = commands(
        tmp_path, "sfbulk-evidence", "--config", str(config), "--output", str(output), "--yes"
    )
    assert run.exit_code == 0, run.stderr
    text = output.read_text(encoding="utf-8")
    assert run.stdout == text

    assert CANARY.lower() not in text.lower()
    assert server.url.removeprefix("http://") not in text
    found = {value for value in values_of(server) if len(value) > 3 and value in text}
    assert found == set()
    assert list(server.jobs) == []

    replies = json.loads(text)["replies"]
    assert replies["result pages"]["body"]["resultPages"] == [
        {"resultUrl": "link /services/data/v<version>/jobs/query/<id>/results?locator=<value>"}
    ]
    assert replies["unfinished job: results"]["status"] == 204
    assert replies["results"]["headers"]["Sforce-NumberOfRecords"] == "20"
    assert replies["job with CRLF: results"]["body"]["line ends"] == "CRLF"
    assert replies["job: unknown field"]["body"][0]["errorCode"] == "'INVALID_FIELD'"
    assert json.loads(text)["answers"]["How many links has an empty job?"] == "0"

    # What an org could not tell is no difference.
    evidence = json.loads(text)
    evidence["answers"]["What does a wrong locator answer?"] = "unknown: nobody knows"
    evidence["answers"]["Are result pages offered for a finished job?"] = "not asked"
    del evidence["replies"]["results: wrong locator"]
    output.write_text(json.dumps(evidence), encoding="utf-8")
    compared = commands(tmp_path, "sfbulk-evidence", "--compare", str(output))
    assert compared.exit_code == 0, compared.stderr
    places = {line.partition(": the org has")[0] for line in compared.stdout.splitlines()}
    assert "result pages: body.resultPages[].resultUrl" in places
    assert "How many links has an empty job?" in places
    # Where they answer alike, nothing is said.
    assert not any(place.startswith(("job", "results", "limits")) for place in places)
    assert "What does a wrong locator answer?" not in places
    assert "Are result pages offered for a finished job?" not in places


def poison(value: Any) -> Any:
    """Put the canary wherever an org might put a value: strings, and keys that are names."""
    if isinstance(value, dict):
        return {
            **{key: poison(each) for key, each in value.items()},
            CANARY: CANARY,
            f"{CANARY} App": {"Max": 1},
        }
    if isinstance(value, list):
        return [poison(each) for each in value]
    return f"{value} {CANARY}" if isinstance(value, str) else value


def poison_reply(observation: Observation) -> Observation:
    reply = observation.reply
    headers = {name: f"{text}; {CANARY}" for name, text in reply.headers.items()}
    body = reply.body
    if reply.json is not None:
        body = json.dumps(poison(reply.json)).encode()
    elif body:
        body = "\n".join(f'"{CANARY}",{line}' for line in body.decode().splitlines()).encode()
    poisoned = replace(
        reply, headers={**headers, f"X-{CANARY}": CANARY}, body=body, json=poison(reply.json)
    )
    return replace(observation, reply=poisoned)


def test_no_value_survives_wherever_it_stands(
    start_sandbox: StartSandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(interview, "FIRST_POLL_SECONDS", 0.02)
    server = start_sandbox(**AS_AN_ORG, page_rows=30)
    call = OrgCalls(check_config(config_for(server)), pytest.fail)
    body = {"operation": "query", "query": "SELECT Id FROM Account"}
    large = call("POST", "/jobs/query", api_version="61.0", json=body).json["id"]
    for _ in range(3):
        call("GET", f"/jobs/query/{large}", api_version="61.0")
    seen = Interview(call, "62.0", large).hold()
    answers = answer_questions(seen)
    assert answers["How many links has the first list of a large job?"] == "5"
    assert answers["About how many records has a page of a large job?"] == "30"
    assert answers["Does the second link of a large job lead to where the results go on?"] == "yes"
    poisoned = {name: poison_reply(each) for name, each in seen.items()}
    shapes = {name: each.shape() for name, each in poisoned.items()}
    text = json.dumps([shapes, answer_questions(poisoned)])
    assert CANARY.lower() not in text.lower()
    # The replies themselves would have told.
    assert all(CANARY.encode() in each.reply.body for each in poisoned.values() if each.reply.body)
    assert "Selecting compound data not supported in Bulk Query" in text


def test_a_job_that_is_refused_is_an_error_in_words(
    commands: CommandServer, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(**AS_AN_ORG)
    server.add_fault(place="create", kind="status", status=403)
    config, output = tmp_path / "config.json", tmp_path / "evidence.json"
    config.write_text(json.dumps(config_for(server)), encoding="utf-8")
    run = commands(
        tmp_path, "sfbulk-evidence", "--config", str(config), "--output", str(output), "--yes"
    )
    assert run.exit_code == 1
    assert run.stderr.startswith("Error: No query job could be created on User (403)")
    assert "Traceback" not in run.stderr
    assert not output.exists()
