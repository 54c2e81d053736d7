"""The workflow for GitHub Actions: its steps, run one after another as a runner does."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

import yaml
from distributions import ROOT, run

if TYPE_CHECKING:
    from pathlib import Path

    from distributions import Distributions, WheelEnvironments

EXAMPLE = ROOT / "examples" / "github-actions"


def test_steps_of_the_workflow(
    built: Distributions, installed: WheelEnvironments, tmp_path: Path
) -> None:
    """With the wheel in place of the repository's address: it is there already."""
    # YAML 1.1 reads the key `on` as true.
    workflow = yaml.safe_load((EXAMPLE / "test-pipeline.yml").read_text(encoding="utf-8"))
    assert workflow.keys() == {"name", True, "permissions", "jobs"}
    (job,) = workflow["jobs"].values()
    uses = [step["uses"].partition("@")[0] for step in job["steps"] if "uses" in step]
    assert uses == ["actions/checkout", "actions/setup-python"]
    version = job["steps"][1]["with"]["python-version"]
    programs = installed.program(version, "python").parent

    shutil.copy(EXAMPLE / "test_pipeline.py", tmp_path)
    for step in job["steps"]:
        if "run" not in step:
            continue
        variables = step.get("env", {})
        if "TAP" in variables:
            assert variables["TAP"].startswith("git+https://")
            variables["TAP"] = built.wheel.as_uri()
        ended = run(
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            folder=tmp_path,
            variables={
                **variables,
                "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
                "CI": "true",
            },
        )
        assert ended.returncode == 0, f"{step['name']}: {ended.stdout}{ended.stderr}"
    assert "2 passed" in ended.stdout
    messages = (tmp_path / "messages.jsonl").read_text(encoding="utf-8").splitlines()
    assert sum('"RECORD"' in message for message in messages) == 1000
