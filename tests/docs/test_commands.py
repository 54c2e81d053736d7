"""Every command of README and pages, in the order in which a reader meets them, in one folder.

An empty folder stands in for the reader's clone, and a sandbox for the reader's org. What needs the
network or an engine is run by other tests (`ELSEWHERE`), or by none (`NOT_RUN`).
"""

from __future__ import annotations

import os
import random
import re
import shutil
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from fixture_types import StartSandbox

ROOT = Path(__file__).parents[2]
_PORT_OF_THE_TUTORIAL = "8765"
_LONGEST_RUN_SECONDS = 600
_BLOCK = re.compile(r"^( *)```sh\n(.*?)^ *```$", re.DOTALL | re.MULTILINE)
# Beginnings of lines; the test that runs what follows, and what it calls it.
ELSEWHERE = {
    "git clone <this repository>": ("tests/targets/test_meltano_load.py", "scripts/demo"),
    "pip install": ("tests/packaging/test_distributions.py", "test_wheel_runs"),
    "python3 -m venv": ("tests/packaging/test_distributions.py", "test_wheel_runs"),
    ". environment/bin/activate": ("tests/packaging/test_distributions.py", "test_wheel_runs"),
    "CC=": ("tests/packaging/test_wheels.py", "CC"),
    "scripts/wheels": ("tests/packaging/test_wheels.py", "scripts"),
    "clone=": ("tests/targets/test_plugin_definition.py", "clone="),
    'echo "SFBULK_PAGES_URL': ("tests/targets/test_plugin_definition.py", "SFBULK_PAGES_URL"),
    '  --from-ref="$clone': ("tests/targets/test_plugin_definition.py", "meltano add"),
    "meltano add": ("tests/targets/test_plugin_definition.py", "meltano add"),
    "meltano run": ("tests/targets/test_meltano_run.py", "meltano.run"),
    "sfbulk-sandbox run -- examples/duckdb.sh": ("tests/targets/test_examples.py", "duckdb.sh"),
    "sfbulk-sandbox run -- examples/dbt.sh": ("tests/targets/test_dbt.py", "dbt.sh"),
    "python examples/look.py": ("tests/targets/test_examples.py", "look.py"),
    "sfbulk-sandbox run -- env PYSPARK_PYTHON": ("tests/spark/test_spark.py", "accounts.py"),
    "sfbulk-evidence --compare": ("tests/evidence/test_evidence.py", "--compare"),
    "sfbulk-sandbox run --as-salesforce": (
        "tests/sandbox/test_foreign_programs.py",
        "--as-salesforce",
    ),
}
# Beginnings of lines that no test runs, and why.
NOT_RUN = {
    "scripts/test": "it runs this test",
    "meltano config set": "it only writes a setting",
    "export OTEL": "a collector",
    "opentelemetry-instrument": "a collector",
}
# What the reader brings.
OWN = {
    "https://acme.my.salesforce.com": "$ORG",
    "3MVG9…": "app",
    '"…"': '"secret"',
    "target-…": "cat >records.jsonl",
    '"*__c", "!*__Share"': '"Invoice__c"',
    "your-pipeline": "tap-sfbulk-pages --config ENV --discover >pipeline.json",
    "--output evidence.json": "--output evidence.json --yes",
}
# Small, so that this is over soon.
ORG = {
    "rows": {"Account": 200, "Contact": 100, "Invoice__c": 50, "User": 30},
    "page_rows": 50,
}
# In front of a page: what a reader of that page has already.
BEFORE = {
    "docs/moving-in.md": "cp catalog.json properties.json; echo '{\"bookmarks\": {}}' >state.json",
    "docs/testing.md": "echo 'rows: {Account: 10}' >scenario.yaml",
}


def pages() -> list[str]:
    """Return README and pages in the order of the site."""
    site = (ROOT / "mkdocs.yml").read_text(encoding="utf-8")
    named = re.findall(r"([\w-]+\.md)$", site, re.MULTILINE)
    return ["README.md", *(f"docs/{name}" for name in named), "examples/README.md"]


def commands(page: str) -> str:
    """Return a page's commands, but for those that are run elsewhere."""
    text = (ROOT / page).read_text(encoding="utf-8")
    lines = []
    for indent, block in _BLOCK.findall(text):
        for line in block.splitlines():
            line_only = line.removeprefix(indent)
            if not line_only.startswith((*ELSEWHERE, *NOT_RUN)):
                lines.append(line_only)
    script = "\n".join(lines)
    for theirs, ours in OWN.items():
        script = script.replace(theirs, ours)
    return script


