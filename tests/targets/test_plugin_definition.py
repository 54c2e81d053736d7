"""The definition for Meltano Hub, and a project whose extractors inherit from it."""

from __future__ import annotations

import json
import os
import re
import runpy
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import duckdb
import pytest
import yaml
from programs import run_program
from salesforce_data import expected_records
from target_programs import ROOT, project

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from target_programs import TargetPrograms


DEFINITION = ROOT / "hub/extractors/tap-sfbulk-pages/sfbulk-pages.yml"
LOADER = ROOT / "hub/loaders/sfbulk-load/sfbulk-pages.yml"
# What the Hub's JSON schemas admit (`schemas/plugin_definitions` and `schemas/common` there).
HUB_KEYS = {
    "capabilities",
    "commands",
    "definition",
    "description",
    "docs",
    "domain_url",
    "executable",
    "hidden",
    "keywords",
    "label",
    "log_parser",
    "logo_url",
    "maintenance_status",
    "metadata",
    "name",
    "namespace",
    "next_steps",
    "pip_url",
    "prereq",
    "python",
    "quality",
    "repo",
    "requires",
    "schema",
    "select",
    "settings",
    "settings_group_validation",
    "settings_preamble",
    "supported_python_versions",
    "usage",
    "variant",
}
HUB_KINDS = {
    "string",
    "integer",
    "decimal",
    "boolean",
    "array",
    "object",
    "options",
    "date_iso8601",
}
HUB_SETTING_KEYS = {"name", "label", "kind", "description", "value", "sensitive", "options"}
HUB_CAPABILITIES = {
    "about",
    "activate-version",
    "batch",
    "catalog",
    "discover",
    "log-based",
    "properties",
    "schema-flattening",
    "state",
    "stream-maps",
    "structured-logging",
    "test",
}


def definition(path: Path = DEFINITION) -> dict[str, Any]:
    content: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return content


def test_definition_and_lock_file_are_those_of_meltano_yml() -> None:
    script = runpy.run_path(str(ROOT / "scripts/hub_definition.py"))
    for path, text in script["written"]().items():
        assert path.read_text(encoding="utf-8") == text, "run scripts/hub_definition.py"


@pytest.mark.parametrize("path", [DEFINITION, LOADER])
def test_definition_is_in_the_form_of_the_hub(path: Path) -> None:
    found = definition(path)
    assert found.keys() <= HUB_KEYS
    assert {"name", "namespace", "variant", "quality", "pip_url"} <= found.keys()
    # Its linter wants the alphabet's order everywhere.
    assert list(found) == sorted(found)
    names = [setting["name"] for setting in found["settings"]]
    assert names == sorted(names)
    for setting in found["settings"]:
        assert {"name", "label", "kind", "description"} <= setting.keys() <= HUB_SETTING_KEYS
        assert setting["kind"] in HUB_KINDS
        assert list(setting) == sorted(setting)
    assert set(found["capabilities"]) <= HUB_CAPABILITIES
    assert {name for group in found["settings_group_validation"] for name in group} <= set(names)
    assert found["maintenance_status"] in {"active", "beta", "development", "inactive", "unknown"}
    assert found["quality"] in {"gold", "silver", "bronze", "unknown"}
    assert all(re.fullmatch(r"3\.\d+", each) for each in found["supported_python_versions"])
    assert path.parent.name == found["name"]
    assert path.stem == found["variant"]


def test_capabilities_and_python_versions_are_those_of_the_tap() -> None:
    about = json.loads(
        subprocess.run(
            [sys.executable, "-m", "tap_sfbulk_pages", "--about", "--format=json"],
            check=True,
            capture_output=True,
        ).stdout
    )
    extractor, _ = project()["plugins"]["extractors"]
    assert set(extractor["capabilities"]) == set(about["capabilities"])
    assert definition()["supported_python_versions"] == about["supported_python_versions"]


def test_extractors_that_inherit(
    programs: TargetPrograms, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """The example's lock file defines the tap; settings of the child, of the run, and secrets."""
    shutil.copytree(ROOT / "examples/meltano", tmp_path, dirs_exist_ok=True)
    content = yaml.safe_load((tmp_path / "meltano.yml").read_text(encoding="utf-8"))
    parent, *_ = content["plugins"]["extractors"]
    parent["executable"] = str(Path(sys.executable).with_name("tap-sfbulk-pages"))
    (tmp_path / "meltano.yml").write_text(yaml.safe_dump(content), encoding="utf-8")

    server = start_sandbox(rows={"Case": 90})
    settings = {
        "TAP_SFBULK_PAGES_INSTANCE_URL": server.url,
        "TAP_SFBULK_PAGES__SERVICE_ACCESS_TOKEN": "00D!token",
        "MELTANO_AUTO_INSTALL": "false",
    }
    command = [programs.path("meltano"), "--log-level=warning", "invoke"]
    run = run_program([*command, "tap-sfbulk-pages--service"], tmp_path, settings)
    assert run.returncode == 0, run.stderr
    messages = [json.loads(line) for line in run.stdout.splitlines() if line.startswith("{")]
    read = {each["record"]["Id"] for each in messages if each["type"] == "RECORD"}
    is_open = {
        each["Id"] for each in expected_records(server, "Case", where="WHERE IsClosed=false")
    }
    assert read == is_open
    assert 0 < len(is_open) < 90


def test_documented_commands_install_the_plugins_in_a_new_project(
    programs: TargetPrograms, start_sandbox: StartSandbox, tmp_path: Path
) -> None:
    """The tap from a checkout, and the loader from a Git address."""
    if not (ROOT / ".git").exists():
        pytest.skip("this is no clone")
    page = (ROOT / "docs/meltano.md").read_text(encoding="utf-8")
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    blocks = [
        block
        for block in re.findall(r"^```sh\n(.*?)^```$", page, re.DOTALL | re.MULTILINE)
        if "meltano add" in block
    ]
    assert len(blocks) == 2
    # What the README has is the beginning of the page's first block.
    assert blocks[0].partition("meltano config")[0].strip() in readme
    from_checkout, from_git = blocks
    script = (
        from_checkout.replace("clone=/path/to/tap-sfbulk-pages", f"clone={ROOT}")
        + 'echo "SFBULK_PAGES_URL=git+file://$clone" >.env\n'
        + from_git
    )
    server = start_sandbox(rows={"Account": 25})
    script = script.replace("https://acme.my.salesforce.com", server.url)

    (tmp_path / "meltano.yml").write_text(
        "{default_environment: dev, environments: [{name: dev}]}",
        encoding="utf-8",
    )
    settings = {
        "PATH": f"{programs.path('meltano').parent}{os.pathsep}{os.environ['PATH']}",
        "TAP_SFBULK_PAGES_ACCESS_TOKEN": "00D!token",
        "TAP_SFBULK_PAGES_OBJECTS": '["Account"]',
        "SFBULK_LOAD_INTO": f"duckdb:///{tmp_path}/warehouse.duckdb",
    }
    run = run_program(["/bin/bash", "-euc", script], tmp_path, settings)
    if "UnknownIssuer" in run.stdout + run.stderr:
        pytest.skip("only pip reaches the index, and Meltano installs with uv")
    assert run.returncode == 0, run.stdout + run.stderr
    with duckdb.connect(str(tmp_path / "warehouse.duckdb")) as database:
        (counted,) = database.sql('SELECT count(*) FROM salesforce."Account"').fetchall()
    assert counted == (25,)
