"""The runs of the matrix, made once a session for the selected cases."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from fault_cases import Case
from fault_runs import MatrixRuns, SmallPagesServer

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture(scope="session")
def tap_server() -> Iterator[SmallPagesServer]:
    """Starts runs of the tap."""
    with SmallPagesServer() as server:
        yield server


@pytest.fixture(scope="session")
def matrix_runs(request: pytest.FixtureRequest) -> Iterator[MatrixRuns]:
    """Start all runs that the selected tests need."""
    parameters = [
        item.callspec.params.get("case")
        for item in request.session.items
        if isinstance(item, pytest.Function) and hasattr(item, "callspec")
    ]
    cases = [each for each in parameters if isinstance(each, Case)]
    runs = MatrixRuns(cases)
    yield runs
    runs.close()


@pytest.fixture(scope="session")
def matrix_results() -> Iterator[list[dict[str, object]]]:
    """Collect the result of each case; written to the file that FAULT_MATRIX_RESULTS names."""
    results: list[dict[str, object]] = []
    yield results
    if path := os.environ.get("FAULT_MATRIX_RESULTS"):
        Path(path).write_text(json.dumps(results, indent=0), encoding="utf-8")
