"""The tap and the loader take the same config, catalog and environment, and refuse them alike."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from command_process import request_run

if TYPE_CHECKING:
    from pathlib import Path

    from command_process import CommandServer

SECRET = "s3cret-part-of-a-file"
CONFIG = {"instance_url": "http://127.0.0.1:9", "access_token": SECRET, "max_retries": 1}
ENTRY: dict[str, Any] = {
    "tap_stream_id": "Account",
    "schema": {"type": "object", "properties": {"Id": {"type": "string"}}},
    "key_properties": ["Id"],
    "metadata": [{"breadcrumb": [], "metadata": {"selected": True}}],
}


def with_root(**metadata: Any) -> dict[str, Any]:
    root = {"breadcrumb": [], "metadata": {"selected": True, **metadata}}
    return {"streams": [{**ENTRY, "metadata": [root]}]}


# A config or a catalog as bytes, or environment variables; and what is said of it, None for nothing
# but that no org is there.
CASES: dict[str, tuple[str, Any, str | None]] = {
    "config in UTF-16": ("config", json.dumps(CONFIG).encode("utf-16"), None),
    "config with a mark": ("config", json.dumps(CONFIG).encode("utf-8-sig"), None),
    "config of nulls": ("config", {**CONFIG, "objects": None, "use_singer_decimal": None}, None),
    "config of another tap": ("config", {**CONFIG, "lookback_window": 5}, None),
    "config that another tap knows": ("config", {**CONFIG, "list_reports": True}, "list_reports"),
    "config broken": ("config", f'{{"access_token": "{SECRET}'.encode(), "is not JSON, at line 1"),
    "config in Latin-1": ("config", f'{{"ü": "{SECRET}"}}'.encode("latin-1"), "is not JSON: byte"),
    "config too deep": ("config", b"[" * 100_000, "is nested too deeply"),
    "config a list": ("config", [SECRET], "must hold a JSON object of settings"),
    "config missing": ("path", "missing.json", "cannot be read: No such file"),
    "config a folder": ("path", ".", "cannot be read: Is a directory"),
    "config inline": ("path", json.dumps(CONFIG), "takes the path of a file, or ENV"),
    "config inline and long": ("path", json.dumps({"a": SECRET * 99}), "takes the path of a file"),
    "misspelt": ("config", {**CONFIG, "object": [SECRET]}, "objects was probably meant"),
    "of a wrong type": ("config", {**CONFIG, "objects": "Account"}, "objects must be a list"),
    "two ways": ("config", {**CONFIG, "client_secret": SECRET}, "two ways to sign in"),
    "variable misspelt": ("environment", {"OBJECT": SECRET}, "OBJECTS was probably meant"),
    "variable of a wrong type": ("environment", {"INCLUDE_DELETED": "ture"}, "must be true or"),
    "variable empty": ("environment", {"INCLUDE_DELETED": "", "LOOKBACK_SECONDS": "5"}, None),
    "variable broken": ("environment", {"FILTERS": f'{{"{SECRET}'}, "FILTERS) must be a JSON"),
    "catalog in UTF-16": ("catalog", json.dumps({"streams": [ENTRY]}).encode("utf-16"), None),
    "catalog with a mark": ("catalog", json.dumps(with_root()).encode("utf-8-sig"), None),
    "catalog broken": ("catalog", f'{{"streams": ["{SECRET}'.encode(), "is not JSON, at line 1"),
    "catalog of nothing": ("catalog", {"streams": []}, "has no streams"),
    "catalog a list": ("catalog", [ENTRY], "has no streams"),
    "catalog without a choice": ("catalog", with_root(selected=False), "selects no stream"),
    "entry twice": ("catalog", {"streams": [ENTRY, ENTRY]}, "two entries for Account"),
    "entry without a name": ("catalog", {"streams": [{"schema": {}}]}, "must have a tap_stream_id"),
    "metadata of another form": (
        "catalog",
        {"streams": [{**ENTRY, "metadata": [{"selected": True}]}]},
        "must be a list of objects",
    ),
    "method unknown": (
        "catalog",
        with_root(**{"forced-replication-method": "LOG_BASED"}),
        "must be one of FULL_TABLE, INCREMENTAL",
    ),
    "keys unknown": ("catalog", with_root(**{"table-key-properties": ["Nope"]}), "of its fields"),
    "alias": ("catalog", {"streams": [{**ENTRY, "stream_alias": "a"}]}, '"__alias__": "a"'),
}


def request_for(folder: Path, command: str, case: str) -> dict[str, Any]:
    kind, given, _ = CASES[case]
    folder.mkdir(parents=True)
    variables: dict[str, str] = {"LOGLEVEL": "INFO"}
    arguments = ["--into", "duckdb:///w.duckdb"] if command == "sfbulk-load" else []
    inputs = {kind: given} if kind == "path" else {"config": CONFIG, kind: given}
    for name, content in inputs.items():
        if name == "path":
            arguments += ["--config", given]
        elif name == "environment":
            settings = {name.upper(): str(text) for name, text in CONFIG.items()} | given
            variables |= {f"TAP_SFBULK_PAGES_{each}": text for each, text in settings.items()}
            arguments += ["--config", "ENV"]
        else:
            data = content if isinstance(content, bytes) else json.dumps(content).encode()
            (folder / f"{name}.json").write_bytes(data)
            arguments += [f"--{name}", f"{name}.json"]
    return request_run(folder, command, *arguments, environment=variables)


def words_of(folder: Path) -> str:
    """Return what ended a run, as it is said, without what leads to it."""
    told = (folder / "stderr").read_text()
    assert "Traceback" not in told, told
    assert SECRET not in told
    return re.sub(r"\s+", " ", told.rpartition("Error: ")[2])


def test_the_same_inputs_get_the_same_words(commands: CommandServer, tmp_path: Path) -> None:
    both = ("tap", "sfbulk-load")
    folders = {
        (case, command): tmp_path / command / str(number)
        for number, case in enumerate(CASES)
        for command in both
    }
    commands.run_all(
        [request_for(path, command, case) for (case, command), path in folders.items()]
    )
    for case, (_, _, said) in CASES.items():
        of_tap, of_loader = (words_of(folders[case, command]) for command in both)
        assert of_tap == of_loader, case
        assert (said or "The connection failed") in of_tap, (case, of_tap)
