"""One org and everything that a run shares to read it."""

from __future__ import annotations

import logging
import os
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property
from importlib.metadata import version
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import RefusedError
from tap_sfbulk_pages.jobs.fetching import DownloadThreads
from tap_sfbulk_pages.jobs.page_body import PageMemory
from tap_sfbulk_pages.jobs.query_jobs import QueryJobs
from tap_sfbulk_pages.salesforce.call_allowance import CallAllowance
from tap_sfbulk_pages.salesforce.client import SalesforceClient
from tap_sfbulk_pages.salesforce.limits import JobAllowance, fetch_limits, fetch_record_counts
from tap_sfbulk_pages.salesforce.org_id import parse_org_id
from tap_sfbulk_pages.salesforce.transport import Transport
from tap_sfbulk_pages.salesforce.versions import choose_version

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.salesforce.limits import Limit
    from tap_sfbulk_pages.settings import Settings

logger = logging.getLogger(__name__)


class Org:
    """The connections, the session, the threads and the memory of one run.

    Args:
        settings: Of the run.
    """

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        transport = Transport(
            connections=settings.max_parallel_downloads + settings.max_concurrent_jobs + 1,
            silence_seconds=settings.request_timeout_seconds,
            user_agent=f"tap-sfbulk-pages/{version('tap-sfbulk-pages')}",
        )
        self.calls = CallAllowance(
            percent_total=settings.quota_percent_total,
            percent_per_run=settings.quota_percent_per_run,
        )
        self.sessions = settings.sign_in.connect(transport, max_tries=settings.max_tries)
        self.client = SalesforceClient(
            transport, self.sessions, self.calls, max_tries=settings.max_tries
        )
        self.jobs = QueryJobs(self.client, timeout_seconds=settings.job_timeout_seconds)
        self.threads = DownloadThreads(settings.max_parallel_downloads)
        self.encoders = ThreadPoolExecutor(os.cpu_count(), thread_name_prefix="sfbulk-encode")
        self.memory = PageMemory(settings.max_page_memory_bytes)
        # Jobs that are kept running at Salesforce.
        self.job_slots = threading.Semaphore(settings.max_concurrent_jobs)
        self._lock = threading.Lock()
        self._job_allowance: JobAllowance | None = None
        self._record_counts: Mapping[str, int] | None = None

    @property
    def id(self) -> str | None:
        """The org's id, with 18 characters; None before the first call, and if it is not known."""
        return self.client.org_id

    def find_id(self) -> str | None:
        """Return the org's id, signing in first; ask for it where the sign-in does not tell it.

        Raises:
            ExtractionError: If no session is available, or the org cannot be asked.
        """
        client = self.client
        if client.open_session().org_id is None and client.org_id is None:
            try:
                client.org_id = client.fetch_json(
                    "/query?q=SELECT+Id+FROM+Organization",
                    api_version=self.api_version,
                    parse=lambda reply: parse_org_id(reply["records"][0]["Id"]),
                )
            except RefusedError as error:
                logger.info("The org does not tell its id: %s", error)
        return client.org_id

    def job_allowance(self) -> JobAllowance:
        """Return how many jobs may still be made, as `/limits` first said.

        Raises:
            ExtractionError: As `SalesforceClient.fetch_json`.
        """
        with self._lock:
            if self._job_allowance is None:
                self._job_allowance = JobAllowance(self.limits())
            return self._job_allowance

    def record_counts(self) -> Mapping[str, int]:
        """Return about how many records each object has, as Salesforce first said.

        Raises:
            ExtractionError: As `SalesforceClient.fetch_json`.
        """
        with self._lock:
            if self._record_counts is None:
                try:
                    self._record_counts = fetch_record_counts(self.client, self.api_version)
                except RefusedError as error:
                    logger.info("The sizes of the org's objects are not known: %s", error)
                    self._record_counts = {}
            return self._record_counts

    def limits(self) -> Mapping[str, Limit]:
        """Ask for the org's daily limits; empty if this user may not see them.

        Raises:
            ExtractionError: As `SalesforceClient.fetch_json`.
        """
        try:
            return fetch_limits(self.client, self.api_version)
        except RefusedError as error:
            logger.info("The org's limits are not known: %s", error)
            return {}

    @cached_property
    def api_version(self) -> str:
        """The version for everything but jobs that were made with another, as `62.0`."""
        return self.settings.api_version or choose_version(self.client)
