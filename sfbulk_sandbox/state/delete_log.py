"""The log of deleted records: what the `deleted` resource of an object returns."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import datetime


class DeleteLog:
    """Which records were deleted, and when. A record that comes back is taken out."""

    def __init__(self) -> None:
        self._deleted: dict[str, dict[str, datetime]] = {}
        self._purged: dict[str, datetime] = {}

    def add(self, sobject: str, record_id: str, moment: datetime) -> None:
        """Take note of a record; one that goes from the recycle bin was deleted before."""
        self._deleted.setdefault(sobject, {}).setdefault(record_id, moment)

    def withdraw(self, sobject: str, record_id: str) -> None:
        """Remove a record that has been restored."""
        self._deleted.get(sobject, {}).pop(record_id, None)

    def snapshot(self) -> dict[str, dict[str, datetime]]:
        """Return what was deleted so far."""
        return {sobject: dict(deleted) for sobject, deleted in self._deleted.items()}

    def restore(self, snapshot: dict[str, dict[str, datetime]]) -> None:
        """Forget what was deleted, or withdrawn, since a snapshot."""
        self._deleted = snapshot

    def purge(self, sobject: str, moment: datetime) -> None:
        """Forget all that was deleted of an object."""
        self._deleted.pop(sobject, None)
        self._purged[sobject] = moment

    def purged(self, sobject: str) -> datetime | None:
        """Return when what was deleted of an object was forgotten last."""
        return self._purged.get(sobject)

    def between(self, sobject: str, start: datetime, end: datetime) -> list[tuple[str, datetime]]:
        """Return the records deleted from `start` on and before `end`, with their moments."""
        deleted = self._deleted.get(sobject, {})
        return [(each, moment) for each, moment in deleted.items() if start <= moment < end]
