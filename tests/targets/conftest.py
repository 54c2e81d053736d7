"""Targets, Meltano, and a PostgreSQL server."""

from __future__ import annotations

import json
import subprocess
from typing import TYPE_CHECKING, Any

import pytest
from databases import Database, DuckDB, JsonLines, Postgres
from meltano_project import MeltanoProject
from postgres_server import serve_postgres
from target_programs import LONGEST_RUN_SECONDS, TargetPrograms

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


@pytest.fixture(scope="session")
def programs() -> TargetPrograms:
    """The targets' and Meltano's programs."""
    return TargetPrograms()


postgres = pytest.fixture(scope="session")(serve_postgres)


@pytest.fixture
def database(request: pytest.FixtureRequest, tmp_path: Path) -> Database:
    """An empty database; tests name its kind as the parameter."""
    if request.param == "postgres":
        return Postgres(request.getfixturevalue("postgres"))
    return DuckDB(tmp_path) if request.param == "duckdb" else JsonLines(tmp_path)


@pytest.fixture
def load(programs: TargetPrograms, tmp_path: Path) -> Callable[[Database, bytes], Any]:
    """Load what a tap has written; return the last state that the target prints."""

    def load(database: Database, messages: bytes) -> Any:
        config = tmp_path / f"{database.target}.json"
        config.write_text(json.dumps(database.config), encoding="utf-8")
        run = subprocess.run(
            [str(programs.path(database.target)), "--config", str(config)],
            input=messages,
            capture_output=True,
            check=False,
            timeout=LONGEST_RUN_SECONDS,
        )
        assert run.returncode == 0, run.stderr.decode()
        states = run.stdout.splitlines()
        return json.loads(states[-1]) if states else None

    return load


@pytest.fixture
def meltano(programs: TargetPrograms, tmp_path: Path) -> MeltanoProject:
    """This project's `meltano.yml`, in a folder of its own."""
    return MeltanoProject(tmp_path / "project", programs)
