"""A load: from the settings to the last commit."""

from __future__ import annotations

import logging
from contextlib import closing
from typing import IO, TYPE_CHECKING, Any

from tap_sfbulk_pages.loading.catalog import read_catalog
from tap_sfbulk_pages.loading.databases.address import connect, describe_address
from tap_sfbulk_pages.loading.singer_load import SingerLoad
from tap_sfbulk_pages.loading.stream import LoadContext
from tap_sfbulk_pages.loading.streams import list_streams
from tap_sfbulk_pages.loading.transactions import Transactions
from tap_sfbulk_pages.org import Org
from tap_sfbulk_pages.reading.foreign_states import refuse_foreign_states
from tap_sfbulk_pages.reading.run import StreamRun
from tap_sfbulk_pages.settings import check_config
from tap_sfbulk_pages.watching.activity import RunActivity

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from tap_sfbulk_pages.loading.catalog import SelectedStream
    from tap_sfbulk_pages.loading.databases.database import Database
    from tap_sfbulk_pages.loading.settings import LoadSettings
    from tap_sfbulk_pages.reading.stop_signal import StopSignal

logger = logging.getLogger(__name__)


def load_org(
    settings: LoadSettings,
    config: Mapping[str, Any],
    catalog: IO[bytes] | None,
    stop_signal: StopSignal,
) -> None:
    """Load what a catalog selects, or everything that the org offers.

    Args:
        settings: Where to, and how.
        config: The tap's settings.
        catalog: What; None for everything.
        stop_signal: Ends the load early, at a commit.

    Raises:
        IncompleteRunError: If some streams could not be loaded, after the others.
        ExtractionError: If none can be.
        SystemExit: If a signal has stopped the load.
    """
    selected = read_catalog(catalog) if catalog else None
    tracks_deletes = {"track_hard_deletes": True} if settings.hard_deletes else {}
    org = Org(check_config({**config, **tracks_deletes}))
    with closing(_connect(settings, stop_signal)) as database:
        # A signal that raises in the middle of a query ends DuckDB's with an error of its own.
        with stop_signal.writing():
            transactions = Transactions(database)
        stop_signal.check()
        load = _OrgLoad(org, transactions, stop_signal)
        load.run(selected, removes_deleted=settings.hard_deletes == "remove")


def load_messages(
    settings: LoadSettings,
    lines: Iterable[bytes],
    write: Callable[[str], None],
    stop_signal: StopSignal,
) -> None:
    """Load the messages of a Singer tap.

    Args:
        settings: Where to, and how.
        lines: The messages.
        write: Writes a state, whose records have been committed.
        stop_signal: Ends the load early, after what has come is committed.

    Raises:
        LoadError: If a message cannot be understood, or the database refuses.
        RunStopped: If a signal has stopped the load.
    """
    removes_deleted = settings.hard_deletes == "remove"
    with closing(_connect(settings, stop_signal)) as database:
        with stop_signal.writing():
            load = SingerLoad(database, write, stop_signal, removes_deleted=removes_deleted)
        load.load(lines)


def _connect(settings: LoadSettings, stop_signal: StopSignal) -> Database:
    """Connect to the database.

    Raises:
        SettingsError: If the address is not understood.
        LoadError: If the database cannot be reached, or another load has not ended in time.
        RunStopped: If a signal has come.
    """
    with stop_signal.writing():
        database = connect(
            settings.into,
            schema=settings.schema,
            wait_seconds=settings.lock_timeout,
            waiting=stop_signal.waiting,
        )
    logger.info("Loading into %s.", describe_address(settings.into))
    return database


_OWN_SCHEMAS = (
    "Load each org into a schema (--schema) or a database of its own. To load this org in place of "
    "the other, drop those tables and delete their rows of _sfbulk_state."
)


class _OrgLoad:
    """The streams of a load, and the run that reads them."""

    def __init__(self, org: Org, transactions: Transactions, stop_signal: StopSignal) -> None:
        self._context = LoadContext(org, transactions, RunActivity(), stop_signal, tend=self._tend)
        self._run: StreamRun | None = None

    def run(self, selected: Mapping[str, SelectedStream] | None, *, removes_deleted: bool) -> None:
        context = self._context
        states = context.transactions.states
        refuse_foreign_states(
            context.org,
            states,
            read=states.keys(),
            what="What is loaded here",
            way_out=_OWN_SCHEMAS,
        )
        self._run = StreamRun(
            list_streams(context, selected, removes_deleted=removes_deleted),
            org=context.org,
            activity=context.activity,
            stop_signal=context.stop_signal,
            write_state=context.transactions.leave,
        )
        self._run.read()

    def _tend(self) -> None:
        if self._run:
            self._run.tend()
