"""Write the definition for Meltano Hub, and the lock file of the example, from meltano.yml.

The form is the Hub's own (`schemas/plugin_definitions` in its repository): keys, settings,
capabilities and groups of settings in order of the alphabet.
"""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[1]
VARIANT = "sfbulk-pages"
# The package is on no index yet: the user's environment or `.env` says where it is, as the URL of a
# repository or of a clone.
SOURCE = "${SFBULK_PAGES_URL}"
DEFINITION = ROOT / "hub" / "extractors" / "tap-sfbulk-pages" / f"{VARIANT}.yml"
LOADER = ROOT / "hub" / "loaders" / "sfbulk-load" / f"{VARIANT}.yml"
LOCK = ROOT / f"examples/meltano/plugins/extractors/tap-sfbulk-pages--{VARIANT}.lock"


def definition() -> dict[str, Any]:
    """Return the definition: the extractor in meltano.yml, and what else the Hub asks for."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    extractor, _ = project["plugins"]["extractors"]
    made = {
        **extractor,
        "variant": VARIANT,
        "pip_url": f"tap-sfbulk-pages@{SOURCE}",
        "description": "Customer relationship management platform, read through Bulk API 2.0 "
        "query jobs and their parallel result pages",
        "domain_url": "https://developer.salesforce.com/docs/atlas.en-us.api_asynch.meta/api_asynch/",
        "logo_url": "/assets/logos/extractors/salesforce.png",
        "keywords": ["api", "meltano_sdk"],
        "log_parser": "singer-sdk",
        "maintenance_status": "beta",
        "quality": "unknown",
        "supported_python_versions": _python_versions(),
        "capabilities": sorted(extractor["capabilities"]),
        "settings": sorted(extractor["settings"], key=lambda setting: setting["name"]),
        "settings_group_validation": sorted(map(sorted, extractor["settings_group_validation"])),
    }
    return dict(sorted(made.items()))


def loader_definition() -> dict[str, Any]:
    """Return the definition of the loader, in the same form."""
    project = yaml.safe_load((ROOT / "meltano.yml").read_text(encoding="utf-8"))
    (loader,) = (one for one in project["plugins"]["loaders"] if one["name"] == "sfbulk-load")
    made = {
        **loader,
        "pip_url": f"tap-sfbulk-pages[load]@{SOURCE}",
        "description": "Loads DuckDB and PostgreSQL from Singer messages, with real types; "
        "the last step of the Salesforce extractor tap-sfbulk-pages",
        "domain_url": "https://duckdb.org",
        "keywords": ["database"],
        "logo_url": "/assets/logos/loaders/duckdb.png",
        "maintenance_status": "beta",
        "quality": "unknown",
        "supported_python_versions": _python_versions(),
        "capabilities": sorted(loader["capabilities"]),
        "settings": sorted(
            (dict(sorted(setting.items())) for setting in loader["settings"]),
            key=lambda setting: str(setting["name"]),
        ),
        "settings_group_validation": [["into"]],
    }
    return dict(sorted(made.items()))


def _python_versions() -> list[str]:
    project = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    return re.findall(r'"Programming Language :: Python :: (3\.\d+)"', project)


def written() -> dict[Path, str]:
    """Make the files.

    Returns:
        Their texts by path.
    """
    made = definition()
    locked = {"plugin_type": "extractors", **made}
    return {
        DEFINITION: yaml.safe_dump(made, allow_unicode=True, width=90),
        LOADER: yaml.safe_dump(loader_definition(), allow_unicode=True, width=90),
        LOCK: json.dumps(locked, indent=2, ensure_ascii=False) + "\n",
    }


if __name__ == "__main__":
    for path, text in written().items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
