"""A job read by several runs: what each wrote, and what it requested from the sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from salesforce_data import assert_same_records, expected_records

if TYPE_CHECKING:
    from tap_process import TapRun

    from sfbulk_sandbox import SandboxServer

SOBJECT = "Contact"
PAGE_ROWS = 10


def config_for(server: SandboxServer, **settings: Any) -> dict[str, Any]:
    return {
        "instance_url": server.url,
        "client_id": "interrupted",
        "client_secret": "secret",
        "objects": [SOBJECT],
        "lookback_seconds": 0,
        **settings,
    }


@dataclass
class History:
    """A sequence of runs."""

    server: SandboxServer
    records: list[dict[str, Any]] = field(default_factory=list)
    state: dict[str, Any] | None = None
    refetched: list[str] = field(default_factory=list)
    _calls_before: int = 0
    _done: set[str] = field(default_factory=set)

    def add(self, run: TapRun) -> None:
        """Add what a target would have kept of a run."""
        assert "Traceback" not in run.stderr, run.stderr
        calls = self.server.calls[self._calls_before :]
        self._calls_before += len(calls)
        self.refetched += [
            each.path
            for each in calls
            if each.place == "page" and each.path.partition("locator=")[2] in self._done
        ]
        self.records += run.records(SOBJECT)
        for state in run.states:
            self.state = state
            job = state["bookmarks"].get(SOBJECT, {}).get("query_job") or {}
            self._done |= set(job.get("locators_done", ()))

    @property
    def has_read_the_job(self) -> bool:
        """Whether the last state says that the job has been read to its end."""
        bookmark = self.state["bookmarks"].get(SOBJECT, {}) if self.state else {}
        return "replication_key_value" in bookmark and bookmark.get("query_job") is None

    @property
    def jobs_made(self) -> int:
        return [each.place for each in self.server.calls].count("create")

    def assert_whole(self, *, most_repeated: int) -> None:
        """The union is exact, with no more duplicates than the pages in flight can explain."""
        by_id = {record["Id"]: record for record in self.records}
        assert_same_records(list(by_id.values()), expected_records(self.server, SOBJECT))
        assert all(record == by_id[record["Id"]] for record in self.records)
        assert len(self.records) - len(by_id) <= most_repeated
        assert self.refetched == []
