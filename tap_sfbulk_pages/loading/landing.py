"""One stream's way into its table, so that every record is there once.

Records with a key are merged as they come, and what is read twice replaces itself. Those of a read
that replaces the table (FULL_TABLE), and those without a key, wait in a table of their own until
the read is complete, each with the job that it is from. A job that is given up, and read anew by
another one, takes its records with it.
"""

from __future__ import annotations

import json
import logging
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from tap_sfbulk_pages.decoding.deleted import DELETED_AT
from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases import rows
from tap_sfbulk_pages.loading.databases.column_types import ColumnType
from tap_sfbulk_pages.loading.databases.tables import (
    check_records,
    check_unique,
    ensure_table,
    is_empty,
    widen_columns,
)
from tap_sfbulk_pages.loading.databases.waiting import (
    count_by_source,
    discard_source,
    drop_waiting_table,
    ensure_waiting_table,
    let_wait,
    publish,
)
from tap_sfbulk_pages.loading.exact_numbers import fit_numbers, keep_decimals
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.salesforce.schema import KEY

if TYPE_CHECKING:
    from collections.abc import Mapping, MutableMapping

    from tap_sfbulk_pages.loading.databases.database import Database
    from tap_sfbulk_pages.loading.landing_plan import LandingPlan
    from tap_sfbulk_pages.reading.page import PageReading

# The source of records that came through REST, where there is no job.
_REST = "REST"

logger = logging.getLogger(__name__)


