"""What a bookmark covers: the question that was answered up to it, and what today's asks beyond.

A bookmark says up to when records have been read, but not which ones. The question is kept beside
it in the state, in a form that a person can read, and compared with today's. Where today's finds
more, the records that only it finds lie before the bookmark and would never be read.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.datetimes import format_literal, parse_datetime
from tap_sfbulk_pages.errors import SettingsError, StateError
from tap_sfbulk_pages.reading.state import entry as stream_state
from tap_sfbulk_pages.reading.state.bookmarks import Incremental, parse_bookmark
from tap_sfbulk_pages.reading.state.saved_values import is_moment
from tap_sfbulk_pages.soql.conditions import finds_no_more, gains_with_time, normalize
from tap_sfbulk_pages.words import plural

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, MutableMapping
    from datetime import datetime

    from tap_sfbulk_pages.settings import Settings

REREAD = "reread"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Coverage:
    """A question, as far as it decides which records and fields a bookmark covers.

    Attributes:
        condition: The filter, or the WHERE clause of a query; None for every record.
        source: Where a query looks, beside its condition: the rest of its clauses.
        include_deleted: Whether deleted and archived records are among them.
        start_date: The least value of the replication key, in ISO 8601; None for none.
        fields: The names of the fields that were read.
        hidden: Fields that should have been read but were not shown, by name: the bookmark from
            which on they are missing; None where they have always been missing.
        asked_at: When it was asked, in ISO 8601, where the condition depends on that.
    """

    condition: str | None
    source: str
    include_deleted: bool
    start_date: str | None
    fields: tuple[str, ...]
    hidden: Mapping[str, str | None] = field(default_factory=dict)
    asked_at: str | None = None

    @classmethod
    def of(
        cls,
        condition: str | None,
        source: str,
        fields: Iterable[str],
        settings: Settings,
        *,
        include_deleted: bool,
        now: datetime,
    ) -> Coverage:
        """Make the coverage that today's question will leave, as far as fields are shown."""
        start = settings.start_date
        return cls(
            condition=normalize(condition) if condition else None,
            source=source,
            include_deleted=include_deleted,
            start_date=start.isoformat() if start else None,
            fields=tuple(sorted(fields)),
            asked_at=now.isoformat(timespec="seconds") if gains_with_time(condition) else None,
        )

    @classmethod
    def load(cls, state: Mapping[str, Any]) -> Coverage | None:
        """Read the question of a stream's bookmark; None where the state has none.

        Raises:
            StateError: If it is broken.
        """
        saved = stream_state.question(state)
        if saved is None:
            return None
        try:
            loaded = cls(
                condition=saved.get("filter"),
                source=saved.get("from") or "",
                include_deleted=bool(saved["include_deleted"]),
                start_date=saved.get("start_date"),
                fields=tuple(map(str, saved["fields"])),
                hidden={str(each["name"]): each["since"] for each in saved.get("hidden") or ()},
                asked_at=saved.get("asked_at"),
            )
            is_sound = loaded._is_sound
        except (AttributeError, LookupError, SettingsError, TypeError):
            is_sound = False
        if not is_sound:
            raise StateError(
                "The saved question is not one that this tap has written: remove it from the "
                "state, and the bookmark is taken to cover today's question."
            )
        return loaded

    @property
    def _is_sound(self) -> bool:
        moments = (self.start_date, self.asked_at, *self.hidden.values())
        if self.condition is not None:
            normalize(self.condition)
        return isinstance(self.source, str) and all(
            each is None or is_moment(each) for each in moments
        )

    def save(self) -> dict[str, Any]:
        """Write it for the state; every key is there, so that nothing older survives a merge."""
        return {
            "filter": self.condition,
            "from": self.source,
            "include_deleted": self.include_deleted,
            "start_date": self.start_date,
            "fields": list(self.fields),
            # A list: merged states would keep the keys of an object that are gone from it.
            "hidden": [{"name": name, "since": since} for name, since in self.hidden.items()],
            "asked_at": self.asked_at,
        }

    def find_wider(self, before: Coverage) -> list[str]:
        """Say what makes it wider than an earlier question; nothing if it finds no more."""
        reasons = []
        if before.source.upper() != self.source.upper():
            reasons.append("the query looks elsewhere")
        if not finds_no_more(self.condition, before.condition):
            was, now = before.condition, self.condition or "nothing"
            reasons.append(f"the condition was {was} and is {now}")
        elif self.asked_at and before.asked_at and _may_be_days(before.asked_at, self.asked_at):
            reasons.append(f"the condition {self.condition} finds other records each day")
        if self.include_deleted and not before.include_deleted:
            reasons.append("deleted records are included now")
        if _begins_earlier(self.start_date, before.start_date):
            now = self.start_date or "unset"
            reasons.append(f"start_date was {before.start_date} and is {now}")
        return reasons

    def find_new_fields(self, before: Coverage) -> list[str]:
        """Name the fields that an earlier question neither read nor missed."""
        known = {name.lower() for name in (*before.fields, *before.hidden)}
        return [name for name in self.fields if name.lower() not in known]

    def with_hidden(
        self,
        before: Coverage | None,
        wanted: Iterable[str],
        described: Iterable[str],
        bookmark: str | None,
    ) -> Coverage:
        """Add the fields that Salesforce does not show at the moment.

        They are those that are selected, and those that were read before: a catalog that has been
        discovered anew does not name them either.

        Args:
            before: The question of the bookmark.
            wanted: The selected fields.
            described: The fields that Salesforce shows.
            bookmark: From where on they are missing, if they were there until now.
        """
        shown = {name.lower() for name in described}
        since = before.hidden if before else {}
        names = (*wanted, *(before.fields if before else ()), *since)
        hidden = {name: since.get(name, bookmark) for name in names if name.lower() not in shown}
        return replace(self, hidden=hidden)


