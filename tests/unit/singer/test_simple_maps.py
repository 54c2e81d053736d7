"""Maps of columns lead to the values of the SDK's own mapper, on every way out of the tap."""

from __future__ import annotations

import json
import logging
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import pyarrow as pa
import pytest
import simplejson
from hypothesis import given, settings
from hypothesis import strategies as st
from result_page_bodies import csv_of, received
from singer_sdk.mapper import PluginMapper

from tap_sfbulk_pages.datetimes import parse_datetime
from tap_sfbulk_pages.decoding import compiled
from tap_sfbulk_pages.decoding.cells import cell_type
from tap_sfbulk_pages.decoding.lines import JSON_LINES
from tap_sfbulk_pages.decoding.mapped_batches import MappedBatches
from tap_sfbulk_pages.decoding.page import CsvBlocks, parse_columns
from tap_sfbulk_pages.decoding.record_batches import BatchBuilder
from tap_sfbulk_pages.decoding.records import convert_rows
from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.singer.simple_maps import find_file_map, find_map

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEXT = {"type": ["string", "null"]}
FIELDS: Mapping[str, Mapping[str, Any]] = {
    "Id": {"type": ["string"]},
    "Name": TEXT,
    "Email": TEXT,
    "IsDeleted": {"type": ["boolean", "null"]},
    "Size": {"type": ["integer", "null"]},
    "Amount": {"type": ["number", "null"]},
    "SystemModstamp": {**TEXT, "format": "date-time"},
}
TYPES = {name: cell_type(schema) for name, schema in FIELDS.items()}
# By what they do; those marked True can be followed in files of columns.
MAPS: Mapping[str, tuple[Mapping[str, Any], bool]] = {
    "left out": ({"Email": None, "Size": "__NULL__"}, True),
    "renamed": ({"label": "Name", "Name": None}, True),
    "alias": ({"__alias__": "things", "Email": None}, True),
    "copied": ({"label": "Name", "again": "Name"}, True),
    "replaced": ({"Name": "Email"}, True),
    "number under another name": ({"Revenue": "Amount", "Amount": None}, True),
    "constants": ({"source": "'crm \u00fc\"'", "seed": "config['seed']"}, True),
    "names of the stream": ({"from": "__stream_name__", "of": "__original_stream_name__"}, True),
    "constants of other types": ({"one": "1", "less": "-1.5", "yes": "True", "no": "None"}, False),
    "digest": ({"Email": "md5(Email) if Email else None"}, True),
    "digest that nulls fail": ({"hidden": "sha256(Email)"}, True),
    "salted digest": ({"hidden": "sha256(config['seed'] + Id)", "Email": None}, True),
    "digest of itself": ({"Email": "md5(self.strip().lower()) if self is not None else ''"}, True),
    "digest of a record's field": ({"hidden": "md5(record['Id'] + _['Id'])"}, True),
    "digest of a number": ({"hidden": "md5(Amount)"}, True),
    "filter": ({"__filter__": "Name == 'a'"}, True),
    "filter with numbers": ({"__filter__": "Amount is not None and Amount > 10"}, True),
    "filter that nulls fail": ({"__filter__": "Size >= 3"}, True),
    "filter by list": ({"__filter__": "Name in ('a', '\u00e4', None)"}, True),
    "filter by part": ({"__filter__": "Email and '@' not in Email"}, True),
    "filter by boolean": ({"__filter__": "not IsDeleted", "IsDeleted": None}, True),
    "filter that none passes": ({"__filter__": "Name == 'none'"}, True),
    "dates": ({"__filter__": "SystemModstamp < '2000'", "SystemModstamp": None}, True),
    "choice": ({"kind": "'big' if Size is not None and Size > 2 else Name or 'none'"}, True),
    "comparison": ({"is_big": "Size == 3"}, False),
    "only what is named": ({"__else__": None, "Id": "Id", "label": "Name"}, True),
    "other key": ({"__key_properties__": ["Name"], "Id": None}, True),
    "no key, and nothing else": ({"__key_properties__": None, "__else__": None, "x": "'y'"}, True),
}
CELLS = st.sampled_from(
    ["", "a", "\u00e4", "x@y", " A@B\u0130 ", 'say "no", ,\r\n', "\u2028\U0001f600"]
)
ROWS = st.lists(
    st.tuples(
        st.sampled_from(["0015g000000AGn1AAG", "0015g000000AGn2AAG"]),
        CELLS,
        CELLS,
        st.sampled_from(["true", "false", "TRUE", ""]),
        st.sampled_from(["", "0", "3", "47.0", "-2"]),
        st.sampled_from(["", "10.0", "1.5E7", "9.9213206E7", "NaN", "123456789012345678.25", "+1"]),
        st.dates().map("{:%Y-%m-%dT00:00:00.000Z}".format).map(lambda text: text.rjust(24, "0")),
    ),
    min_size=1,
    max_size=8,
)


def mapper_of(definition: Mapping[str, Any]) -> PluginMapper:
    config: Any = {
        "stream_maps": {"Thing": dict(definition)},
        "stream_map_config": {"seed": "s\u00e9"},
    }
    mapper = PluginMapper(config, logging.getLogger(__name__))
    mapper.register_raw_stream_schema("Thing", {"properties": dict(FIELDS)}, ["Id"])
    return mapper


