"""The same records of the same sandbox through other extractors from PyPI, side by side.

Each is read twice, from a small object and from a large one: the difference is what a record costs
without the start of the program.
"""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import requests
from environments import installed
from measuring import FailedError, Measured, Usage, row_of
from plots import bars
from results import HERE, Ratio, Result, Row, parser, progress
from sandbox_process import TOKEN, Sandbox

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_OBJECT = "Account"
_COMPOUND_TYPES = ("address", "location")
_TITLE = "Records of 45 columns"
_OURS = "tap-sfbulk-pages"
_REDIRECTED = str(HERE / "launchers" / "redirected.py")


@dataclass(frozen=True)
class _Extractor:
    """A program to compare with.

    Attributes:
        name: Of its distribution.
        requirement: What pip is told.
        command: Makes its command, from the Python of its environment and a sandbox.
        is_whole: Whether it is a Singer or Airbyte extractor, not a client library.
        tls: Whether it speaks https only.
    """

    name: str
    requirement: str
    command: Callable[[str, Sandbox], list[str]]
    is_whole: bool
    tls: bool = False


def _singer_tap(python: str, sandbox: Sandbox) -> list[str]:
    """Start singer-io's tap with REST: the sandbox does not have the older Bulk API."""
    config = {**_credentials(), "api_type": "REST"}
    start = [python, _REDIRECTED, sandbox.url, "tap-salesforce"]
    config_file = sandbox.write("singer-config.json", {**config, "select_fields_by_default": True})
    catalog = json.loads(
        subprocess.check_output(
            [*start, f"--config={config_file}", "--discover"], stderr=subprocess.DEVNULL
        )
    )
    streams = [each for each in catalog["streams"] if each["tap_stream_id"] == _OBJECT]
    for metadata in (each for stream in streams for each in stream["metadata"]):
        if metadata["metadata"].get("inclusion") != "unsupported":
            metadata["metadata"]["selected"] = True
    catalog_file = sandbox.write("singer-catalog.json", {"streams": streams})
    return [*start, f"--config={config_file}", f"--properties={catalog_file}"]


def _airbyte_source(python: str, sandbox: Sandbox) -> list[str]:
    """Start Airbyte's source, which makes Bulk API 2.0 jobs."""
    criteria = [{"criteria": "exacts", "value": _OBJECT}]
    config = {**_credentials(), "streams_criteria": criteria, "force_use_bulk_api": True}
    config_file = sandbox.write("airbyte-config.json", config)
    start = [python, _REDIRECTED, sandbox.url, "source-salesforce"]
    discovered = subprocess.check_output(
        [*start, "discover", f"--config={config_file}"], stderr=subprocess.DEVNULL
    )
    messages = [json.loads(line) for line in discovered.splitlines()]
    (catalog,) = (each["catalog"] for each in messages if each["type"] == "CATALOG")
    streams = [
        {"stream": stream, "sync_mode": "full_refresh", "destination_sync_mode": "overwrite"}
        for stream in catalog["streams"]
        if stream["name"] == _OBJECT
    ]
    catalog_file = sandbox.write("airbyte-catalog.json", {"streams": streams})
    return [*start, "read", f"--config={config_file}", f"--catalog={catalog_file}"]


def _credentials() -> dict[str, Any]:
    names = ("client_id", "client_secret", "refresh_token")
    return {**dict.fromkeys(names, "benchmark"), "start_date": "2000-01-01T00:00:00Z"}


def _simple_salesforce(python: str, sandbox: Sandbox) -> list[str]:
    launcher = str(HERE / "launchers" / "simple_salesforce_bulk2.py")
    return [python, launcher, sandbox.url, _OBJECT, _soql(sandbox)]


def _aio_sf(python: str, sandbox: Sandbox) -> list[str]:
    return [python, str(HERE / "launchers" / "aio_sf_bulk.py"), sandbox.url, _soql(sandbox)]


def _soql(sandbox: Sandbox) -> str:
    """Select the fields that the tap selects: all but the compound ones."""
    reply = requests.get(
        f"{sandbox.url}/services/data/v62.0/sobjects/{_OBJECT}/describe",
        headers={"Authorization": f"Bearer {TOKEN}"},
        verify=sandbox.ca_file or True,
        timeout=60,
    )
    fields = [
        field["name"] for field in reply.json()["fields"] if field["type"] not in _COMPOUND_TYPES
    ]
    return f"SELECT {', '.join(fields)} FROM {_OBJECT}"  # noqa: S608 - SOQL only reads