def decide_start(
    key: str,
    schema: Mapping[str, Any],
    state: MutableMapping[str, Any],
    settings: Settings,
    *,
    stream: str,
    coverage: Coverage,
    wanted: Iterable[str],
    described: Iterable[str],
    now: datetime,
) -> Incremental:
    """Decide from where on an incremental stream is read.

    Args:
        key: The replication key.
        schema: Its JSON schema.
        state: The stream's part of the Singer state.
        settings: Of the run.
        stream: Its name, for messages.
        coverage: Today's question.
        wanted: The selected fields.
        described: The fields that Salesforce describes today.
        now: By Salesforce's clock.

    Raises:
        StateError: If the bookmark is not a date, or the saved question is broken.
    """
    before = Coverage.load(state)
    bookmark = own = stream_state.bookmark(state, key)
    if own is not None and parse_bookmark(own) > now:
        # Were it kept, the next run would begin in its own present, and miss what came before.
        own = format_literal(now, schema)
    coverage = coverage.with_hidden(before, wanted, described, own)
    reasons = list[str]()
    if own is None and (other := stream_state.other_bookmark(state, key)):
        other_key, bookmark = other
        reasons = [f"the replication key was {other_key} and is {key}"]
    elif own is not None and before is not None:
        reasons = coverage.find_wider(before)
    if reasons:
        bookmark = _answer_wider(stream, reasons, bookmark, settings)
    if bookmark is not None and before is not None:
        bookmark = _heal_fields(stream, bookmark, before, coverage, settings)
    if _begins_in_future(stream, bookmark, settings, now):
        own = bookmark = format_literal(now, schema)
    incremental = read_from(
        Incremental(key, schema, state, least=own, started_at=now, question=coverage.save()),
        bookmark,
    )
    if incremental.may_be_null:
        logger.info(
            "Stream %s: records whose %s is null are read by the first load only; incremental runs "
            "cannot see them, nor that it has become null.",
            stream,
            key,
        )
    return incremental


