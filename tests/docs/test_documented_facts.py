"""What the reference pages say of exit codes and of the state, against runs of the tap."""

from __future__ import annotations

import re
import signal
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tap_process import config_for, metadata_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fixture_types import StartSandbox
    from tap_process import Tap


DOCS = Path(__file__).parents[2] / "docs"
SMALL = {"rows": {"Account": 58}, "page_rows": 4}


def rows_of(page: str) -> list[list[str]]:
    """Return the cells of a page's table, without its head."""
    text = (DOCS / page).read_text(encoding="utf-8")
    lines = re.findall(r"^\| (.*) \|$", text, re.MULTILINE)
    return [line.split(" | ") for line in lines[1:]]


def test_exit_codes_of_the_tap(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox(**SMALL)
    good = config_for(server, "Account")
    seen = {
        tap(good).exit_code,
        tap({**good, "max_retries": 0}).exit_code,
        tap(good, "--no-such-option").exit_code,
        target_that_dies(tap, good),
    }
    for number in (signal.SIGINT, signal.SIGTERM):
        running = tap.start(good)
        running.read_states(2)
        running.kill(number)
        seen.add(running.end().exit_code)
    documented = {int(code) for code, of, _ in rows_of("exit-codes.md") if of == "tap"}
    assert seen == documented == {0, 1, 2, 74, 130, 143}


def target_that_dies(tap: Tap, config: Mapping[str, Any]) -> int:
    """Return the exit code of a run whose target closes its input."""
    running = tap.start(config)
    running.read_states(1)
    running.close_pipe()
    return running.end().exit_code


def test_keys_of_the_state(tap: Tap, start_sandbox: StartSandbox) -> None:
    through_rest = start_sandbox(**SMALL, query_rows=2)
    through_rest.add_fault(
        place="create",
        kind="status",
        status=400,
        error_code="INVALIDENTITY",
        message="Entity 'Account' is not supported by the Bulk API.",
    )
    in_ranges = start_sandbox(**SMALL, record_counts={"Account": 11_000_000})
    settings = {"track_hard_deletes": True, "refresh_formula_fields": "P7D"}
    seen: set[str] = set()
    for server, sobject in (
        (start_sandbox(**SMALL), "Invoice__c"),
        (through_rest, "Account"),
        (in_ranges, "Account"),
    ):
        config = config_for(server, sobject, **settings)
        running = tap.start(config)
        running.read_states(4)
        running.kill(signal.SIGKILL)
        killed = running.end()
        for run in (killed, tap(config, state=killed.state)):
            for state in run.states:
                seen |= keys_of(state["bookmarks"].get(sobject, {}))
    server = start_sandbox(**SMALL)
    token = "00D5g000008Kf2Z!token"
    config = config_for(
        server, "Invoice__c", emit_activate_version_messages=True, access_token=token
    )
    catalog = tap.catalog(config)
    (entry,) = catalog["streams"]
    entry["replication_method"] = "FULL_TABLE"
    metadata_of(entry)[()]["forced-replication-method"] = "FULL_TABLE"
    for state in tap(config, catalog=catalog).states:
        seen |= keys_of(state["bookmarks"].get("Invoice__c", {}))
    (job,) = server.jobs
    given = tap(config_for(server, "Lead", jobs=[{"name": "given", "id": job.id}]))
    # What is in it stands in its row.
    seen |= set(given.bookmark("given"))
    documented = {key.strip("`") for key, _ in rows_of("state.md")}
    assert seen == documented


def keys_of(state: Mapping[str, Any], before: str = "") -> set[str]:
    found = set()
    for key, value in state.items():
        found.add(before + key)
        if isinstance(value, dict):
            found |= keys_of(value, f"{before}{key}.")
    return found