_EXTRACTORS = (
    _Extractor("tap-salesforce", "tap-salesforce==2.8.1", _singer_tap, is_whole=True),
    _Extractor(
        "airbyte-source-salesforce",
        "airbyte-source-salesforce==2.10.3",
        _airbyte_source,
        is_whole=True,
    ),
    _Extractor(
        "simple-salesforce",
        "simple-salesforce==1.12.10",
        _simple_salesforce,
        is_whole=False,
        tls=True,
    ),
    _Extractor("aio-sf", "aio-sf[exporter]==0.1.0b14", _aio_sf, is_whole=False),
)


def main() -> None:
    """Run the benchmark."""
    options = parser(__doc__)
    options.add_argument("--records", type=int, default=200_000, help="of the large object")
    options.add_argument("--few-records", type=int, default=1_000, help="of the small one")
    chosen = options.parse_args()
    sizes = (chosen.few_records, chosen.records)
    result = Result("other_extractors", {"records": chosen.records, "few": chosen.few_records})
    rows = [_row(_OURS, sizes, lambda sandbox: sandbox.tap(_OBJECT))]
    rows += [_row_or_reason(extractor, sizes) for extractor in _EXTRACTORS]
    result.tables[_TITLE] = rows
    result.ratios = _ratios({row["case"]: row for row in rows if "failed" not in row})
    result.notes = [
        (
            "tap-salesforce reads through REST: the sandbox does not have the Bulk API 1.0 that "
            "its api_type BULK uses."
        ),
        (
            "simple-salesforce and aio-sf are client libraries; a loop of csv and json makes lines "
            "of what they hand over. simple-salesforce speaks https."
        ),
    ]
    plot = result.save(chosen.output)
    speeds = {row["case"]: row["records per CPU s"] for row in rows if "failed" not in row}
    bars(plot, "The same records through each extractor", "records per CPU second", speeds)


def _row_or_reason(extractor: _Extractor, sizes: Sequence[int]) -> Row:
    """Install and measure one; a row with the reason where that fails."""
    try:
        python = str(installed(extractor.name, extractor.requirement) / "python")
        return _row(
            extractor.name,
            sizes,
            lambda sandbox: extractor.command(python, sandbox),
            tls=extractor.tls,
        )
    except (FailedError, subprocess.CalledProcessError) as error:
        progress(f"{extractor.name} failed: {error}")
        return {"case": extractor.name, "failed": str(error).strip().splitlines()[-1]}


def _row(
    name: str,
    sizes: Sequence[int],
    command: Callable[[Sandbox], list[str]],
    *,
    tls: bool = False,
) -> Row:
    """Read both objects."""
    usages: list[Usage] = []
    for records in sizes:
        progress(f"{name}: {records} records")
        with Sandbox({"rows": {_OBJECT: records}, "page_rows": 50_000}, tls=tls) as sandbox:
            trusted = {"REQUESTS_CA_BUNDLE": sandbox.ca_file} if tls else {}
            process = Measured(command(sandbox), environment=trusted)
            usages.append(process.end())
            _check_read(sandbox, records)
    few, many = usages
    seconds_more = many.cpu_seconds - few.cpu_seconds
    return {
        **row_of(name, sizes[1], many),
        "without start": (sizes[1] - sizes[0]) / seconds_more,
    }


def _check_read(sandbox: Sandbox, records: int) -> None:
    """Refuse a run that has not asked for records: it would look fast."""
    calls = sandbox.admin("GET", "calls")
    if not any(call["place"] in ("page", "query") and call["bytes"] > records for call in calls):
        raise FailedError("it ended well but read no records")


def _ratios(rows: dict[str, Row]) -> list[Ratio]:
    """Compare with the best extractor, and with the best library."""
    ours = rows[_OURS]
    found = []
    for what, is_whole, target in (
        ("the best other Singer or Airbyte extractor", True, 50.0),
        ("the best client library", False, None),
    ):
        others = [each.name for each in _EXTRACTORS if each.is_whole is is_whole]
        measured = [rows[name] for name in others if name in rows]
        for label, column in (("", "records per CPU s"), (", without start", "without start")):
            if measured:
                best = max(row[column] for row in measured)
                found.append(Ratio(f"the tap / {what}{label}", ours[column] / best, target))
    return found


if __name__ == "__main__":
    main()
