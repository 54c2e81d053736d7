"""How far an object has been read as a stream of query jobs, in the form that a checkpoint keeps.

An engine's checkpoint is all that outlives a driver, so an offset holds whatever the next one needs
to go on inside the same job, and to make the job after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import StateError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.jobs.query import QueryJob

# Names in the checkpoint, and the attributes behind them.
_NAMES = {
    "object": "sobject",
    "job": "job_id",
    "api_version": "api_version",
    "since": "since",
    "until": "until",
    "next": "next_list",
    "pages": "pages",
    "in_series": "in_series",
}


@dataclass(frozen=True)
class JobStreamOffset:
    """A place in a stream of query jobs.

    Attributes:
        sobject: The object that is read.
        job_id: The last job; empty before the first.
        api_version: The version that made it.
        since: SOQL literal that its records start at; None if it reads them from the start.
        until: When it was made: what is changed later may be missing in it.
        next_list: The link to the list of its pages that are not read yet; None: all are.
        pages: How many listed pages come before that link.
        in_series: Whether the job is walked from page to page, its list not being used.
    """

    sobject: str
    job_id: str = ""
    api_version: str = ""
    since: str | None = None
    until: str | None = None
    next_list: str | None = None
    pages: int = 0
    in_series: bool = False

    @classmethod
    def of_new_job(
        cls, sobject: str, job: QueryJob, *, since: str | None, until: str
    ) -> JobStreamOffset:
        """Stand before the first page of a job."""
        return cls(
            sobject,
            job_id=job.id,
            api_version=job.api_version,
            since=since,
            until=until,
            next_list=f"{job.path}/resultPages",
        )

    @classmethod
    def parse(cls, saved: Mapping[str, Any]) -> JobStreamOffset:
        """Read an offset from a checkpoint.

        Raises:
            StateError: If it is none.
        """
        try:
            return cls(**{_NAMES[name]: value for name, value in saved.items()})
        except (KeyError, TypeError) as error:
            raise StateError(
                "The checkpoint holds an offset that this version cannot read: was it made by "
                f"another source, or a newer version? {saved!r}"
            ) from error

    def saved(self) -> dict[str, Any]:
        """Write it for a checkpoint, which takes texts, whole numbers and booleans."""
        values = {name: getattr(self, attribute) for name, attribute in _NAMES.items()}
        return {name: value for name, value in values.items() if value not in (None, "")}

    @property
    def is_read(self) -> bool:
        """Whether there is nothing left of the job, or no job yet."""
        return self.next_list is None

    @property
    def is_unread(self) -> bool:
        """Whether nothing of the job has been read."""
        return not self.is_read and self.pages == 0

    @property
    def begin(self) -> str | None:
        """The link that a walk through the lists begins at; None for the first of all."""
        return self.next_list if self.pages else None

    def at(self, pages: int, next_list: str | None) -> JobStreamOffset:
        """Go on inside the job."""
        return replace(self, pages=pages, next_list=next_list)

    def at_the_start(self) -> JobStreamOffset:
        """Go back before the first page of the job."""
        return replace(self, next_list=None, pages=0)

    def at_the_end_in_series(self) -> JobStreamOffset:
        """Go to the end of a job whose list is not used."""
        return replace(self, next_list=None, in_series=True)