def mapped_by_sdk(mapper: PluginMapper, text: bytes) -> list[Any] | None:
    """Map records one by one; None if that fails."""
    columns = parse_columns(text, list(FIELDS), TYPES, ",")
    (stream_map,) = mapper.stream_maps["Thing"]
    try:
        mapped = [stream_map.transform(record) for record in convert_rows(columns, TYPES)]
    except Exception:  # noqa: BLE001 - whatever an expression meets
        return None
    texts = (simplejson.dumps(each, use_decimal=True) for each in mapped if each is not None)
    return [json.loads(each, parse_float=Decimal) for each in texts]


def mapped_lines(mapper: PluginMapper, text: bytes) -> list[Any] | None:
    maps, definitions = mapper.stream_maps["Thing"], mapper.stream_maps_dict
    column_map = find_map(maps, definitions, stream="Thing", schemas=FIELDS)
    assert column_map
    page = received(csv_of([list(FIELDS)]) + text, fields=FIELDS)
    blocks = CsvBlocks(page, TYPES, "SystemModstamp")
    told = ""
    try:
        lines = blocks.lines(text, JSON_LINES, column_map)
    except SettingsError as error:
        told = str(error)
    if told:
        assert "stream_maps: an expression of Thing, " in told
        assert ", fails on the record 0015g000000AGn" in told
        return None
    assert lines.records == page.records
    assert lines.greatest == blocks.lines(text, JSON_LINES).greatest
    return [json.loads(line, parse_float=Decimal) for line in lines.text.splitlines()]


def mapped_batch(mapper: PluginMapper, text: bytes) -> pa.Table | None:
    maps, definitions = mapper.stream_maps["Thing"], mapper.stream_maps_dict
    column_map = find_file_map(maps, definitions, stream="Thing", schemas=FIELDS)
    announced = maps[0].transformed_schema["properties"]
    mapped = MappedBatches(column_map, FIELDS, announced)
    builder = BatchBuilder(list(FIELDS), FIELDS, delimiter=",", mapped=mapped)
    half = parse_columns(text, list(FIELDS), TYPES, ",")
    try:
        builder.append(text)
        builder.append_columns(half)
        builder.append(text)
    except SettingsError:
        return None
    table = pa.Table.from_batches(builder.take(), builder.schema)
    table.validate(full=True)
    assert builder.records == 3 * half.records
    return table


@pytest.mark.parametrize("name", MAPS)
@settings(max_examples=10)
@given(rows=ROWS)
def test_the_values_are_those_of_the_mapper(name: str, rows: Sequence[Sequence[str]]) -> None:
    definition, fits_files = MAPS[name]
    text = csv_of(rows)
    expected = mapped_by_sdk(mapper_of(definition), text)
    assert mapped_lines(mapper_of(definition), text) == expected
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(compiled, "library", lambda: None)
        assert mapped_lines(mapper_of(definition), text) == expected
    if not fits_files:
        with pytest.raises(SettingsError, match=r"batch_config works only with .* of Thing$"):
            mapped_batch(mapper_of(definition), text)
        return
    table = mapped_batch(mapper_of(definition), text)
    if table is None or expected is None:
        assert table is expected is None
        return
    assert table.num_rows == 3 * len(expected)
    assert table.schema.names == list(expected[0] if expected else table.schema.names)
    for column, values in zip(table.schema, table.columns, strict=True):
        wanted = [record[column.name] for record in expected] * 3
        if pa.types.is_timestamp(column.type):
            wanted = [text and parse_datetime(text) for text in wanted]
        assert values.to_pylist() == wanted


@pytest.mark.parametrize(
    "definition",
    [
        {"x": "int(Name)"},
        {"x": "Name.title()"},
        {"x": "Nme"},
        {"x": "config['none']"},
        {"x": "record"},
        {"x": "md5(config['seed'] + Size)"},
        {"x": "md5(5)"},
        {"x": "fake"},
        {"x": "Size + 1"},
        {"x": "self"},
        {"x": "1 < Size < 3"},
        {"x": "~Size"},
        {"x": "Name; Email"},
        {"x": "Name[0]"},
        {"x": "md5(Name, 'x')"},
        {"x": "x = Name"},
        {"__filter__": "[x for x in Name]"},
        {"__filter__": "False"},
        {"Id": "md5(Id)"},
    ],
    ids=str,
)
def test_other_maps_are_left_to_the_mapper(definition: Mapping[str, Any]) -> None:
    mapper = mapper_of(definition)
    maps, definitions = mapper.stream_maps["Thing"], mapper.stream_maps_dict
    assert find_map(maps, definitions, stream="Thing", schemas=FIELDS) is None


def test_a_stream_under_several_names_is_left_to_the_mapper() -> None:
    config: Any = {"stream_maps": {"Thing": {"Name": None}, "other": {"__source__": "Thing"}}}
    mapper = PluginMapper(config, logging.getLogger(__name__))
    mapper.register_raw_stream_schema("Thing", {"properties": dict(FIELDS)}, ["Id"])
    maps, definitions = mapper.stream_maps["Thing"], mapper.stream_maps_dict
    assert find_map(maps, definitions, stream="Thing", schemas=FIELDS) is None
