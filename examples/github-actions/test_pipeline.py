"""Tests of a pipeline against a Salesforce that misbehaves. Put your own in place of `pipeline`."""

import json
import os
import subprocess

from sfbulk_sandbox import SandboxServer


def pipeline(server: SandboxServer) -> tuple[int, list[str]]:
    """Run what is tested; return its exit code and the Ids that have arrived."""
    settings = {
        "TAP_SFBULK_PAGES_INSTANCE_URL": server.url,
        "TAP_SFBULK_PAGES_ACCESS_TOKEN": "any",
        "TAP_SFBULK_PAGES_OBJECTS": '["Account"]',
    }
    run = subprocess.run(
        ["tap-sfbulk-pages", "--config=ENV"],
        env={**os.environ, **settings},
        stdout=subprocess.PIPE,
        check=False,
    )
    messages = map(json.loads, run.stdout.splitlines())
    return run.returncode, [m["record"]["Id"] for m in messages if m["type"] == "RECORD"]


def test_every_account_arrives_once_though_a_page_breaks_off() -> None:
    with SandboxServer({"rows": {"Account": 300}, "page_rows": 100}) as server:
        server.add_fault(place="page", kind="cut", match={"page": 2})
        code, ids = pipeline(server)
    assert code == 0
    assert len(set(ids)) == len(ids) == 300


def test_a_job_that_fails_is_noticed() -> None:
    with SandboxServer({"rows": {"Account": 300}}) as server:
        server.add_fault(place="poll", kind="job_failed")
        code, ids = pipeline(server)
    assert code != 0
    assert ids == []
