"""Everything that the endpoints share."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from sfbulk_sandbox.state.ingest_jobs import IngestJobs
from sfbulk_sandbox.state.org import Org
from sfbulk_sandbox.state.query_jobs import QueryJobs, new_ids
from sfbulk_sandbox.state.sessions import Sessions
from sfbulk_sandbox.state.usage import Usage

if TYPE_CHECKING:
    from datetime import datetime

    from sfbulk_sandbox.scenario import Scenario
    from sfbulk_sandbox.state.org import ResultSet

_OPEN_CURSORS = 1000
_LIFE_OF_RESULTS = timedelta(days=7)
"""Bulk API 2.0 limits: results are kept for seven days."""


class State:
    """One org and what has been done with it.

    Its methods and those of its parts run on one event loop; only the org's own work is done in
    threads.
    """

    def __init__(self, scenario: Scenario) -> None:
        credentials = scenario.credentials
        self.scenario = scenario
        self.org = Org(
            seed=scenario.seed,
            rows=scenario.rows,
            now=scenario.now,
            until=scenario.data_until,
            objects=scenario.objects,
            username=credentials.username if credentials else None,
        )
        self.sessions = Sessions(
            organization_id=self.org.user.organization_id,
            known_only=credentials is not None,
            access_token=credentials.access_token if credentials else None,
            refresh_token=credentials.refresh_token if credentials else None,
        )
        self.jobs = QueryJobs()
        self.ingest_jobs = IngestJobs()
        self.cursors = Cursors()
        self.usage = Usage()

    def set_now(self, now: datetime | None) -> None:
        """Set what time it is in the org; None follows the clock. Jobs of last week are gone."""
        self.org.set_now(now)
        self.jobs.remove_older_than(self.org.moment() - _LIFE_OF_RESULTS)


class Cursors:
    """Results that are read batch by batch; the oldest gives way when too many are open."""

    def __init__(self) -> None:
        self._results: dict[str, ResultSet] = {}
        self._ids = new_ids("01g")

    def open(self, result: ResultSet) -> str:
        """Keep a result; return its cursor."""
        cursor = next(self._ids)
        self._results[cursor] = result
        if len(self._results) > _OPEN_CURSORS:
            self._results.pop(next(iter(self._results)))
        return cursor

    def result(self, cursor: str) -> ResultSet | None:
        """Return the result of a cursor, None if it is unknown."""
        return self._results.get(cursor)
