"""Which API version is used."""

from __future__ import annotations

from typing import Any

import pytest

from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.salesforce.versions import NEWEST_TESTED, choose_version, parse_version


class Versions:
    """Stands in for the client of an org that offers some versions."""

    def __init__(self, *versions: str) -> None:
        self._reply = [{"version": each, "url": f"/services/data/v{each}"} for each in versions]

    def fetch_json(self, _link: str, *, parse: Any, **_: Any) -> Any:
        return parse(self._reply)


@pytest.mark.parametrize("text", ["62.0", "v62.0", "62", "v62", " 62.0 "])
def test_ways_to_write_a_version(text: str) -> None:
    assert parse_version(text) == "62.0"


@pytest.mark.parametrize(
    "text",
    ["", "new", "62.5", "57.0", "v9.0", "62.0.0", "-62.0", "6 2", "62.0/../x", "٦٢.0", "62.0\n\n0"],
)
def test_what_is_no_version_or_too_old_is_refused(text: str) -> None:
    with pytest.raises(SettingsError, match="api_version"):
        parse_version(text)


@pytest.mark.parametrize(
    ("offered", "chosen"),
    [
        (["58.0"], "58.0"),
        (["59.0", "61.0", "60.0"], "61.0"),
        (["31.0", "58.0", "57.0"], "58.0"),
        (["62.0", f"{NEWEST_TESTED}", "99.0"], f"{NEWEST_TESTED}"),
        (["62.0", "100.0"], "62.0"),
    ],
)
def test_the_newest_that_was_tested(offered: list[str], chosen: str) -> None:
    client: Any = Versions(*offered)
    assert choose_version(client) == chosen


@pytest.mark.parametrize("offered", [[], ["57.0"], ["99.0"]])
def test_an_org_without_a_usable_version(offered: list[str]) -> None:
    client: Any = Versions(*offered)
    with pytest.raises(ExtractionError, match="api_version"):
        choose_version(client)
