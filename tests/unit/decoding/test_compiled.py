"""A library that cannot be loaded is no error: the log says what to do."""

from __future__ import annotations

import logging
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import pytest

from tap_sfbulk_pages.decoding import compiled
from tap_sfbulk_pages.decoding.cells import CellType
from tap_sfbulk_pages.decoding.fast_lines import CsvLines
from tap_sfbulk_pages.decoding.marks import CompiledMarks, PythonMarks, create_marks

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture
def _load_anew() -> Iterator[None]:
    compiled._load.cache_clear()
    yield
    compiled._load.cache_clear()


def csv_lines() -> CsvLines | None:
    return CsvLines.of(["Id"], {"Id": CellType.TEXT}, delimiter=",", replication_key=None)


@pytest.mark.usefixtures("_load_anew")
def test_without_a_library_python_does_the_work(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    monkeypatch.setattr(compiled, "LIBRARY", tmp_path / "libsfbulk-0.so")
    begin = threading.Barrier(3)

    def load() -> object:
        begin.wait()
        return compiled.library()

    with ThreadPoolExecutor() as downloads:
        assert [each.result() for each in [downloads.submit(load) for _ in range(3)]] == [None] * 3
    assert isinstance(create_marks(b","), PythonMarks)
    assert csv_lines() is None
    (record,) = caplog.records
    # In words, where nothing is wrong with the installation.
    assert (
        "Pages are decoded by the slower code, because the compiled code is missing. Install a C "
        "compiler, then reinstall the tap"
    ) in record.getMessage()


@pytest.mark.usefixtures("_load_anew")
def test_a_file_that_is_no_library_counts_as_none(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    path = tmp_path / "libsfbulk-1.so"
    path.write_bytes(b"not a library")
    monkeypatch.setattr(compiled, "LIBRARY", path)
    assert compiled.library() is None


def test_a_library_is_used_where_there_is_one() -> None:
    assert compiled.library(), "There was no C compiler where the tap was installed"
    assert isinstance(create_marks(b","), CompiledMarks)
    assert csv_lines() is not None


def test_a_missing_column_is_left_to_the_way_through_columns() -> None:
    types = {"Id": CellType.TEXT}
    assert CsvLines.of(["Name"], types, delimiter=",", replication_key=None) is None
    assert CsvLines.of(["Id"], types, delimiter=",", replication_key="SystemModstamp") is None
