"""A folder for temporary files that is full, or missing, is named, without a traceback."""

from __future__ import annotations

import json
import sys
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import pytest
from programs import run_program
from tap_process import config_for

from tap_sfbulk_pages.errors import TemporaryFileError
from tap_sfbulk_pages.jobs.page_body import PageBody, PageMemory

if TYPE_CHECKING:
    from fixture_types import StartSandbox

FULL = Path("/dev/full")
# A read-only container has no folder in which Python can make files.
READ_ONLY = """
import tempfile
tempfile._candidate_tempdir_list = lambda: ["/proc/nowhere"]
from tap_sfbulk_pages.singer.tap import TapSFBulkPages
TapSFBulkPages.cli()
"""


@pytest.mark.parametrize("arguments", [["--discover"], ["--catalog", "catalog.json"]])
def test_a_container_without_a_writable_folder(
    start_sandbox: StartSandbox, tmp_path: Path, arguments: list[str]
) -> None:
    config = config_for(start_sandbox(rows={"Account": 3}), "Account")
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    entry = {"tap_stream_id": "Account", "schema": {"properties": {"Id": {"type": "string"}}}}
    (tmp_path / "catalog.json").write_text(json.dumps({"streams": [entry]}), encoding="utf-8")
    command = [sys.executable, "-c", READ_ONLY, "--config", "config.json", *arguments]
    run = run_program(command, tmp_path)
    assert run.returncode == 1
    assert "No usable temporary directory found in ['/proc/nowhere']" in run.stderr
    assert "set TMPDIR to another folder" in run.stderr
    assert "Traceback" not in run.stderr
    assert run.stdout == ""


@pytest.mark.skipif(not FULL.exists(), reason="only Linux has a full device")
@pytest.mark.parametrize("size", [10, 1_000_000])
def test_a_full_disk_is_named_with_what_to_do(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, size: int
) -> None:
    def open_full(**_: Any) -> IO[bytes]:
        return FULL.open("r+b")

    monkeypatch.setattr("tempfile.TemporaryFile", open_full)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    body = PageBody(PageMemory(0))

    def store() -> None:
        body.write(b"x" * size)
        list(body.chunks())

    with pytest.raises(TemporaryFileError) as caught:
        store()
    for said in (str(tmp_path), "No space left on device", "TMPDIR", "max_page_memory_mb"):
        assert said in str(caught.value)
    with suppress(OSError):
        body.close()