def read_from(incremental: Incremental, bookmark: str | None) -> Incremental:
    """Read a stream from a bookmark on; None for from the beginning.

    Its records are written without the hidden fields, so these are missing from there on, too.
    """
    covered = incremental.question
    if covered is None:
        return replace(incremental, bookmark=bookmark)
    hidden = [
        {"name": each["name"], "since": _find_earlier(each["since"], bookmark)}
        for each in covered["hidden"]
    ]
    return replace(incremental, bookmark=bookmark, question={**covered, "hidden": hidden})


def hide_field(incremental: Incremental, name: str) -> Incremental:
    """Keep a field as hidden in the question of the new bookmark.

    Every record from where on the stream is read will lack it, and those that lacked it before.
    """
    covered = incremental.question
    if covered is None:
        return incremental
    before = Coverage.load(incremental.state)
    since = incremental.bookmark
    if before and name in before.hidden:
        since = _find_earlier(before.hidden[name], since)
    hidden = [*covered["hidden"], {"name": name, "since": since}]
    fields = [each for each in covered["fields"] if each != name]
    return replace(incremental, question={**covered, "fields": fields, "hidden": hidden})


def _find_earlier(one: str | None, other: str | None) -> str | None:
    """Return the earlier of two bookmarks; None is the beginning."""
    return None if one is None or other is None else min(one, other, key=parse_bookmark)


def _answer_wider(
    stream: str, reasons: Iterable[str], bookmark: str | None, settings: Settings
) -> str | None:
    """Go back to the beginning for a question that has become wider, or say what is left out."""
    said = "; ".join(reasons)
    if settings.on_wider_query == REREAD:
        logger.warning(
            "Stream %s is read from the beginning once, since its question has become wider: %s. "
            "Set on_wider_query to go_on to read changes only.",
            stream,
            said,
        )
        return None
    logger.warning(
        "Stream %s: its question has become wider: %s. Older records that only the new question "
        "finds are not read (on_wider_query is go_on).",
        stream,
        said,
    )
    return bookmark


def _heal_fields(
    stream: str, bookmark: str, before: Coverage, coverage: Coverage, settings: Settings
) -> str | None:
    """Go back to where fields vanished that are shown again, or came that were not there."""
    new = coverage.find_new_fields(before)
    if new and settings.backfill_new_fields:
        logger.warning(
            "Stream %s is read from the beginning once, for its new %s: %s.",
            stream,
            plural(len(new), "field"),
            ", ".join(new),
        )
        return None
    if new:
        logger.warning(
            "Stream %s has new fields (%s). Records that do not change lack them in the target; "
            "backfill_new_fields reads the stream in full once.",
            stream,
            ", ".join(new),
        )
    shown = {name.lower() for name in coverage.fields}
    back = {name: since for name, since in before.hidden.items() if name.lower() in shown}
    if not back:
        return bookmark
    logger.warning(
        "Stream %s: %s can be read again; the records that have changed meanwhile are read once "
        "more.",
        stream,
        ", ".join(back),
    )
    if None in back.values():
        return None
    return min([bookmark, *filter(None, back.values())], key=parse_bookmark)


def _begins_in_future(stream: str, bookmark: str | None, settings: Settings, now: datetime) -> bool:
    """Return whether the bookmark, or the start date without one, is still to come, and say so."""
    start = settings.start_date if bookmark is None else parse_bookmark(bookmark)
    if start is None or start <= now:
        return False
    logger.warning(
        "Stream %s: %s is in the future (Salesforce's clock says %s). Records are read from now "
        "on, less the lookback.",
        stream,
        f"start_date {start}" if bookmark is None else f"bookmark {bookmark}",
        now.isoformat(timespec="seconds"),
    )
    return True


def _begins_earlier(today: str | None, before: str | None) -> bool:
    if before is None:
        return False
    return today is None or parse_datetime(today) < parse_datetime(before)


def _may_be_days(before: str, now: str) -> bool:
    """Return whether a day may have begun between two moments, in some time zone.

    Relative dates follow the time zone of the user who asks, which is a multiple of a quarter of an
    hour away from UTC.
    """
    first, last = (parse_datetime(each).timestamp() // 900 for each in (before, now))
    return first != last
