"""Records that do not leave as they come: without some fields, renamed, computed, or not at all.

What a map computes is computed for a whole block, from the few columns that it needs. Everything
else of a record goes the way of records that have no map.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import compress, repeat
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.decoding.cells import typed_values
from tap_sfbulk_pages.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from tap_sfbulk_pages.decoding.cells import CellType
    from tap_sfbulk_pages.decoding.columns import Columns

_ID = "Id"


@dataclass(frozen=True)
class Expression:
    """What is computed from the fields of a record.

    Attributes:
        text: As its user has written it.
        fields: The fields that it needs.
        value: Computes it from their values, in the same order.
        is_text: Whether all that it can result in is text or null.
    """

    text: str
    fields: tuple[str, ...]
    value: Callable[[Sequence[Any]], Any]
    is_text: bool


@dataclass(frozen=True)
class ColumnMap:
    """What becomes of the records of a stream.

    Attributes:
        stream: Its name, for messages.
        outputs: By name, in order: the field that leaves under this name, or what is computed.
        condition: True for the records that leave; None if all of them do.
    """

    stream: str
    outputs: Mapping[str, str | Expression]
    condition: Expression | None = None

    @cached_property
    def names(self) -> Mapping[str, str]:
        """By field, the name under which it leaves; the first, if there are several."""
        outputs = reversed([*self.outputs.items()])
        return {field: name for name, field in outputs if isinstance(field, str)}

    @cached_property
    def copies(self) -> Mapping[str, str]:
        """The fields that leave under another name, too, by that name."""
        return {
            name: field
            for name, field in self.outputs.items()
            if isinstance(field, str) and self.names[field] != name
        }

    @cached_property
    def expressions(self) -> Mapping[str, Expression]:
        """What is computed, by name."""
        return {
            name: output for name, output in self.outputs.items() if isinstance(output, Expression)
        }

    @cached_property
    def needed(self) -> tuple[str, ...]:
        """The fields that must be known to compute it all."""
        expressions = (*filter(None, [self.condition]), *self.expressions.values())
        return tuple(dict.fromkeys(field for each in expressions for field in each.fields))

    def compute(self, columns: Columns, types: Mapping[str, CellType]) -> Computed:
        """Compute everything for a block.

        Args:
            columns: The fields that are needed, as returned by `normalize_cells`.
            types: The types of the fields.

        Raises:
            SettingsError: If an expression fails on a record.
        """
        values = {name: typed_values(columns[name], types[name]) for name in self.needed}
        kept = None
        if self.condition:
            kept = bytes(map(bool, self._values(self.condition, values, columns, None)))
        by_name = {
            name: self._values(each, values, columns, kept)
            for name, each in self.expressions.items()
        }
        return Computed(columns.records, kept, by_name)

    def _values(
        self,
        expression: Expression,
        values: Mapping[str, Sequence[Any]],
        columns: Columns,
        kept: bytes | None,
    ) -> list[Any]:
        """Compute an expression for the records that leave."""
        rows = compress(range(columns.records), kept or repeat(1))
        cells: Iterable[tuple[Any, ...]] = repeat((), columns.records)
        if expression.fields:
            cells = zip(*(values[name] for name in expression.fields), strict=True)
        found, value = list[Any](), expression.value
        try:
            for cell in compress(cells, kept or repeat(1)):
                found.append(value(cell))
        except Exception as error:  # whatever the values of a record lead to
            ids = columns.by_name.get(_ID)
            record = ids[list(rows)[len(found)]] if ids else None
            raise SettingsError(
                describe_failure(self.stream, f"`{expression.text}`", record, error)
            ) from error
        return found


@dataclass(frozen=True)
class Computed:
    """What was computed for a block.

    Attributes:
        records: The number of records in the block.
        kept: A byte for each record, zero if it does not leave; None if all do.
        by_name: By name, the values of the records that leave.
    """

    records: int
    kept: bytes | None
    by_name: Mapping[str, list[Any]]


def describe_failure(
    stream: str, expressions: str, record: str | None, cause: BaseException
) -> str:
    """Say which expression fails, where, and why.

    Args:
        stream: The stream's name.
        expressions: The expression, or those of which one fails.
        record: The Id of the record; None if it is not known.
        cause: What it fails with.
    """
    where = f" on the record {record}" if record else ""
    return (
        f"stream_maps: an expression of {stream}, {expressions}, fails{where}: "
        f"{type(cause).__name__}: {cause}. Change it so that it works for every record, for "
        "example with `… if … else None`."
    )
