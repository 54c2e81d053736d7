"""The README says what the code and the benchmarks say."""

from __future__ import annotations

import json
import re
import runpy
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pytest

ROOT = Path(__file__).parents[2]
README = (ROOT / "README.md").read_text(encoding="utf-8")
_NUMBER = re.compile(r"\d+(?:\.\d+)?")


def test_sandbox_page_is_what_the_sandbox_defines() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "sandbox_reference.py"))
    page = (ROOT / "docs" / "sandbox.md").read_text(encoding="utf-8")
    assert script["rewritten"](page) == page, "run scripts/sandbox_reference.py"


def test_the_first_screen_has_the_command_and_what_it_prints() -> None:
    first, second = re.findall(r"^```\w+\n(.*?)^```", README, re.DOTALL | re.MULTILINE)[:2]
    assert first.strip().endswith("scripts/demo")
    assert max(map(len, second.splitlines())) <= 80
    before, _, _ = README.partition("\n## ")
    assert len(before.splitlines()) < 66
    assert len(README.encode()) < 12_000


def test_the_speeds_are_those_of_the_benchmarks() -> None:
    measured = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8").replace(",", "")
    known = [float(each) for each in _NUMBER.findall(measured)]
    _, _, rest = README.partition("## How fast it is")
    rows = re.findall(r"^\| .* \| ([\d., ]+) \|$", rest.partition("\n## ")[0], re.MULTILINE)
    assert len(rows) > 4
    for shown in (number for row in rows for number in row.split(", ")):
        places = len(shown.partition(".")[2])
        assert float(shown) in {round(each, places) for each in known}, shown
    said = re.search(r"1,000,000 records in (\d\.\d) s", README)
    assert said
    assert float(said[1]) in {round(each, 1) for each in known}


def test_the_first_table_is_that_of_the_benchmark(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    report = runpy.run_path(str(ROOT / "benchmarks" / "report.py"))["report_chain"]
    _, _, rest = README.partition("<!-- whole_chain -->\n")
    shown, _, _ = rest.partition("<!-- /whole_chain -->")
    path = ROOT / "benchmarks" / "results" / "whole_chain.json"
    expected = report(json.loads(path.read_text(encoding="utf-8"))) if path.exists() else ""
    assert shown == expected, "run benchmarks/report.py"


def test_comparisons_are_those_of_the_benchmarks() -> None:
    measured = (ROOT / "benchmarks" / "README.md").read_text(encoding="utf-8")
    page = (ROOT / "docs" / "how-it-compares.md").read_text(encoding="utf-8")
    for shown in re.findall(r"\d{1,3}(?:,\d{3})+", page.partition("## What lands")[0]):
        assert shown in measured or shown == "2,000", shown
