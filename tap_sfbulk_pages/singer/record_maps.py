"""What stream maps or flattening make of the records of one stream."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from singer_sdk.mapper import CustomStreamMap, SameRecordTransform

from tap_sfbulk_pages.decoding.column_map import describe_failure
from tap_sfbulk_pages.singer.simple_maps import find_file_map, find_map

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from singer_sdk.mapper import StreamMap

    from tap_sfbulk_pages.decoding.column_map import ColumnMap


class RecordMaps:
    """The maps of one stream.

    Args:
        stream: The stream's name.
        stream_maps: The mapper's maps of it.
        definitions: The setting `stream_maps`, which they were made from.
        properties: JSON schemas of the stream's fields.
    """

    def __init__(
        self,
        stream: str,
        stream_maps: Sequence[StreamMap],
        definitions: Mapping[str, Any],
        properties: Mapping[str, Mapping[str, Any]],
    ) -> None:
        self._stream = stream
        self._stream_maps = stream_maps
        self._definitions = definitions
        self._properties = properties
        self._found: dict[tuple[str, ...], ColumnMap | None] = {}

    @property
    def change_records(self) -> bool:
        """Whether records leave other than they come."""
        first, *others = self._stream_maps
        return bool(others) or type(first) is not SameRecordTransform or first.flattening_enabled

    @property
    def announced(self) -> Mapping[str, Mapping[str, Any]]:
        """JSON schemas of the fields of the records that leave."""
        properties: Mapping[str, Mapping[str, Any]]
        properties = self._stream_maps[0].transformed_schema["properties"]
        return properties

    def find(self, fields: Iterable[str]) -> ColumnMap | None:
        """Return the map for records of some fields; None if it is followed one by one."""
        fields = tuple(fields)
        if fields not in self._found:
            self._found[fields] = find_map(
                self._stream_maps,
                self._definitions,
                stream=self._stream,
                schemas=self._schemas(fields),
            )
        return self._found[fields]

    def find_for_files(self, fields: Iterable[str]) -> ColumnMap:
        """Return the map for files of records with some fields.

        Raises:
            SettingsError: As `find_file_map`.
        """
        return find_file_map(
            self._stream_maps,
            self._definitions,
            stream=self._stream,
            schemas=self._schemas(fields),
        )

    def describe_failure(self, record: Mapping[str, Any], error: Exception) -> str:
        """Say which expression fails, where, and why."""
        # What the SDK raises itself says no more than that the expression has failed.
        cause = error.__cause__ or error
        maps = [each for each in self._stream_maps if isinstance(each, CustomStreamMap)]
        last = filter(None, (each.expr_evaluator.expr for each in maps))
        which = " or ".join(f"`{expression}`" for expression in last)
        return describe_failure(self._stream, which, record.get("Id"), cause)

    def _schemas(self, fields: Iterable[str]) -> dict[str, Mapping[str, Any]]:
        return {name: self._properties[name] for name in fields}
