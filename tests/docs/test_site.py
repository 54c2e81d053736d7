"""The pages of docs/ as a site, and the links and generated parts of all pages."""

from __future__ import annotations

import re
import runpy
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import pytest
from programs import run_program

if TYPE_CHECKING:
    import subprocess

ROOT = Path(__file__).parents[2]
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)\)")
_LOADED = re.compile(r"<(?:script|link|img|iframe)\b[^>]*?\b(?:src|href)=\"?([^\"\s>]+)[^>]*>")
_ONLY_NAMED = 'rel="canonical"'


def build(project: Path, site: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", f"--site-dir={site}"]
    return run_program(command, project, {"NO_MKDOCS_2_WARNING": "1"})


def test_site_is_built_without_a_warning_and_loads_nothing_from_elsewhere(tmp_path: Path) -> None:
    built = build(ROOT, tmp_path)
    assert built.returncode == 0, built.stderr
    assert "WARNING" not in built.stderr
    pages = list(tmp_path.rglob("*.html"))
    assert len(pages) > len(list(ROOT.glob("docs/*.md")))
    for page in pages:
        loaded = [
            match[1]
            for match in _LOADED.finditer(page.read_text(encoding="utf-8"))
            if _ONLY_NAMED not in match[0]
        ]
        assert loaded
        assert not [address for address in loaded if urlsplit(address).netloc], page


def test_a_lost_page_and_broken_links_fail_the_build(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "docs").mkdir(parents=True)
    shutil.copy(ROOT / "mkdocs.yml", project)
    shutil.copytree(ROOT / "docs", project / "docs", dirs_exist_ok=True)
    (project / "docs/lost.md").write_text("[a](nowhere.md) [b](state.md#nothing)\n")
    built = build(project, tmp_path / "site")
    assert built.returncode != 0
    assert 'not included in the "nav" configuration' in built.stderr
    assert "'nowhere.md'" in built.stderr
    assert "'state.md#nothing'" in built.stderr


@pytest.mark.parametrize(
    "page",
    ["README.md", "CONTRIBUTING.md", "CHANGELOG.md", "examples/README.md", "benchmarks/README.md"],
)
def test_links_of_the_pages_outside_the_site_lead_somewhere(page: str) -> None:
    path = ROOT / page
    for target in _LINK.findall(path.read_text(encoding="utf-8")):
        address, _, anchor = target.partition("#")
        if urlsplit(target).scheme:
            continue
        found = (path.parent / address) if address else path
        assert found.exists(), f"{page} links to {target}"
        assert not anchor or anchor in anchors(found), f"{page} links to {target}"


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.+)$", page.read_text(encoding="utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


def test_generated_pages_are_what_the_code_says() -> None:
    script = runpy.run_path(str(ROOT / "scripts/docs_reference.py"))
    for name, generate in script["PAGES"].items():
        page = (ROOT / "docs" / name).read_text(encoding="utf-8")
        assert script["rewritten"](page, generate()) == page, "run scripts/generate"


def test_every_extra_is_explained() -> None:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    _, _, rest = project.partition("[project.optional-dependencies]")
    extras = set(
        re.findall(r"^([\w-]+) = \[$", rest.partition("[project.scripts]")[0], re.MULTILINE)
    )
    explained = (ROOT / "docs/install.md").read_text(encoding="utf-8")
    # Those that the tests of the engines install stand in CONTRIBUTING.md.
    missing = {
        name for name in extras - {"test-sail", "test-spark"} if f"| `{name}` |" not in explained
    }
    assert not missing
    assert {"sandbox", "docs"} < extras


def test_help_breaks_no_word_on_a_narrow_terminal() -> None:
    """An address in two pieces cannot be copied. Lines may end at a hyphen."""
    command_line = runpy.run_path(str(ROOT / "scripts/docs_reference.py"))["command_line"]
    for width in (60, 80, 100):
        shown = command_line(width)
        assert max(map(len, shown.splitlines())) <= width
        assert words(shown) == words(command_line(1_000)), width


def words(text: str) -> set[str]:
    return set(re.split(r"[\s-]+", text))
