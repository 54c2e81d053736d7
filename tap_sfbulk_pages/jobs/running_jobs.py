"""Asking with one call whether jobs are still running, where several are waited for.

`GET /jobs/query` lists the jobs of the org, up to 1,000 in no order, those of others among them
(Bulk API 2.0 guide, "Get Information About All Query Jobs"). It is believed only where it says
that a job is running; whatever else becomes of a job, its own resource tells.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import Counter
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import ExtractionError
from tap_sfbulk_pages.jobs.query import UNFINISHED

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_sfbulk_pages.salesforce.client import SalesforceClient

# With fewer, a call for each costs no more.
_FEWEST_JOBS = 3

logger = logging.getLogger(__name__)


class RunningJobs:
    """What the list of jobs says, for all threads that wait for one.

    Args:
        client: The org.
    """

    def __init__(self, client: SalesforceClient) -> None:
        self._client = client
        self._lock = threading.Lock()
        # Several streams may wait for one job.
        self._waited_for: Counter[str] = Counter()
        self._states: Mapping[str, str] = {}
        self._listed_at = 0.0
        self._is_of_use = True

    @contextmanager
    def waiting_for(self, job_id: str) -> Iterator[None]:
        """Count a job as one that is waited for."""
        with self._lock:
            self._waited_for[job_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waited_for -= Counter([job_id])

    def state(self, job_id: str, *, api_version: str, since: float) -> str | None:
        """Tell the state of a job that is known to run.

        Args:
            job_id: One that is waited for.
            api_version: What to ask with.
            since: A moment (`time.monotonic`); a list that is older is asked for anew.

        Returns:
            One of `UNFINISHED`; None if it does not run, or if that is not known.
        """
        with self._lock:
            if not self._is_of_use or len(self._waited_for) < _FEWEST_JOBS:
                return None
            if self._listed_at < since:
                self._ask(api_version)
            return self._states.get(job_id)

    def _ask(self, api_version: str) -> None:
        """Ask for the list; where it is refused, or names no job of ours, not again."""
        asked_at = time.monotonic()
        try:
            states = self._client.fetch_json(
                "/jobs/query?jobType=V2Query", api_version=api_version, parse=_states
            )
        except ExtractionError as error:
            logger.info("Jobs are asked about one by one: %s", error)
            states = {}
        self._is_of_use = not self._waited_for.keys().isdisjoint(states)
        self._states = {job: state for job, state in states.items() if state in UNFINISHED}
        self._listed_at = asked_at


def _states(reply: Any) -> dict[str, str]:
    return {record["id"]: record["state"] for record in reply["records"]}
