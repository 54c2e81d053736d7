"""Stream maps that need no look at single records: the SDK's, read as maps of columns.

Fields that are left out or renamed, constants, digests and conditions are recognised; their values
are those of the SDK's mapper. Whatever else a map does is left to the mapper, record by record.
"""

from __future__ import annotations

import ast
import hashlib
import operator
from contextlib import nullcontext, suppress
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any, NoReturn

from singer_sdk.mapper import NULL_STRING, CustomStreamMap

from tap_sfbulk_pages.decoding.cells import CellType, cell_type
from tap_sfbulk_pages.decoding.column_map import ColumnMap, Expression
from tap_sfbulk_pages.decoding.deleted import DELETED_AT
from tap_sfbulk_pages.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from singer_sdk.mapper import StreamMap

    # Computes a value from those of the fields of an expression.
    Compute = Callable[[Sequence[Any]], Any]

_OPTIONS = ("__filter__", "__alias__", "__else__", "__key_properties__")
_COMPARISONS: Mapping[type[ast.cmpop], Callable[[Any, Any], Any]] = {
    ast.Eq: operator.eq,
    ast.NotEq: operator.ne,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Is: operator.is_,
    ast.IsNot: operator.is_not,
    ast.In: lambda value, values: operator.contains(values, value),
    ast.NotIn: lambda value, values: not operator.contains(values, value),
}
_DIGESTS: Mapping[str, Callable[[str], str]] = {
    "md5": lambda text: hashlib.md5(text.encode(), usedforsecurity=False).hexdigest(),
    "sha256": lambda text: hashlib.sha256(text.encode()).hexdigest(),
}
_TEXT_METHODS = ("lower", "strip", "upper")
# Neither joins simpleeval longer texts, nor does it take longer constants.
_LONGEST_TEXT = 100_000
# What the log of deletes says of a record (`reading/wrappers/delete_log.py`).
_FIELDS_OF_MARKS = {"Id", DELETED_AT}
# Names that mean something else than the field of that name.
_RESERVED = ("_", "record", "config", "fake")


class _NotSimpleError(Exception):
    """An expression, or a map, that is left to the SDK's mapper."""


def find_map(
    stream_maps: Sequence[StreamMap],
    definitions: Mapping[str, Any],
    *,
    stream: str,
    schemas: Mapping[str, Mapping[str, Any]],
) -> ColumnMap | None:
    """Read the stream map of a stream as a map of columns.

    Args:
        stream_maps: The mapper's maps of the stream.
        definitions: The setting `stream_maps`, which they were made from.
        stream: The stream's name.
        schemas: JSON schemas of the fields of its records, in order.

    Returns:
        The map; None if it must be followed record by record.
    """
    first, *others = stream_maps
    definition = _find_definition(definitions, stream)
    if others or not isinstance(first, CustomStreamMap) or first.flattening_enabled:
        return None
    try:
        return _read(first, definition or {}, stream, schemas)
    except (_NotSimpleError, SyntaxError):
        return None


def find_file_map(
    stream_maps: Sequence[StreamMap],
    definitions: Mapping[str, Any],
    *,
    stream: str,
    schemas: Mapping[str, Mapping[str, Any]],
) -> ColumnMap:
    """Read the stream map of a stream for files of columns, as `find_map` does.

    Raises:
        SettingsError: If the map must be followed record by record, or results in values that are
            not of the announced types.
    """
    column_map = find_map(stream_maps, definitions, stream=stream, schemas=schemas)
    announced = stream_maps[0].transformed_schema["properties"]
    if column_map is None or not _fits_files(column_map, schemas, announced):
        refuse_files([stream])
    return column_map


def refuse_files(streams: Iterable[str]) -> NoReturn:
    """Refuse files for streams that must be changed record by record.

    Raises:
        SettingsError: Always.
    """
    raise SettingsError(
        "batch_config works only with simple stream maps (fields removed or renamed, text, md5, "
        "sha256, conditions), and not with flattening: remove batch_config, or the maps or the "
        f"flattening of {', '.join(streams)}"
    )


def _find_definition(definitions: Mapping[str, Any], stream: str) -> Mapping[str, Any] | None:
    """Find what the setting makes of a stream under its own name, as the mapper chooses it."""
    found = None
    for name, definition in definitions.items():
        is_own = isinstance(definition, dict) and "__source__" not in definition
        if is_own and (name == stream or fnmatch(stream, name)):
            found = definition
    return found


