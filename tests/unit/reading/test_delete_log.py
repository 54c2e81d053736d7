"""The log of deleted records: which spans are asked, and what of the log is complete."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qs, urlsplit

import pytest

from tap_sfbulk_pages.errors import RefusedError
from tap_sfbulk_pages.reading.wrappers.delete_log import DeleteLog

if TYPE_CHECKING:
    from tap_sfbulk_pages.reading.wrappers.delete_log import LoggedDeletes

NOW = datetime(2026, 5, 4, 22, 0, 30, tzinfo=timezone.utc)
MINUTE = timedelta(minutes=1)
LONG_AGO = NOW - timedelta(days=60)


def ago(**time: float) -> datetime:
    return NOW - timedelta(**time)


def refused(code: str, said: str = "no") -> RefusedError:
    return RefusedError(f"{code}: {said}", status=400, error_code=code, said=said)


@dataclass
class Log:
    """Answers spans within what it has, and names what was deleted in them."""

    begins_at: datetime = LONG_AGO
    ends_at: datetime = NOW + MINUTE
    deleted: dict[str, datetime] = field(default_factory=dict)
    restored: frozenset[str] = frozenset()
    most: int = 1000
    says_earliest: bool = True
    asked: list[tuple[datetime, datetime]] = field(default_factory=list)
    queries: int = 0

    def fetch_json(self, path: str, *, parse: Any, **_: Any) -> Any:
        asked = {name: values[0] for name, values in parse_qs(urlsplit(path).query).items()}
        if "q" in asked:
            self.queries += 1
            there = [each for each in self.restored if each[:15] in asked["q"]]
            return parse({"done": True, "records": [{"Id": each} for each in there]})
        start, end = (datetime.fromisoformat(asked[name]) for name in ("start", "end"))
        self.asked.append((start, end))
        if start < self.begins_at or end > self.ends_at or end - start <= MINUTE:
            raise refused("INVALID_REPLICATION_DATE")
        found = {each: moment for each, moment in self.deleted.items() if start <= moment < end}
        if len(found) > self.most:
            raise refused("EXCEEDED_ID_LIMIT")
        return parse(
            {
                "deletedRecords": [
                    {"id": each, "deletedDate": f"{moment:%Y-%m-%dT%H:%M:%S}.000+0000"}
                    for each, moment in found.items()
                ],
                "earliestDateAvailable": self.begins_at.isoformat() if self.says_earliest else None,
                "latestDateCovered": min(end, self.ends_at).isoformat(),
            }
        )

    def read(self, since: datetime) -> list[LoggedDeletes]:
        org = cast("Any", SimpleNamespace(client=self, api_version="62.0"))
        return list(DeleteLog(org, "Thing__c", nullcontext).read(since, NOW))


def ids_of(spans: list[LoggedDeletes]) -> list[str | None]:
    return [each for span in spans for each in span.columns["Id"]]


def test_one_call_covers_everything_up_to_now() -> None:
    log = Log(deleted={"a": ago(hours=2), "b": ago(hours=20)})
    (span,) = log.read(ago(hours=10))
    assert ids_of([span]) == ["a"]
    assert span.columns["_sdc_deleted_at"] == ["2026-05-04T20:00:30.000Z"]
    assert (span.begins_at, span.covered_until) == (ago(hours=10, seconds=30), NOW)
    assert len(log.asked) == 1


@pytest.mark.parametrize("minutes", [3, 10, 200])
def test_an_end_that_the_log_does_not_cover_yet_is_no_gap(minutes: float) -> None:
    log = Log(ends_at=ago(minutes=minutes), deleted={"a": ago(hours=9)})
    (span,) = log.read(ago(hours=10))
    assert ids_of([span]) == ["a"]
    assert span.begins_at <= ago(hours=10)
    assert ago(minutes=2 * minutes + 5) < span.covered_until <= ago(minutes=minutes)


@pytest.mark.parametrize("says_earliest", [True, False])
def test_a_log_that_was_emptied_is_read_from_there_on(*, says_earliest: bool) -> None:
    begins_at = ago(hours=31, minutes=7, seconds=30)
    log = Log(begins_at=begins_at, deleted={"a": ago(hours=31)}, says_earliest=says_earliest)
    (span,) = log.read(ago(days=9))
    assert ids_of([span]) == ["a"]
    assert (span.begins_at, span.covered_until) == (begins_at, NOW)


def test_a_log_that_was_emptied_and_lags_is_read_between() -> None:
    begins_at = ago(hours=5, seconds=30)
    log = Log(begins_at=begins_at, ends_at=ago(minutes=45), deleted={"a": ago(hours=4)})
    (span,) = log.read(ago(days=2))
    assert ids_of([span]) == ["a"]
    assert span.begins_at == begins_at
    assert ago(minutes=100) < span.covered_until <= ago(minutes=45)


def test_a_log_that_answers_nothing_covers_nothing(caplog: pytest.LogCaptureFixture) -> None:
    assert Log(begins_at=NOW + MINUTE).read(ago(days=2)) == []
    assert "does not say which records were deleted since 2026-05-02T22:00Z" in caplog.text


def test_what_is_refused_but_once_is_asked_again_in_full() -> None:
    class Moody(Log):
        def fetch_json(self, path: str, *, parse: Any, **kwargs: Any) -> Any:
            if not self.asked:
                self.asked.append((NOW, NOW))
                raise refused("INVALID_REPLICATION_DATE")
            return super().fetch_json(path, parse=parse, **kwargs)

    (span,) = Moody(deleted={"a": ago(hours=9)}).read(ago(hours=10))
    assert ids_of([span]) == ["a"]
    assert (span.begins_at, span.covered_until) == (ago(hours=10, seconds=30), NOW)


def test_another_refusal_is_an_error() -> None:
    class Closed(Log):
        def fetch_json(self, *_: Any, **__: Any) -> Any:
            raise refused("INSUFFICIENT_ACCESS")

    with pytest.raises(RefusedError, match="INSUFFICIENT_ACCESS"):
        Closed().read(ago(hours=1))


def test_a_start_that_salesforce_would_refuse_is_not_asked() -> None:
    log = Log()
    (span,) = log.read(ago(days=400))
    assert min(start for start, _ in log.asked) >= ago(days=30)
    assert span.begins_at == ago(days=15)


def test_too_many_ids_are_asked_for_in_parts() -> None:
    log = Log(deleted={str(number): ago(hours=number) for number in range(1, 9)}, most=2)
    spans = log.read(ago(hours=10))
    assert sorted(map(str, ids_of(spans))) == sorted(log.deleted)
    assert spans[-1].covered_until == NOW
    assert [each.covered_until for each in spans] == sorted(each.covered_until for each in spans)


def test_what_a_reply_does_not_cover_ends_the_reading() -> None:
    class Late(Log):
        def fetch_json(self, path: str, *, parse: Any, **kwargs: Any) -> Any:
            def parse_late(reply: dict[str, Any]) -> Any:
                return parse({**reply, "latestDateCovered": ago(hours=8).isoformat()})

            return super().fetch_json(path, parse=parse_late, **kwargs)

    late = Late(deleted={str(number): ago(hours=number) for number in range(1, 9)}, most=2)
    *_, last = late.read(ago(hours=10))
    assert last.covered_until <= ago(hours=8)


def test_restored_records_are_left_out_in_calls_of_bounded_size() -> None:
    ids = [f"{number:015}AAA" for number in range(450)]
    log = Log(deleted=dict.fromkeys(ids, ago(hours=1)), restored=frozenset({ids[0], ids[449]}))
    (span,) = log.read(ago(hours=2))
    assert span.columns["Id"] == ids[1:449]
    assert len(span.columns["_sdc_deleted_at"]) == span.columns.records == 448
    assert log.queries == 3
