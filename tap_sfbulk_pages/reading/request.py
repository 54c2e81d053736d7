"""What a reading asks Salesforce, and which fields of the answer it hands over."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.cells import CellType, cell_type
from tap_sfbulk_pages.decoding.forbidden import ForbiddenValues
from tap_sfbulk_pages.errors import ExtractionError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from tap_sfbulk_pages.decoding.deleted import DeletedRecords
    from tap_sfbulk_pages.jobs.query import ExistingJob, Query

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobRequest:
    """What a query job is asked, and what is read of its result.

    Attributes:
        query: The query, or an existing job that has its result already.
        types: The fields to hand over, in order, and how their cells are read.
        replication_key: The field whose maximum is kept; None for none.
        by_place: The fields that are known by the place of their column (`PageDownload`).
        forbidden: What no record may hold.
        deleted: Marks the deleted ones among the records; None for none.
    """

    query: Query | ExistingJob
    types: Mapping[str, CellType]
    replication_key: str | None
    by_place: Mapping[int, str] | None = None
    forbidden: ForbiddenValues = field(default_factory=ForbiddenValues)
    deleted: DeletedRecords | None = None


def choose_fields(
    stream: str,
    selected: Iterable[str],
    schemas: Mapping[str, Mapping[str, Any]],
    *,
    readable: Collection[str],
    loss: str = "",
) -> dict[str, CellType]:
    """Choose the fields to read: those selected that can still be read.

    Args:
        stream: Its name, for messages.
        selected: Names of fields, in order.
        schemas: JSON schemas by field, as they are announced.
        readable: The fields that there are today, in any case of letters: SOQL knows no case, and
            an administrator may change it. Records keep the announced spelling.
        loss: What has become of selected fields that are not readable.

    Returns:
        How the cells of each field are read, in the order of `selected`.

    Raises:
        ExtractionError: If nothing is left.
    """
    names = list(selected)
    known = {name.lower() for name in readable}
    lost = [name for name in names if name.lower() not in known]
    if lost:
        logger.warning("Stream %s: %s: %s.", stream, loss, ", ".join(lost))
    fields = {name: cell_type(schemas[name]) for name in names if name.lower() in known}
    if not fields:
        raise ExtractionError(
            "None of the selected fields can be read: give the user access to them, or select "
            "others in the catalog."
        )
    return fields