def _fits_files(
    column_map: ColumnMap,
    schemas: Mapping[str, Mapping[str, Any]],
    announced: Mapping[str, Mapping[str, Any]],
) -> bool:
    """Return whether all that leaves has the announced types, which files of columns need."""
    for name, output in column_map.outputs.items():
        form = _form(announced.get(name, {}))
        if isinstance(output, str):
            if _form(schemas[output]) != form:
                return False
        elif not output.is_text or form != (CellType.TEXT, None):
            return False
    return True


def _form(schema: Mapping[str, Any]) -> tuple[CellType, str | None]:
    return cell_type(schema), schema.get("format")


def _read(
    stream_map: CustomStreamMap,
    definition: Mapping[str, Any],
    stream: str,
    schemas: Mapping[str, Mapping[str, Any]],
) -> ColumnMap:
    outputs: dict[str, str | Expression] = dict(zip(schemas, schemas, strict=True))
    if "__else__" in definition:
        keys = stream_map.transformed_key_properties or ()
        outputs = {key: key for key in keys if key in schemas}
    # The log of deletes names no more than a record's key: what is made of other fields is left
    # out, and a filter that looks at them keeps the record, since a delete must not be lost.
    is_mark = schemas.keys() == _FIELDS_OF_MARKS
    for name, text in definition.items():
        if name in _OPTIONS:
            continue
        if text in (None, NULL_STRING):
            outputs.pop(name, None)
            continue
        try:
            outputs[name] = _ExpressionReader(stream_map, schemas, name).read(text)
        except _NotSimpleError:
            if not is_mark or name in schemas:
                raise
    condition = None
    if (text := definition.get("__filter__")) is not None:
        with suppress(_NotSimpleError) if is_mark else nullcontext():
            condition = _ExpressionReader(stream_map, schemas, None).read_condition(text)
    column_map = ColumnMap(stream, outputs, condition)
    # Values of the key are looked at where they leave (`ForbiddenValues`).
    hidden = set(column_map.needed) - column_map.names.keys()
    if hidden.intersection(stream_map.raw_key_properties or ()):
        raise _NotSimpleError
    return column_map


