"""The job that the demo runs: result pages as Arrow through Meltano into DuckDB."""

from __future__ import annotations

import shutil
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import duckdb
from programs import run_program
from salesforce_data import expected_records
from target_programs import LONGEST_RUN_SECONDS, ROOT

if TYPE_CHECKING:
    from databases import Database
    from fixture_types import StartSandbox
    from meltano_project import MeltanoProject
    from target_programs import TargetPrograms


class LoadedDuckDB:
    """A DuckDB file that the loader is given by Meltano's settings."""

    target = "sfbulk-load"

    def __init__(self, path: Path) -> None:
        self._path = path
        self.config: dict[str, Any] = {"into": f"duckdb:///{path}"}

    def names(self) -> list[str]:
        """Return the names of the accounts, ordered."""
        with duckdb.connect(str(self._path), read_only=True) as connection:
            rows = connection.execute('SELECT "Name" FROM salesforce."Account"').fetchall()
        return sorted(name for (name,) in rows)


def test_the_demo_loads_again_and_again_and_shows_what_is_in_the_database(
    meltano: MeltanoProject, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(rows={"Account": 230, "Opportunity": 150}, page_rows=20)
    path = tmp_path / "warehouse.duckdb"
    loaded = LoadedDuckDB(path)
    streams = ["Account", "Opportunity"]
    good, log = meltano.run(server, streams, cast("Database", loaded))
    assert good, log
    command = [sys.executable, ROOT / "scripts/show_tables.py", path]
    shown = run_program(command, variables={"SFBULK_SANDBOX_URL": server.url}).stdout
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in shown.splitlines()]
    assert ["Account", "230", "12", "230"] in cells
    assert ["Opportunity", "150", "8", "150"] in cells
    # Its files of result pages are gone when they have been loaded.
    assert not list(tmp_path.rglob("*.arrow"))

    server.org.upsert("Account", [{"Name": "new"}])
    good, log = meltano.run(server, streams, cast("Database", loaded))
    assert good, log
    records = expected_records(server, "Account", fields=["Name"])
    assert loaded.names() == sorted(record["Name"] for record in records)
    assert not list(tmp_path.rglob("*.arrow"))


def test_the_demo_prints_what_the_readme_shows(programs: TargetPrograms, tmp_path: Path) -> None:
    """With programs that are installed already, which Meltano does not install again."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, rest = readme.partition("<!-- demo -->\n```text\n")
    expected, _, _ = rest.partition("```\n")

    (tmp_path / "scripts").mkdir()
    for name in ("meltano.yml", "scripts/demo", "scripts/demo.yaml", "scripts/show_tables.py"):
        shutil.copy(ROOT / name, tmp_path / name)
    here = Path(sys.executable).parent
    for program in (
        *(here / name for name in ("python", "sfbulk-load", "sfbulk-sandbox", "tap-sfbulk-pages")),
        programs.path("meltano"),
    ):
        wrapper = tmp_path / "programs" / program.name
        wrapper.parent.mkdir(exist_ok=True)
        wrapper.write_text(f'#!/bin/sh\nexec {program} "$@"\n', encoding="utf-8")
        wrapper.chmod(0o700)
    environment = tmp_path / "scripts/environment"
    environment.write_text("#!/bin/sh\nmkdir .venv; mv programs .venv/bin\n", encoding="utf-8")
    environment.chmod(0o700)

    run = run_program([tmp_path / "scripts/demo"], variables={"PATH": "/usr/bin:/bin"})
    assert run.returncode == 0, run.stderr
    assert run.stdout == expected
    assert run.stderr.startswith("This installs ")
    assert not list(tmp_path.rglob("pyvenv.cfg"))


def test_a_run_that_is_killed_loses_nothing_and_leaves_nothing_twice(
    meltano: MeltanoProject, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """Meltano itself: the tap and the loader find that nobody reads or writes any more."""
    server = start_sandbox(rows={"Account": 230}, page_rows=20)
    loaded = LoadedDuckDB(tmp_path / "warehouse.duckdb")
    database = cast("Database", loaded)
    for sent in (signal.SIGTERM, signal.SIGKILL):
        # The pages before it are on their way when the run is killed.
        server.add_fault(place="page", kind="stall", match={"page": 8})
        before = len(server.calls)
        process = meltano.start(server, ["Account"], database, "--force")
        deadline = time.monotonic() + LONGEST_RUN_SECONDS
        while not any(each.fault for each in server.calls[before:]):
            assert process.poll() is None, process.communicate()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        process.send_signal(sent)
        server.clear_faults()
        process.communicate(timeout=LONGEST_RUN_SECONDS)
        assert process.returncode != 0
    # Meltano takes a run that could not say that it has ended for one that goes on.
    good, log = meltano.run(server, ["Account"], database, "--force")
    assert good, log
    records = expected_records(server, "Account", fields=["Name"])
    assert loaded.names() == sorted(record["Name"] for record in records)
