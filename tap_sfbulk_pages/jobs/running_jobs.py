"""One call that says of many jobs whether they are still running.

`GET /jobs/query` lists the jobs of the org, up to 1,000 in no order, those of others among them
(Bulk API 2.0 guide, "Get Information About All Query Jobs"). It is trusted only where it says that
a job is running; everything else is left to the job's own resource.
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
from tap_sfbulk_pages.salesforce.transport import LARGEST_LIST_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tap_sfbulk_pages.salesforce.client import SalesforceClient

# With fewer, a call for each job costs no more.
_FEWEST_JOBS = 3

logger = logging.getLogger(__name__)


class RunningJobs:
    """The list of jobs, shared by all threads that wait for one of them.

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
        """Mark a job as one that a thread is waiting for."""
        with self._lock:
            self._waited_for[job_id] += 1
        try:
            yield
        finally:
            with self._lock:
                self._waited_for -= Counter([job_id])

    def find_state(self, job_id: str, *, api_version: str, since: float) -> str | None:
        """Look up the state of a running job.

        Args:
            job_id: A job that a thread is waiting for.
            api_version: The version to ask with.
            since: A moment (`time.monotonic`); an older list is fetched again.

        Returns:
            One of `UNFINISHED`; None if the job is not running, or the list does not say.
        """
        with self._lock:
            if not self._is_of_use or len(self._waited_for) < _FEWEST_JOBS:
                return None
            if self._listed_at < since:
                self._fetch(api_version)
            return self._states.get(job_id)

    def _fetch(self, api_version: str) -> None:
        """Fetch the list; if it is refused, or names no job that is waited for, never again."""
        asked_at = time.monotonic()
        try:
            states = self._client.fetch_json(
                "/jobs/query?jobType=V2Query",
                api_version=api_version,
                largest=LARGEST_LIST_BYTES,
                parse=_parse_states,
            )
        except ExtractionError as error:
            logger.info(
                "The list of jobs is not available; each job is polled by itself: %s", error
            )
            states = {}
        self._is_of_use = not self._waited_for.keys().isdisjoint(states)
        self._states = {job: state for job, state in states.items() if state in UNFINISHED}
        self._listed_at = asked_at


def _parse_states(reply: Any) -> dict[str, str]:
    return {record["id"]: record["state"] for record in reply["records"]}
