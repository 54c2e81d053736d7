"""Values that no record may hold, found before it leaves: null and the zero Id in a key.

A target merges records by their key. It would keep one of those that have the same, or none.
"""

from __future__ import annotations

import ctypes
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import ForbiddenValueError

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping
    from typing import Any

    import pyarrow as pa

    from tap_sfbulk_pages.decoding.columns import Columns

_KEY = "Id"
# What Salesforce answers where a record has no Id of its own.
_ZERO_ID = "000000000000000AAA"


@dataclass(frozen=True)
class ForbiddenValue:
    """A value that a field may not have.

    Attributes:
        field: Its name.
        value: As text; None for null.
        reason: What is wrong with it, and what to do.
    """

    field: str
    value: str | None
    reason: str

    @property
    def member(self) -> bytes:
        """The value in a line of JSON. Within a text, its quotes would be escaped."""
        value = "null" if self.value is None else f'"{self.value}"'
        return f"{json.dumps(self.field)}:{value}".encode()


class ForbiddenValues:
    """The values that the records of a stream may not hold.

    Args:
        values: In the order in which they are looked for.
    """

    def __init__(self, values: Iterable[ForbiddenValue] = ()) -> None:
        self._values = [(each, each.member) for each in values]

    @classmethod
    def of(
        cls,
        keys: Collection[str],
        fields: Collection[str],
        schemas: Mapping[str, Mapping[str, Any]],
    ) -> ForbiddenValues:
        """Find out what a stream's key and its schemas forbid.

        Args:
            keys: The fields of the key.
            fields: Those that are read.
            schemas: JSON schemas by field, as they are announced.
        """
        values = []
        if _KEY in keys and _KEY in fields:
            reason = (
                f"Salesforce answers records with the Id {_ZERO_ID}, so Id does not tell its "
                "records apart, and a target would keep only one of them. Set table-key-properties "
                "to [] in the stream's metadata in the catalog to read it without a key."
            )
            values.append(ForbiddenValue(_KEY, _ZERO_ID, reason))
        # The Id of the record itself is never null, and to look for it would take time.
        for name in fields:
            if name in keys and name != _KEY:
                reason = (
                    f"{name} is null in a record, and part of the key: a target could not tell "
                    "such records apart. Choose another key."
                )
                values.append(ForbiddenValue(name, None, reason))
            elif name not in keys and not _admits_null(schemas[name]):
                reason = (
                    f"{name} is null in a record, which its schema in the catalog forbids. "
                    "Discover again."
                )
                values.append(ForbiddenValue(name, None, reason))
        return cls(values)

    def rename(self, names: Mapping[str, str]) -> ForbiddenValues:
        """Return what records may not hold whose fields have these names; others are gone."""
        return ForbiddenValues(
            replace(each, field=names[each.field])
            for each, _ in self._values
            if each.field in names
        )

    def check_lines(self, text: bytes) -> None:
        """Look for them in lines of JSON.

        Raises:
            ForbiddenValueError: If there is one.
        """
        for each, member in self._values:
            if _contains(text, member):
                raise ForbiddenValueError(each.reason)

    def check_columns(self, columns: Columns) -> None:
        """Look for them in a block of columns.

        Raises:
            ForbiddenValueError: If there is one.
        """
        for each, _ in self._values:
            if each.value in columns[each.field]:
                raise ForbiddenValueError(each.reason)

    def check_batch(self, batch: pa.RecordBatch) -> None:
        """Look for them in a record batch.

        Raises:
            ForbiddenValueError: If there is one.
        """
        for each, _ in self._values:
            column = batch.column(each.field)
            if column.null_count if each.value is None else column.index(each.value).as_py() >= 0:
                raise ForbiddenValueError(each.reason)


def _admits_null(schema: Mapping[str, Any]) -> bool:
    types = schema.get("type")
    return types is None or "null" in types


try:
    _memmem = ctypes.CDLL(None).memmem
except (AttributeError, OSError, TypeError):

    def _contains(text: bytes, part: bytes) -> bool:
        return part in text

else:
    _memmem.restype = ctypes.c_void_p
    _memmem.argtypes = (ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t)

    def _contains(text: bytes, part: bytes) -> bool:
        # Several times as fast as `in`, and without the interpreter's lock.
        return _memmem(text, len(text), part, len(part)) is not None
