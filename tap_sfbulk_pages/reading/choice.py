"""How an object is read: through one job, in ranges or through REST; with what comes beside it.

Decided here alone, for runs and for plans.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.reading.object_query import find_delete_fields
from tap_sfbulk_pages.reading.state import keys, saved_reads
from tap_sfbulk_pages.reading.state.saved_ranges import SavedRanges
from tap_sfbulk_pages.reading.through_ranges import SplitReading
from tap_sfbulk_pages.reading.through_rest import RestReading
from tap_sfbulk_pages.reading.wrappers.asked_again import AskedAgain
from tap_sfbulk_pages.reading.wrappers.job_or_rest import JobOrRestReading
from tap_sfbulk_pages.reading.wrappers.with_binary_fields import WithBinaryFields
from tap_sfbulk_pages.reading.wrappers.with_deleted_records import (
    WithDeletedRecords,
    begin_tracking,
)
from tap_sfbulk_pages.reading.wrappers.without_refused_fields import WithoutRefusedFields
from tap_sfbulk_pages.salesforce.schema import KEY, REPLICATION_KEYS
from tap_sfbulk_pages.soql.conditions import has_relative_date

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tap_sfbulk_pages.reading.object_query import ObjectQuery, ObjectQuestion, ObjectSelection
    from tap_sfbulk_pages.reading.page import Reading, ReadingContext
    from tap_sfbulk_pages.settings import Settings

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Choice:
    """How an object is read, as far as that is known before Salesforce is asked.

    Attributes:
        may_cut: Whether the query may be cut into ranges, each read through a job of its own, when
            its job takes too long.
        may_cut_by_size: Whether it is cut before any job is made if the object is huge.
        is_begun: Whether an earlier run has begun to read, which is then read on as it was begun.
        begins_through_rest: Whether a query of an earlier run is read on through REST.
        takes_small: Whether it is read through REST if the object is small.
        falls_back: Whether it is read through REST if the Bulk API refuses it.
        tracks_deletes: Whether the records that have been deleted are read after the others.
    """

    may_cut: bool
    may_cut_by_size: bool
    is_begun: bool
    begins_through_rest: bool
    takes_small: bool
    falls_back: bool
    tracks_deletes: bool


def choose(question: ObjectQuestion, settings: Settings, state: Mapping[str, Any]) -> Choice:
    """Choose how to read an object.

    Args:
        question: What is asked of it.
        settings: Of the run.
        state: The stream's part of the Singer state.

    Raises:
        StateError: If the state is malformed.
    """
    is_begun = _is_begun(question.query, state)
    may_cut = settings.split_jobs and _keeps_order(question.query)
    may_use_rest = settings.fallback_to_rest or settings.small_objects_through_rest
    return Choice(
        may_cut=may_cut,
        may_cut_by_size=may_cut and question.is_whole and not is_begun,
        is_begun=is_begun,
        begins_through_rest=may_use_rest and saved_reads.saved_rest_query(state) is not None,
        takes_small=settings.small_objects_through_rest and not is_begun,
        falls_back=settings.fallback_to_rest,
        tracks_deletes=settings.track_hard_deletes and _keeps_delete_log(question.selection),
    )


def open_object(
    context: ReadingContext, question: ObjectQuestion, state: MutableMapping[str, Any]
) -> Reading:
    """Make ready to read an object.

    Args:
        context: The org, and what the run does meanwhile.
        question: What is asked of it.
        state: The stream's part of the Singer state, changed in place while the object is read.

    Raises:
        StateError: If the state is malformed.
    """
    return WithoutRefusedFields(
        _open_question(context, question, state),
        context,
        question,
        open_again=lambda narrowed: _open_question(context, narrowed, state),
    )


def _open_question(
    context: ReadingContext, question: ObjectQuestion, state: MutableMapping[str, Any]
) -> Reading:
    """Make ready to read what a question finds, deleted records included."""
    choice = choose(question, context.org.settings, state)
    if choice.tracks_deletes:
        fields = find_delete_fields(question.selection.sobject, context.org.settings)
        stamp = fields[-1] if fields and {*fields, KEY} <= question.types.keys() else None
        question = replace(question, deleted=begin_tracking(context, state, stamp))
    question.begin()
    is_asked_again = choice.is_begun and has_relative_date(question.query.condition)
    # A bookmark that yesterday's answer moved would be taken to cover today's question: a run that
    # is killed in between would leave behind it what only today's answer holds.
    begun = replace(question, incremental=None, refresh=None) if is_asked_again else question
    reading = _open_records(context, begun, state, choice)
    if is_asked_again:
        reading = AskedAgain(
            reading,
            context,
            stream=question.selection.sobject.name,
            ask=lambda: _open_records(
                context, question, state, choose(question, context.org.settings, state)
            ),
        )
    if choice.tracks_deletes:
        reading = WithDeletedRecords(
            reading,
            context,
            sobject=question.selection.sobject.name,
            state=state,
            deleted=question.deleted,
        )
    return reading


def _open_records(
    context: ReadingContext,
    question: ObjectQuestion,
    state: MutableMapping[str, Any],
    choice: Choice,
) -> Reading:
    """Make ready to read the records that the question finds."""
    if question.binary_fields:
        # A page is not complete before these have been fetched.
        context = replace(context, sinks=None)
    bulk = SplitReading(
        context,
        question,
        state=state,
        may_cut=choice.may_cut,
        may_cut_by_size=choice.may_cut_by_size,
    )
    sobject, request = question.selection.sobject, question.request()
    logger.debug("%s", request.query)

    def make_rest() -> Reading:
        return RestReading(
            context,
            request,
            name=sobject.name,
            datetimes={field.name for field in sobject.fields if field.type == "datetime"},
            state=state,
            on_finished=question.finish,
        )

    reading: Reading = JobOrRestReading(
        make_rest() if choice.begins_through_rest else bulk,
        context,
        make_rest=make_rest,
        sobject=sobject.name,
        takes_small=choice.takes_small,
        falls_back=choice.falls_back,
    )
    if question.binary_fields:
        reading = WithBinaryFields(
            reading, context, sobject=sobject.name, fields=question.binary_fields
        )
    return reading


def _is_begun(query: ObjectQuery, state: Mapping[str, Any]) -> bool:
    """Find out whether an earlier run has begun; ranges of another query are not read on."""
    ranges = SavedRanges.load(state)
    if ranges and not query.is_answered_by(ranges):
        state = {name: each for name, each in state.items() if name != keys.RANGES}
    return saved_reads.has_job(state)


def _keeps_order(query: ObjectQuery) -> bool:
    """Return whether ranges of the query can be read at different times without missing a record.

    A record whose key moves backwards while they are read, as one of the user's own choice may,
    can move into a range that has been read already.
    """
    is_bounded = query.range_field is not None and query.limit is None
    return is_bounded and query.replication_key in (None, *REPLICATION_KEYS)


def _keeps_delete_log(selection: ObjectSelection) -> bool:
    """Return whether Salesforce can say which were deleted; a look at a few asks nothing."""
    if selection.limit is not None:
        return False
    if selection.sobject.is_replicated and selection.primary_keys == (KEY,):
        return True
    logger.info(
        "Stream %s: Salesforce keeps no log of its deleted records.", selection.sobject.name
    )
    return False