class _ExpressionReader:
    """Reads the expression of one property, or of the filter.

    Args:
        stream_map: What it is a part of.
        schemas: JSON schemas of the fields of a record.
        name: The property; None for the filter.
    """

    def __init__(
        self,
        stream_map: CustomStreamMap,
        schemas: Mapping[str, Mapping[str, Any]],
        name: str | None,
    ) -> None:
        self._map = stream_map
        self._schemas = schemas
        self._name = name
        self._places: dict[str, int] = {}

    def read(self, text: str, *, alone: bool = True) -> str | Expression:
        """Read it.

        Args:
            text: The expression.
            alone: Whether a field by itself is returned as its name.

        Raises:
            _NotSimpleError: If it is not simple.
            SyntaxError: If it cannot be parsed.
        """
        statements = ast.parse(text).body
        if len(statements) != 1 or not isinstance(statements[0], ast.Expr):
            raise _NotSimpleError
        node = statements[0].value
        if alone and (field := self._field(node)) is not None:
            return field
        compute, is_text = self._compile(node)
        if not self._places:
            compute = _fold(compute)
        return Expression(text, tuple(self._places), compute, is_text)

    def read_condition(self, text: str) -> Expression:
        """Read a filter.

        Raises:
            _NotSimpleError: If it is not simple, or looks at no field.
            SyntaxError: If it cannot be parsed.
        """
        found = self.read(text, alone=False)
        if isinstance(found, str) or not found.fields:
            raise _NotSimpleError
        return found

    def _field(self, node: ast.expr) -> str | None:
        """Return the field that a name or a subscript stands for; None if it is another one."""
        name: Any = None
        if isinstance(node, ast.Name) and node.id not in _RESERVED:
            name = self._name if node.id == "self" else node.id
        else:
            name = _key_in(node, "record", "_")
        return name if isinstance(name, str) and name in self._schemas else None

    def _constant(self, node: ast.expr) -> Any:
        """Return the value of what is the same for every record.

        Raises:
            _NotSimpleError: If it is not.
        """
        if isinstance(node, ast.Constant):
            value: Any = node.value
        elif (key := _key_in(node, "config")) in (self._map.map_config or {}):
            value = self._map.map_config[key]
        elif isinstance(node, ast.Name) and node.id == "__stream_name__":
            value = self._map.stream_alias
        elif isinstance(node, ast.Name) and node.id == "__original_stream_name__":
            value = self._map.stream_name
        elif isinstance(node, (ast.List, ast.Tuple)):
            value = [self._constant(each) for each in node.elts]
        else:
            raise _NotSimpleError
        is_known = value is None or isinstance(value, (str, bool, int, float, list))
        if not is_known or (isinstance(value, str) and len(value) > _LONGEST_TEXT):
            raise _NotSimpleError
        return value

    def _compile(self, node: ast.expr) -> tuple[Compute, bool]:
        """Compile a part of the expression; return, too, whether it is always text or null."""
        field = self._field(node)
        if field is not None:
            place = self._places.setdefault(field, len(self._places))
            is_text = cell_type(self._schemas[field]) in (CellType.TEXT, CellType.DECIMAL)
            return operator.itemgetter(place), is_text
        forms: Mapping[type[ast.expr], Callable[[Any], tuple[Compute, bool]]] = {
            ast.BinOp: self._sum,
            ast.BoolOp: self._connection,
            ast.Call: self._call,
            ast.Compare: self._comparison,
            ast.IfExp: self._choice,
            ast.UnaryOp: self._inversion,
        }
        if form := forms.get(type(node)):
            return form(node)
        value = self._constant(node)
        return lambda _: value, value is None or isinstance(value, str)

    def _comparison(self, node: ast.Compare) -> tuple[Compute, bool]:
        if len(node.ops) > 1:
            raise _NotSimpleError
        left, right = self._compile(node.left)[0], self._compile(node.comparators[0])[0]
        compare = _COMPARISONS[type(node.ops[0])]
        return lambda row: compare(left(row), right(row)), False

    def _inversion(self, node: ast.UnaryOp) -> tuple[Compute, bool]:
        if not isinstance(node.op, (ast.Not, ast.USub)):
            raise _NotSimpleError
        invert = operator.not_ if isinstance(node.op, ast.Not) else operator.neg
        operand = self._compile(node.operand)[0]
        return lambda row: invert(operand(row)), False

    def _choice(self, node: ast.IfExp) -> tuple[Compute, bool]:
        test = self._compile(node.test)[0]
        (body, is_text), (other, other_is_text) = map(self._compile, (node.body, node.orelse))
        return lambda row: body(row) if test(row) else other(row), is_text and other_is_text

    def _connection(self, node: ast.BoolOp) -> tuple[Compute, bool]:
        parts = [self._compile(each) for each in node.values]
        ends_with = isinstance(node.op, ast.Or)

        def connect(row: Sequence[Any]) -> Any:
            value = None
            for part, _ in parts:
                value = part(row)
                if bool(value) is ends_with:
                    break
            return value

        return connect, all(is_text for _, is_text in parts)

    def _sum(self, node: ast.BinOp) -> tuple[Compute, bool]:
        (left, left_is_text), (right, right_is_text) = map(self._compile, (node.left, node.right))
        if not (isinstance(node.op, ast.Add) and left_is_text and right_is_text):
            raise _NotSimpleError
        return lambda row: _join(left(row), right(row)), True

    def _call(self, node: ast.Call) -> tuple[Compute, bool]:
        match node:
            case ast.Call(func=ast.Name(id=name), args=[argument], keywords=[]) if name in _DIGESTS:
                digest, operand = _DIGESTS[name], self._compile(argument)[0]
                return lambda row: digest(operand(row)), True
            case ast.Call(func=ast.Attribute(value=value, attr=name), args=[], keywords=[]):
                operand, is_text = self._compile(value)
                if is_text and name in _TEXT_METHODS:
                    change = operator.methodcaller(name)
                    return lambda row: change(operand(row)), True
        raise _NotSimpleError


def _key_in(node: ast.expr, *names: str) -> str | None:
    """Return the key of `name["key"]` for one of the names; None if it is anything else."""
    match node:
        case ast.Subscript(value=ast.Name(id=name), slice=ast.Constant(value=str(key))):
            return key if name in names else None
    return None


def _fold(compute: Compute) -> Compute:
    """Compute once what needs no field.

    Raises:
        _NotSimpleError: If it fails, which the mapper reports.
    """
    try:
        value = compute(())
    except Exception as error:
        raise _NotSimpleError from error
    return lambda _: value


def _join(left: str, right: str) -> str:
    if left is not None and right is not None and len(left) + len(right) > _LONGEST_TEXT:
        raise ValueError(f"it joins texts to one of more than {_LONGEST_TEXT:,} characters")
    return left + right
