"""How far an object has been read as a stream of query jobs, in the form that a checkpoint keeps.

An engine's checkpoint is all that outlives a driver. So an offset holds whatever the next driver
needs to go on inside the same job, and to create the job after it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import StateError
from tap_sfbulk_pages.reading.state.saved_values import is_api_version, is_id, is_link, is_moment

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tap_sfbulk_pages.jobs.query import QueryJob

# Names in the checkpoint, and the attributes they stand for.
_NAMES = {
    "object": "sobject",
    "org": "org_id",
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
        api_version: The API version that created it.
        since: SOQL literal of its lower bound; None if it has none.
        until: When it was created: later changes may be missing in it.
        next_list: The link to the list of its first unread pages; None if all have been read.
        pages: The number of listed pages before that link.
        in_series: Whether the job is read page after page, without its list of pages.
        org_id: The org that the job is of; None if it is not known.
    """

    sobject: str
    job_id: str = ""
    api_version: str = ""
    since: str | None = None
    until: str | None = None
    next_list: str | None = None
    pages: int = 0
    in_series: bool = False
    org_id: str | None = None

    @classmethod
    def of_new_job(
        cls, sobject: str, job: QueryJob, *, since: str | None, until: str, org_id: str | None
    ) -> JobStreamOffset:
        """Return the offset before the first page of a new job."""
        return cls(
            sobject,
            job_id=job.id,
            api_version=job.api_version,
            since=since,
            until=until,
            next_list=f"{job.path}/resultPages",
            org_id=org_id,
        )

    @classmethod
    def parse(cls, saved: Mapping[str, Any]) -> JobStreamOffset:
        """Read an offset from a checkpoint.

        Raises:
            StateError: If it has another form.
        """
        offset: JobStreamOffset | None
        try:
            offset = cls(**{_NAMES[name]: value for name, value in saved.items()})
        except (KeyError, TypeError):
            offset = None
        if offset is None or not _is_sound(offset):
            raise StateError(
                "The checkpoint holds an offset that this version cannot read. Was it written by "
                f"another source, or by a newer version? {saved!r}"
            )
        return offset

    def save(self) -> dict[str, Any]:
        """Return the form for a checkpoint, which takes strings, integers and booleans."""
        values = {name: getattr(self, attribute) for name, attribute in _NAMES.items()}
        return {name: value for name, value in values.items() if value not in (None, "")}

    @property
    def is_read(self) -> bool:
        """Whether nothing of the job is left to read, or there is no job yet."""
        return self.next_list is None

    @property
    def is_unread(self) -> bool:
        """Whether nothing of the job has been read."""
        return not self.is_read and self.pages == 0

    @property
    def begin(self) -> str | None:
        """The link to the first list to read; None for the first of the job."""
        return self.next_list if self.pages else None

    def at(self, pages: int, next_list: str | None) -> JobStreamOffset:
        """Return an offset inside the same job."""
        return replace(self, pages=pages, next_list=next_list)

    def at_the_start(self) -> JobStreamOffset:
        """Return the offset before the first page of the same job."""
        return replace(self, next_list=None, pages=0)

    def at_the_end_in_series(self) -> JobStreamOffset:
        """Return the offset at the end of the same job, to be read without its list of pages."""
        return replace(self, next_list=None, in_series=True)


def _is_sound(offset: JobStreamOffset) -> bool:
    """Return whether what becomes a part of queries and addresses is of the form it must have."""
    if offset.job_id and not (is_id(offset.job_id) and is_api_version(offset.api_version)):
        return False
    moments = (offset.since, offset.until)
    has_sound_link = offset.next_list is None or is_link(offset.next_list, offset.job_id)
    return has_sound_link and all(each is None or is_moment(each) for each in moments)
