"""`meltano run` with this project's `meltano.yml`."""

from __future__ import annotations

import json
import runpy
from typing import TYPE_CHECKING

import pytest
from databases import assert_holds
from meltano_project import Death
from salesforce_data import expected_records
from target_programs import ROOT

if TYPE_CHECKING:
    from databases import Database
    from fixture_types import StartSandbox
    from meltano_project import MeltanoProject

    from sfbulk_sandbox import SandboxServer

PAGE_ROWS = 20
SMALL = {"rows": {"Account": 230, "Opportunity": 150}, "page_rows": PAGE_ROWS}
STREAMS = ["Account", "Opportunity"]


# Replies in all their forms, and kills in front of both databases, are in `test_tap_to_target.py`.
# Here is what Meltano adds, with each target once.
@pytest.mark.parametrize("database", ["duckdb"], indirect=True)
def test_a_run_loads_the_data_of_the_sandbox(
    meltano: MeltanoProject, start_sandbox: StartSandbox, database: Database
) -> None:
    server = start_sandbox(**SMALL)
    good, log = meltano.run(server, STREAMS, database)
    assert good, log
    for stream in STREAMS:
        assert_holds(database, server, stream)


@pytest.mark.parametrize("database", ["postgres"], indirect=True)
def test_a_killed_run_goes_on_and_the_next_one_is_incremental(
    meltano: MeltanoProject, start_sandbox: StartSandbox, database: Database
) -> None:
    server = start_sandbox(**SMALL)
    good, _ = meltano.run(server, ["Account"], database, death=Death("tap", 3))
    assert not good
    pages_done = meltano.records_before_death() // PAGE_ROWS
    assert pages_done >= 1

    # Records are in the database before the state that tells of them, which comes at the end.
    database.config["batch_size_rows"] = 7
    good, _ = meltano.run(server, ["Account"], database, death=Death("target", 4))
    assert not good
    loaded = len(database.rows("Account")) - pages_done * PAGE_ROWS
    assert 0 < loaded <= meltano.records_before_death() < 230 - pages_done * PAGE_ROWS
    fetched = len(pages_fetched(server))

    good, log = meltano.run(server, ["Account"], database)
    assert good, log
    assert_holds(database, server, "Account")
    assert jobs_created(server) == 1
    after = pages_fetched(server)[fetched:]
    assert len(after) == len(set(after)) == -(-230 // PAGE_ROWS) - pages_done

    first, *_ = expected_records(server, "Account")
    server.org.upsert("Account", [{"Id": first["Id"], "Name": "changed"}, {"Name": "new"}])
    good, log = meltano.run(server, ["Account"], database)
    assert good, log
    assert_holds(database, server, "Account")
    assert jobs_created(server) == 2
    # The two, and the last one of before: all of that is one page.
    assert len(pages_fetched(server)) == fetched + len(after) + 1


@pytest.mark.parametrize("database", ["jsonl"], indirect=True)
@pytest.mark.parametrize("option", ["--full-refresh", "--state-strategy=merge"])
def test_merged_states_bring_no_finished_job_back(
    meltano: MeltanoProject,
    start_sandbox: StartSandbox,
    database: Database,
    option: str,
) -> None:
    """Meltano merges what the run says into the state that it has kept."""
    server = start_sandbox(**SMALL)
    environment = {
        "TAP_SFBULK_PAGES__METADATA": json.dumps({"Account": {"replication-method": "FULL_TABLE"}})
    }

    def run(*given: str, death: Death | None = None) -> tuple[bool, str]:
        return meltano.run(
            server, ["Account"], database, *given, death=death, environment=environment
        )

    # Leaves a state in the middle of a job.
    good, _ = run(death=Death("tap", 4))
    assert not good
    good, log = run(option)
    assert good, log
    (new,) = server.org.upsert("Account", [{"Name": "new"}])
    good, log = run(*([option] if "merge" in option else []))
    assert good, log
    assert new in {row["Id"] for row in database.rows("Account")}
    assert_holds(database, server, "Account")


def pages_fetched(server: SandboxServer) -> list[str]:
    return [each.path for each in server.calls if each.place == "page"]


def jobs_created(server: SandboxServer) -> int:
    return [each.place for each in server.calls].count("create")


def test_the_settings_of_the_extractor_are_those_of_the_tap() -> None:
    script = runpy.run_path(str(ROOT / "scripts/meltano_settings.py"))
    written = (ROOT / "meltano.yml").read_text(encoding="utf-8")
    assert script["rewritten"](written) == written, "run scripts/meltano_settings.py"
