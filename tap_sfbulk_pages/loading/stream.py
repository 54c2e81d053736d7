"""One stream of a load, made when its turn comes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.jobs.page_lists import PageListCursor
from tap_sfbulk_pages.loading.landing import Landing
from tap_sfbulk_pages.reading.page import ReadingContext
from tap_sfbulk_pages.reading.state import saved_reads
from tap_sfbulk_pages.reading.state.origin import note_org
from tap_sfbulk_pages.watching.activity import Phase, on_behalf_of

if TYPE_CHECKING:
    from collections.abc import Callable, MutableMapping

    from tap_sfbulk_pages.loading.landing_plan import LandingPlan
    from tap_sfbulk_pages.loading.transactions import Transactions
    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.reading.page import Reading
    from tap_sfbulk_pages.reading.stop_signal import StopSignal
    from tap_sfbulk_pages.watching.activity import RunActivity

    Open = Callable[[ReadingContext, MutableMapping[str, Any]], "OpenedStream | None"]


@dataclass(frozen=True)
class OpenedStream:
    """A stream that is about to be read.

    Attributes:
        reading: Finds its pages.
        plan: How they land.
    """

    reading: Reading
    plan: LandingPlan


@dataclass(frozen=True)
class LoadContext:
    """What the streams of a load share.

    Attributes:
        org: Where from.
        transactions: Where to.
        activity: What the load does is noted there.
        stop_signal: Ends the load early.
        tend: Looks after the jobs that run ahead, without waiting.
    """

    org: Org
    transactions: Transactions
    activity: RunActivity
    stop_signal: StopSignal
    tend: Callable[[], None]


class StreamToLoad:
    """A stream that is loaded when its job has ended (`reading.run.ScheduledStream`).

    Args:
        context: What the streams share.
        name: Of the stream.
        open_stream: Decides how it is read, and makes ready to; returns None where the org does not
            offer it after all.

    Attributes:
        name: Of the stream.
        activity: What the load does for it.
        has_saved_job: Whether the state holds a job of it.
    """

    def __init__(self, context: LoadContext, name: str, open_stream: Open) -> None:
        self.name = name
        self.activity = context.activity.stream(name)
        self._context = context
        self._state = context.transactions.state(name)
        self.has_saved_job = saved_reads.has_job(self._state)
        self._open_stream = open_stream
        self._opened: OpenedStream | None = None
        self._error: Exception | None = None

    @property
    def is_left_out(self) -> bool:
        """Whether the org does not offer it; known when its preparation has begun."""
        return self._opened is None and self._error is None

    @property
    def job_id(self) -> str | None:
        """The query job that is being read, for messages."""
        return self._opened.reading.job_id if self._opened else None

    def preparation(self, made: Callable[[], None]) -> Callable[[], None] | None:
        """Make ready to prepare the job on another thread (`reading.schedule.Scheduled`)."""
        context = ReadingContext(
            self._context.org,
            save=self._save_state,
            new_cursor=PageListCursor,
            waiting=self._context.stop_signal.waiting,
            tend=self._context.tend,
        )
        try:
            self._opened = self._open_stream(context, self._state)
        except Exception as error:  # noqa: BLE001 - `read` raises it, for this stream alone
            self._error = error
        if self._opened is None:
            return None
        reading = self._opened.reading

        def prepare() -> None:
            with on_behalf_of(self.activity):
                reading.prepare(made)

        return prepare

    def _save_state(self) -> None:
        note_org(self._state, self._context.org.id)
        self._context.transactions.save(self.name)

    def keep_job(self) -> None:
        """Save the job that has been made."""
        if self._opened:
            self._opened.reading.keep()

    def prefetch(self) -> None:
        """Fetch pages ahead, without waiting."""
        if self._opened:
            with on_behalf_of(self.activity):
                self._opened.reading.prefetch()

    def read(self) -> None:
        """Load the stream.

        Raises:
            Exception: Whatever went wrong with it.
        """
        if self._error:
            raise self._error
        if self._opened is None:
            return
        transactions = self._context.transactions
        landing = Landing(transactions.database, self._opened.plan, self._state)
        with on_behalf_of(self.activity):
            transactions.open(self.name, landing)
            try:
                self._load_pages(self._opened.reading)
                transactions.finish()
            except LoadError:
                transactions.undo()
                raise
            except Exception:
                transactions.leave()
                raise

    def _load_pages(self, reading: Reading) -> None:
        for page in reading.pages():
            self._context.stop_signal.check()
            self._context.tend()
            with self.activity.during(Phase.WRITING):
                self._context.transactions.take(page, reading.job_id)
            self.activity.note_page_written(page.records)

    def forget(self) -> None:
        """Free what the stream holds, the pages fetched ahead among it."""
        if self._opened:
            self._opened.reading.close()
        self._opened = self._error = None