class Landing:
    """Puts the pages of one stream into its table; its caller commits.

    Args:
        database: Where to.
        plan: How.
        state: The stream's part of the state, as the reading changes it.
    """

    def __init__(
        self, database: Database, plan: LandingPlan, state: MutableMapping[str, Any]
    ) -> None:
        self._database = database
        self._plan = plan
        self._state = state
        self._table = plan.table
        self._is_own = False
        # What has landed of each job: in the waiting table, or of the job that is appended.
        self._landed: Counter[str] = Counter()
        self._may_append = False
        self._appended: str | None = None
        self._sources: dict[str, str] = _sources(state)
        # Whether there is a read whose records are still to be seen.
        self._is_pending = saved_reads.has_job(state)
        self._has_ended = False
        self._can_wait = False
        self._finished_before = saved_reads.finished_reads(state)
        # Whether rows have come of which nothing has seen whether their keys are single.
        self._has_unchecked_keys = False
        self._source = ""
        self._batches: list[pa.RecordBatch] = []
        self._bytes = 0
        self.is_torn = False

    @property
    def loading(self) -> str | None:
        """What a later load has to know to go on, as JSON; that the table is the loader's, too."""
        known: dict[str, Any] = {"is_own": self._is_own}
        if self._has_unchecked_keys:
            known["has_unchecked_keys"] = True
        if self._appended is not None and saved_reads.has_job(self._state):
            known |= {"appended": self._appended, "records": self._landed[self._appended]}
        return json.dumps(known)

    def open(self, *, loading: str | None) -> None:
        """Make the table ready.

        Args:
            loading: What an earlier load has left (`loading`); None where the loader has not made
                the table.

        Raises:
            LoadError: If the table cannot take the records.
        """
        database, name = self._database, self._table.name
        saved = json.loads(loading) if loading else None
        self._is_own = ensure_table(database, self._table, was_own=was_own(saved))
        # A load that was killed may have committed rows before it had checked them.
        self._has_unchecked_keys = bool(saved and saved.get("has_unchecked_keys"))
        self._read_as_text(database.columns_of(name))
        self._table = keep_decimals(self._table, database.columns_of(name))
        has_rows = not is_empty(database, name)
        if self._plan.waits:
            if not self._is_own and has_rows:
                raise LoadError(
                    f"The table {name} holds rows that were not loaded by sfbulk-load. The load "
                    "would replace them, or duplicate them where the stream has no key: rename the "
                    "table, drop it, or load into another schema."
                )
            self._find_waiting()
            return
        if saved and saved.get("appended"):
            self._appended = saved["appended"]
            self._landed[self._appended] = saved["records"]
        else:
            self._may_append = not has_rows

    def take(self, page: PageReading, job_id: str | None) -> None:
        """Put the records of a page into the table, or where they wait.

        Args:
            page: Read here, to its end.
            job_id: The job that it is from; None for none.

        Raises:
            ResultPageError: If it cannot be decoded.
            LoadError: If the database refuses; the transaction is of no use then.
        """
        self.is_torn = True
        if page.types.keys() == {KEY, DELETED_AT}:
            self._take_deleted(page)
        else:
            self._take_records(page, job_id or _REST)
        self.is_torn = False

    def state_has_changed(self) -> None:
        """Take note that the reading has saved its state: a job may have been given up."""
        if not self._plan.waits:
            return
        if not saved_reads.has_job(self._state):
            # Read to its end, or given up: what comes next tells.
            self._has_ended = True
            return
        sources = _sources(self._state)
        if self.is_unsettled and self._has_finished:
            self._publish()
        self._is_pending, self._has_ended = True, False
        for part, source in self._sources.items():
            if source not in sources.values() and sources.get(part) != _DONE:
                self._discard(source)
        self._sources = sources

    def finish(self) -> None:
        """Let the records be seen that have waited, since all have been read.

        Raises:
            LoadError: If the database refuses.
        """
        self.flush()
        if self._is_pending and self._plan.waits:
            self._publish()
        if self._has_unchecked_keys:
            check_unique(self._database, self._table)
            self._has_unchecked_keys = False

    def leave(self) -> None:
        """Leave the stream before its reading has come to an end.

        What waits is seen if the state says that its job is finished, and dropped if the state
        knows nothing of it.

        Raises:
            LoadError: If the database refuses.
        """
        if not self._plan.waits or saved_reads.has_job(self._state):
            return
        if self._is_pending and self._has_finished:
            self._publish()
        else:
            self._batches, self._bytes = [], 0
            drop_waiting_table(self._database, self._table.name)

    @property
    def is_unsettled(self) -> bool:
        """Whether the state says no more of a job whose records still wait.

        Committed like this, they would be lost.
        """
        return self._plan.waits and self._is_pending and self._has_ended

    @property
    def _has_finished(self) -> bool:
        """Whether the read whose records wait has come to its end, rather than been given up."""
        return saved_reads.finished_reads(self._state) != self._finished_before

    def flush(self) -> None:
        """Hand the database what is held in memory.

        Raises:
            LoadError: If the database refuses.
        """
        if not self._batches:
            return
        records = pa.Table.from_batches(self._batches)
        self._batches, self._bytes = [], 0
        if self._plan.waits:
            let_wait(self._database, records, self._table.name, self._source)
        elif self._source == self._appended:
            rows.append(self._database, records, self._table.name)
            self._has_unchecked_keys = self._checks_keys
        else:
            # What has the same key in the table is replaced, so that only the batch can have two.
            if self._checks_keys:
                check_records(records, self._table)
            rows.merge(self._database, records, self._table.name, self._table.keys)
        if DELETED_AT in records.column_names and not self._plan.waits:
            self._remove_deleted()

    @property
    def _checks_keys(self) -> bool:
        """Whether keys must be looked at.

        Salesforce sees to it that Ids are single; a key of the user's own may be none.
        """
        return not self._database.has_key_index and self._table.keys not in ((), (KEY,))

    def _remove_deleted(self) -> None:
        """Remove records that were read although they are deleted, if that is wanted."""
        if self._plan.removes_deleted and DELETED_AT in self._table.columns:
            rows.remove_where_filled(self._database, self._table.name, DELETED_AT)

    def _read_as_text(self, columns: Mapping[str, ColumnType]) -> None:
        """Read the numbers as text whose columns are: decimals would round some of them."""
        for name, type_ in self._table.columns.items():
            if type_.name == "DECIMAL" and columns[name].name == "VARCHAR":
                self._plan.pages.read_as_text(name)

    def _find_waiting(self) -> None:
        """Count what an earlier load has left waiting; nothing is of use without its job."""
        name = self._table.name
        if not saved_reads.has_job(self._state):
            drop_waiting_table(self._database, name)
            return
        ensure_waiting_table(self._database, self._table)
        self._landed.update(count_by_source(self._database, name))

    def _take_records(self, page: PageReading, source: str) -> None:
        if source != self._source:
            self.flush()
            self._source = source
        if self._plan.waits:
            self._begin_to_wait(page, source)
        else:
            self._choose_statement(page, source)
        self._add(page)
        self._landed[source] += page.records

    def _begin_to_wait(self, page: PageReading, source: str) -> None:
        """See that what waits of a job is what has been read of it."""
        self._is_pending = True
        if not page.done_before:
            self._discard(source)
        if saved_reads.unfinished_ranges(self._state) is None:
            # There is one job at a time, and what waits of another one has been given up.
            for other in self._landed.keys() - {source}:
                self._discard(other)
        if self._landed[source] != page.done_before:
            raise LoadError(
                f"{self._landed[source]:,} records of job {source} wait for the table "
                f"{self._table.name}, and the state says {page.done_before:,}: somebody has "
                f"changed one of them. Delete the row of {self._table.name} from _sfbulk_state, "
                "and the stream is loaded anew."
            )
        if not self._can_wait:
            ensure_waiting_table(self._database, self._table)
            self._can_wait = True

    def _choose_statement(self, page: PageReading, source: str) -> None:
        """Append the first job's records to an empty table: no other statement is as fast.

        No two of its records have the same key. Should it be read again, even from its start, its
        records are merged.
        """
        if self._may_append:
            self._may_append = False
            self._appended = source
        if source == self._appended and self._landed[source] != page.done_before:
            self.flush()
            self._appended = None

    def _take_deleted(self, page: PageReading) -> None:
        self.flush()
        if self.is_unsettled and self._has_finished:
            self._publish()
        self._source = ""
        for batch in self._plan.pages.batches(page):
            records = pa.Table.from_batches([batch])
            if self._plan.removes_deleted:
                rows.remove(self._database, records, self._table.name, [KEY])
            else:
                rows.update(self._database, records, self._table.name, [KEY])

    def _add(self, page: PageReading) -> None:
        for read in self._plan.pages.batches(page):
            batch = fit_numbers(read, self._table.columns)
            if self._batches and batch.schema != self._batches[-1].schema:
                self.flush()
            self._widen(batch.schema)
            self._batches.append(batch)
            self._bytes += batch.nbytes
            if self._bytes >= rows.BYTES_AT_A_TIME:
                self.flush()

    def _widen(self, schema: pa.Schema) -> None:
        """Make room for numbers that no decimal holds, and that have come as text."""
        wider = {
            each.name: ColumnType("VARCHAR")
            for each in schema
            if pa.types.is_string(each.type) and self._table.columns[each.name].name == "DECIMAL"
        }
        if not wider:
            return
        for name in wider:
            self._plan.pages.read_as_text(name)
        self._table = replace(self._table, columns={**self._table.columns, **wider})
        widen_columns(self._database, self._table, may_widen=self._is_own)
        if self._can_wait:
            ensure_waiting_table(self._database, self._table)

    def _discard(self, source: str) -> None:
        """Drop what waits of a job that will be read again, or by another one."""
        self.flush()
        if self._landed.pop(source, 0):
            logger.info(
                "Stream %s: what waited of job %s is dropped; it is read again.",
                self._table.name,
                source,
            )
            discard_source(self._database, self._table.name, source)

    def _publish(self) -> None:
        self.flush()
        ensure_waiting_table(self._database, self._table)
        publish(self._database, self._table.name, since=self._plan.since)
        self._has_unchecked_keys = self._checks_keys
        self._remove_deleted()
        self._landed.clear()
        self._sources = {}
        self._is_pending = self._has_ended = self._can_wait = False
        self._finished_before = saved_reads.finished_reads(self._state)


_DONE = "done"


def was_own(saved: Mapping[str, Any] | None) -> bool:
    """Tell, by what an earlier load has left (`Landing.loading`), whether the table is its own."""
    return saved is not None and saved.get("is_own", True)


def _sources(state: Mapping[str, Any]) -> dict[str, str]:
    """List what a state says is being read: for each part of a read, the job that it is read by."""
    if saved_reads.saved_rest_query(state):
        return {"": _REST}
    if job := _job_of(state):
        return {"": job}
    parts = (saved_reads.unfinished_ranges(state) or {}).get("parts", ())
    found = {}
    for part in parts:
        source = _DONE if part.get("done") else _job_of(part)
        if source:
            found[f"{part.get('from')} {part.get('until')}"] = source
    return found


def _job_of(state: Mapping[str, Any]) -> str | None:
    saved = saved_reads.saved_job(state)
    return saved.id if saved else None
