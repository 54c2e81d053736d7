"""The decoder under a fuzzer that is guided by the code it reaches."""

from __future__ import annotations

import gzip
import importlib.util
import subprocess
import sys
from pathlib import Path

import pytest

FOLDER = Path(__file__).parent
RUNS = 3_000
SEEDS = (
    b'\0\0\0\0"Id"\n"a"\n"b"\n',
    b'\1\1\2\0"Id","Name"\n"1","say ""a"", b\nc"\n"2",""\n',
    b"\0\2\1\1Id,Name\r\n7,\xc3\xa9\r\n",
    b"\2\3\0\2" + gzip.compress(b'"Id"\n"true"\n', mtime=0),
    b"\xfd\3\0\0Id\n1\n",
    b'\0\3\0\5"Id"\n"2024-02-29"\n""\n',
    b'\0\3\0\6"Id"\n"2024-02-29T23:59:59.999Z"\n',
    b'\0\3\0\3"Id"\n"-1.25E7"\n"12345678901234567890.5"\n',
    # Plain ones, which compiled code takes.
    b'\0\3\0\1"Id"\n"true"\n"false"\n""\n',
    b'\0\3\0\2"Id"\n"-47"\n"999999999999999999"\n"47.0"\n',
    b'\0\3\0\3"Id"\n"-1.25E7"\n"12345678901234567.5"\n"1E-18"\n',
    b'\0\3\0\7"Id"\n"0.25"\n"1E35"\n"12345678901234567.89"\n',
    b'\0\3\0\10"Id"\n"-1.5E-2"\n"99999999999999.9"\n',
)


@pytest.mark.skipif(
    not importlib.util.find_spec("atheris"), reason="atheris is not made for this platform"
)
def test_bytes_of_a_fuzzer_are_records_or_an_error_of_ours(tmp_path: Path) -> None:
    corpus = tmp_path / "corpus"
    corpus.mkdir()
    for number, seed in enumerate(SEEDS):
        (corpus / f"seed{number}").write_bytes(seed)
    run = subprocess.run(
        [
            sys.executable,
            str(FOLDER / "fuzz_result_page.py"),
            f"-runs={RUNS}",
            "-seed=1",
            "-max_len=400",
            "-timeout=300",
            "-rss_limit_mb=1024",
            f"-dict={FOLDER / 'result_page.dict'}",
            f"-artifact_prefix={tmp_path}/",
            str(corpus),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert run.returncode == 0, run.stderr[-4000:]
    assert f"Done {RUNS} runs" in run.stderr
