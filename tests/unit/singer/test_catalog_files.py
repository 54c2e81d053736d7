"""Catalogs are written and read a stream at a time, and say what the SDK's own would."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Any

import pytest
from singer_sdk.singerlib import Catalog
from tap_process import config_for, metadata_of

from tap_sfbulk_pages.errors import CatalogError
from tap_sfbulk_pages.singer.inputs.catalog_files import SelectedEntries, write_catalog

if TYPE_CHECKING:
    from fixture_types import StartSandbox
    from tap_process import Tap


ROOTS: list[dict[str, Any] | None] = [
    None,
    {},
    *({"selected": selected} for selected in (True, False, None)),
    *({"selected-by-default": selected} for selected in (True, False)),
    {"selected": True, "selected-by-default": False},
    {"selected": False, "selected-by-default": True},
    *({"inclusion": inclusion} for inclusion in ("automatic", "available", "unsupported")),
    {"inclusion": "unsupported", "selected": True},
    {"inclusion": "automatic", "selected": False},
]


def entry(name: str, root: dict[str, Any] | None) -> dict[str, Any]:
    field = {"breadcrumb": ["properties", "Ratio"], "metadata": {"selected": True}}
    roots = [] if root is None else [{"breadcrumb": [], "metadata": root}]
    return {
        "tap_stream_id": name,
        "schema": {"type": "object", "properties": {"Ratio": {"maximum": 1.5, "minLength": 2}}},
        "metadata": [field, *roots],
    }


def as_file(content: Any) -> io.BytesIO:
    return io.BytesIO(json.dumps(content).encode())


def test_what_is_selected_is_what_the_sdk_would_select() -> None:
    catalog = {"streams": [entry(f"Stream{number}", root) for number, root in enumerate(ROOTS)]}
    selected = [
        known.tap_stream_id
        for known in Catalog.from_dict(catalog).streams
        if known.metadata.resolve_selection().get((), True)
    ]
    with SelectedEntries(as_file(catalog)) as found:
        assert list(found) == selected
        assert 0 < len(selected) < len(ROOTS)
        known = Catalog.from_dict(catalog)
        # In any order, more than once.
        for name in [*reversed(selected), *selected]:
            assert found[name].to_dict() == known[name].to_dict()


@pytest.mark.parametrize("content", [{}, [], {"streams": []}, {"stream": [entry("A", {})]}, 7])
def test_a_file_without_streams_is_no_catalog(content: Any) -> None:
    with pytest.raises(CatalogError, match="no streams"):
        SelectedEntries(as_file(content))


@pytest.mark.parametrize("count", [0, 1, 3])
def test_a_catalog_is_written_as_the_sdk_would(count: int) -> None:
    content = {"streams": [entry(f"Stream{number}", {}) for number in range(count)]}
    catalog = Catalog.from_dict(content)
    file = io.StringIO()
    write_catalog((entry.to_dict() for entry in catalog.streams), file)
    assert json.loads(file.getvalue()) == catalog.to_dict()


def test_a_discovery_that_fails_in_the_middle_prints_no_part_of_a_catalog(
    tap: Tap, start_sandbox: StartSandbox
) -> None:
    server = start_sandbox()
    server.add_fault(place="composite", kind="status", status=403, first=2)
    run = tap(config_for(server), "--discover")
    assert [each.place for each in server.calls].count("composite") == 2
    assert run.exit_code == 1
    assert run.stdout == b""
    assert "403" in run.stderr


def test_a_file_that_is_not_json_is_named(tap: Tap, start_sandbox: StartSandbox) -> None:
    server = start_sandbox()
    config = config_for(server, "Account")
    catalog = tap.catalog(config)
    metadata_of(catalog["streams"][0])[()]["selected"] = True
    running = tap.start(config, catalog=catalog)
    assert running.end().exit_code == 0
    path = tap._folder / "catalog.json"
    path.write_text(path.read_text(encoding="utf-8")[:-10], encoding="utf-8")
    run = tap(config, f"--catalog={path}")
    assert run.exit_code == 1
    assert "is not JSON" in run.stderr
    assert "Traceback" not in run.stderr
