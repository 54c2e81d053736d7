"""The columns of a query or of a result: their fields, names and types.

A field's name is its path as Salesforce spells it, without an alias of its object. The query is
written the same way, so that the header line of a result page has the same names. How the header
names a function is not documented; the columns come in the order of the SELECT list (Bulk API 2.0
guide, "Get Results for a Query Job"), so such a column is known by its position.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tap_sfbulk_pages.errors import RefusedError, SettingsError, collect_errors
from tap_sfbulk_pages.salesforce.schema import is_supported, property_schema
from tap_sfbulk_pages.soql.field_paths import FoundField

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from tap_sfbulk_pages.salesforce.describe import Field, SObject
    from tap_sfbulk_pages.soql.field_paths import FieldPaths
    from tap_sfbulk_pages.soql.text import QueryText, SelectItem

_TEXT = "string"
# The type of a function's result.
_OF_A_FIELD = {"TOLABEL": _TEXT, "FORMAT": _TEXT, "CONVERTCURRENCY": "currency"}
_DISTANCE = "DISTANCE"
_FIELDS = "FIELDS"
# Whether the fields of FIELDS() are custom ones.
_GROUPS: Mapping[str, frozenset[bool]] = {
    "ALL": frozenset({False, True}),
    "STANDARD": frozenset({False}),
    "CUSTOM": frozenset({True}),
}


@dataclass(frozen=True)
class Column:
    """A column of a query.

    Attributes:
        name: Its name in records.
        type: The describe's `type` of its values.
        soql: Its text in the SELECT list.
        is_computed: Whether it is a function's, so that only its position identifies it.
        field: The field from the describe, if it is known: says how long values can be.
    """

    name: str
    type: str
    soql: str
    is_computed: bool = False
    field: Field | None = None


@dataclass(frozen=True)
class TypedQuery:
    """A query whose columns are known.

    Attributes:
        text: The query.
        sobject: The object of its FROM clause.
        columns: In the order of the SELECT list.
    """

    text: QueryText
    sobject: SObject
    columns: tuple[Column, ...]

    @classmethod
    def of(cls, text: QueryText, paths: FieldPaths) -> TypedQuery:
        """Find the columns of a query and their types.

        Raises:
            SettingsError: If the type of a column is not known, or no query job returns it.
            ExtractionError: If the org cannot be asked.
        """
        try:
            sobject = paths.sobject(text.sobject)
        except RefusedError as refusal:
            raise SettingsError(str(refusal)) from refusal
        columns: dict[str, Column] = {}
        errors: list[str] = []
        for item in text.items:
            with collect_errors(errors):
                for column in _type_item(item, text.alias, sobject, paths):
                    _add_column(columns, column)
        if errors:
            raise SettingsError(*errors)
        return cls(text, sobject, tuple(columns.values()))

    @property
    def types(self) -> dict[str, str]:
        """The types by column name."""
        return {column.name: column.type for column in self.columns}

    def soql(
        self, names: Iterable[str], *, condition: str | None = None, limit: int | None = None
    ) -> str:
        """Return the query for some of its columns (see `QueryText.soql`)."""
        by_name = {column.name: column.soql for column in self.columns}
        return self.text.soql([by_name[name] for name in names], condition=condition, limit=limit)


def property_schemas(
    columns: Iterable[Column], keys: Sequence[str] = ()
) -> dict[str, dict[str, Any]]:
    """Return the JSON schemas of columns by their names.

    They have no description: the label of a field does not say whose field it is.

    Args:
        columns: The columns.
        keys: The names of those that are the key.
    """
    schemas = {
        column.name: property_schema(column.type, is_key=column.name in keys, field=column.field)
        for column in columns
    }
    for schema in schemas.values():
        schema.pop("description", None)
    return schemas


def find_result_columns(
    header: Sequence[str], sobject: str | None, paths: FieldPaths
) -> list[Column]:
    """Find the fields of a result's columns by their names.

    Args:
        header: The names.
        sobject: The object that was queried; None if unknown.
        paths: The org's fields.

    Returns:
        The columns, as Salesforce spells the fields; a name that is not a field is text.

    Raises:
        ExtractionError: If the org cannot be asked.
    """
    if sobject is None:
        return [Column(name, _TEXT, name) for name in header]
    try:
        root = paths.sobject(sobject)
    except RefusedError:
        return [Column(name, _TEXT, name) for name in header]
    found = (_find_field_or_text(name, root, paths) for name in header)
    return [Column(each.path, each.type, each.path, field=each.field) for each in found]


def match_spelling(names: Sequence[str], columns: Iterable[str]) -> tuple[str, ...]:
    """Return names as the columns are spelled.

    Raises:
        SettingsError: If there is no such column.
    """
    by_lower = {column.lower(): column for column in columns}
    unknown = [name for name in names if name.lower() not in by_lower]
    if unknown:
        raise SettingsError(*[f"there is no column {name}" for name in unknown])
    return tuple(by_lower[name.lower()] for name in names)


def _add_column(columns: dict[str, Column], column: Column) -> None:
    """Add a column; a field that is selected twice is one column."""
    before = columns.setdefault(column.name.lower(), column)
    if before is not column and (before.is_computed or column.is_computed):
        raise SettingsError(
            f"two columns have the name {column.name}: give the function another alias"
        )


def _type_item(
    item: SelectItem, alias: str | None, sobject: SObject, paths: FieldPaths
) -> Iterator[Column]:
    if item.function is None and item.path is not None:
        found = _find_field(item.path, alias, sobject, paths)
        if not is_supported(found.type):
            raise SettingsError(
                f"no query job returns {found.path}, whose type is {found.type}: select "
                "the fields that it consists of, or leave it out"
            )
        yield Column(found.path, found.type, found.path, field=found.field)
    elif item.function == _FIELDS:
        yield from _expand_fields(item, sobject)
    elif item.function in _OF_A_FIELD and item.path is not None:
        found = _find_field(item.path, alias, sobject, paths)
        yield Column(
            item.alias or found.path, _OF_A_FIELD[item.function], item.text, is_computed=True
        )
    elif item.function == _DISTANCE:
        if item.alias is None:
            raise SettingsError(f"give {item.text} an alias, which becomes the name of the column")
        yield Column(item.alias, "double", item.text, is_computed=True)
    else:
        raise SettingsError(
            f"the type of {item.text} is not known: select the field itself, or toLabel(), "
            "FORMAT(), convertCurrency() or DISTANCE()"
        )


def _expand_fields(item: SelectItem, sobject: SObject) -> Iterator[Column]:
    """Expand FIELDS(), since a job refuses all but FIELDS(STANDARD)."""
    group = _GROUPS.get((item.path or "").upper())
    if group is None:
        raise SettingsError(f"{item.text} must be FIELDS(ALL), FIELDS(STANDARD) or FIELDS(CUSTOM)")
    for field in sobject.fields:
        if field.is_custom in group and is_supported(field.type):
            yield Column(field.name, field.type, field.name, field=field)


def _find_field_or_text(name: str, sobject: SObject, paths: FieldPaths) -> FoundField:
    try:
        return paths.find(sobject, name)
    except SettingsError:
        return FoundField(name, _TEXT)


def _find_field(path: str, alias: str | None, sobject: SObject, paths: FieldPaths) -> FoundField:
    """Find a field; its path may start with the alias or the name of the object."""
    first, _, rest = path.partition(".")
    is_alias = alias is not None and first.lower() == alias.lower()
    is_object = first.lower() == sobject.name.lower()
    if rest and (is_alias or (is_object and not paths.begins_with_relationship(sobject, path))):
        path = rest
    return paths.find(sobject, path)