def connection_check() -> list[str]:
    """Return what the README shows of `--test`, as patterns without the numbers and names."""
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    _, _, rest = readme.partition("--test\n```\n\n```text\n")
    lines = rest.partition("```")[0].splitlines()
    assert len(lines) == 5
    values = {r"https://\S+(?=,)": r"\\S+", r"\S+@\S+(?=\\\))": r"\\S+", r"\d[\d,]*": r"[\\d,]+"}
    patterns = []
    for line in lines:
        pattern = re.escape(line).replace("…", ".*")
        for value, any_value in values.items():
            pattern = re.sub(value, any_value, pattern)
        patterns.append(f"^{pattern}$")
    return patterns


def free_port() -> str:
    """Return a free port below those that the system gives to other programs meanwhile."""
    for port in random.sample(range(10_000, 32_000), 100):
        with suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return str(port)
    raise AssertionError("no port is free")


@pytest.mark.skipif(not all(map(shutil.which, ("curl", "jq"))), reason="curl or jq is missing")
def test_commands_in_the_order_of_the_pages(start_sandbox: StartSandbox, tmp_path: Path) -> None:
    org = start_sandbox(**ORG)
    script = "".join(
        f"echo '# {page}'\n{BEFORE.get(page, '')}\n{found}\n"
        for page in pages()
        if (found := commands(page))
    )
    script = script.replace("$ORG", org.url).replace(_PORT_OF_THE_TUTORIAL, free_port())
    programs = str(Path(sys.executable).parent)
    run = subprocess.run(
        # The trap ends the sandbox, too, where a command fails.
        [
            "/bin/bash",
            "-eu",
            "-c",
            f"trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\nset -m\n{script}",
        ],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        check=False,
        timeout=_LONGEST_RUN_SECONDS,
    )
    assert run.returncode == 0, f"{run.stdout[-500:]}\n{run.stderr[-2000:]}"
    page = re.compile(r"^# (\S+)\n(.*?)(?=^# |\Z)", re.DOTALL | re.MULTILINE)
    printed = dict(page.findall(run.stdout))
    tutorial = printed["docs/tutorial.md"].splitlines()
    assert "Account" in tutorial
    assert "Renamed" in tutorial
    # Loaded, changed, deleted and loaded again.
    counts = re.findall(r"│ +(\d+) │ +(\d+) │ +(\d+) │", printed["docs/tutorial.md"])
    assert counts == [("2000", "0", "0"), ("2000", "1", "1")]
    assert tutorial[tutorial.index("2000") + 1] == "1"
    assert '"query_job": {' in printed["docs/tutorial.md"]
    assert "The target has closed its input" in run.stderr
    for line in connection_check():
        assert re.search(line, run.stderr, re.MULTILINE), line
    assert "result pages" in (tmp_path / "evidence.json").read_text(encoding="utf-8")
    assert '"type": "STATE"' in (tmp_path / "records.jsonl").read_text(encoding="utf-8").replace(
        '"type":"', '"type": "'
    )
    # What a reader makes is not taken for a change of the project.
    made = {path.relative_to(tmp_path).as_posix() for path in tmp_path.iterdir()}
    assert {"config.json", "catalog.json", "warehouse.duckdb", "tutorial"} <= made


def test_commands_that_are_run_elsewhere_are_run_there() -> None:
    for where, word in ELSEWHERE.values():
        assert word in (ROOT / where).read_text(encoding="utf-8"), where
    every_line = [
        line.removeprefix(indent)
        for page in pages()
        for indent, block in _BLOCK.findall((ROOT / page).read_text(encoding="utf-8"))
        for line in block.splitlines()
    ]
    for beginning in (*ELSEWHERE, *NOT_RUN):
        assert any(line.startswith(beginning) for line in every_line), beginning


def test_what_a_reader_makes_is_ignored_by_git() -> None:
    git = shutil.which("git")
    if git is None or not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    made = [
        *("config.json", "catalog.json", "state.json", "properties.json", "evidence.json"),
        *("tutorial/config.json", "duckdb.state", "duckdb.state.lock", "target.duckdb"),
        "warehouse.duckdb",
        *("jsonl/Account.jsonl", "parquet/x.parquet", "report.html", "key.pem", "salesforce.env"),
    ]
    run = subprocess.run(
        [git, "check-ignore", *made], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert run.stdout.split() == made
