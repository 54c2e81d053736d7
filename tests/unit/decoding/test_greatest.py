"""The greatest value of a replication key, over blocks in any order."""

from __future__ import annotations

from datetime import datetime, timezone

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tap_sfbulk_pages.decoding.greatest import find_greatest, pick_later
from tap_sfbulk_pages.errors import ResultPageError

KEY = "SystemModstamp"
# What Salesforce can store.
MOMENTS = st.datetimes(
    datetime(1700, 1, 1),  # noqa: DTZ001 - Hypothesis adds the zone
    datetime(4000, 12, 31),  # noqa: DTZ001 - the same
    timezones=st.just(timezone.utc),
).map(lambda moment: moment.replace(microsecond=moment.microsecond // 1000 * 1000))


def bulk(moment: datetime) -> str:
    return moment.strftime("%Y-%m-%dT%H:%M:%S.") + f"{moment.microsecond // 1000:03}Z"


@given(st.lists(st.lists(MOMENTS, max_size=5), max_size=5), st.booleans())
def test_the_maximum_of_all_blocks_in_any_order(
    blocks: list[list[datetime]],
    rest: bool,  # noqa: FBT001
) -> None:
    def written(moment: datetime) -> str:
        return bulk(moment).replace("Z", "+0000") if rest else bulk(moment)

    maximum = None
    for block in blocks:
        texts = [*(written(moment) for moment in block), None]
        greatest = find_greatest(texts, KEY)
        maximum = pick_later(maximum, greatest, replication_key=KEY)
    moments = [moment for block in blocks for moment in block]
    assert maximum == (written(max(moments)) if moments else None)


def test_forms_that_do_not_sort_as_texts() -> None:
    texts = ["2024-03-01T12:00:00.000+0200", "2024-03-01T11:00:00.000Z"]
    assert find_greatest(texts, KEY) == "2024-03-01T11:00:00.000Z"


@pytest.mark.parametrize("text", ["soon", "2024-99-99", "2024-99-99T00:00:00.000Z", ""])
def test_a_value_that_is_no_date_is_refused(text: str) -> None:
    with pytest.raises(ResultPageError, match=KEY):
        pick_later(
            None,
            find_greatest([text, "2024-03-01T12:00:00.000Z"], KEY),
            replication_key=KEY,
        )


def test_the_greatest_of_nothing() -> None:
    assert find_greatest([None, None], KEY) is None
    assert pick_later(None, None, replication_key=KEY) is None
