"""Databases to load into: a DuckDB file, and a PostgreSQL server of the tests' own."""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pytest
from landed import Landed, LandedDuckDB, LandedPostgreSQL
from loader import Loader, LoadServer
from postgres_server import serve_postgres

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_numbers = itertools.count()


postgres = pytest.fixture(scope="session")(serve_postgres)


@pytest.fixture(params=["duckdb", "postgresql"])
def landed(request: pytest.FixtureRequest, tmp_path: Path) -> Landed:
    """An empty database, of each kind."""
    if request.param == "duckdb":
        return LandedDuckDB(tmp_path / "warehouse.duckdb")
    connection = request.getfixturevalue("postgres")
    return LandedPostgreSQL(connection, f"load_{next(_numbers)}")


@pytest.fixture(scope="session")
def load_server() -> Iterator[LoadServer]:
    """The process that loads are forked from."""
    with LoadServer() as server:
        yield server


@pytest.fixture
def loader(landed: Landed, tmp_path: Path, load_server: LoadServer) -> Loader:
    """The loader, into an empty database of each kind."""
    return Loader(landed, tmp_path, load_server)
