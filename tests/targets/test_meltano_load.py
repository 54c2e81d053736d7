"""`meltano run tap-sfbulk-pages sfbulk-load` with this project's `meltano.yml`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import duckdb
from salesforce_data import expected_records

if TYPE_CHECKING:
    from pathlib import Path

    from databases import Database
    from fixture_types import StartSandbox
    from meltano_project import MeltanoProject


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


def test_meltano_runs_the_loader_again_and_again(
    meltano: MeltanoProject, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    server = start_sandbox(rows={"Account": 70}, page_rows=20)
    loaded = LoadedDuckDB(tmp_path / "loaded.duckdb")
    for name in ("first", "second"):
        server.org.upsert("Account", [{"Name": name}])
        good, log = meltano.run(server, ["Account"], cast("Database", loaded))
        assert good, log
        records = expected_records(server, "Account", fields=["Name"])
        assert loaded.names() == sorted(record["Name"] for record in records)
