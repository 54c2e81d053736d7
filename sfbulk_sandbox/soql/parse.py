"""From the text of a SOQL query to its parts."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any, TypeAlias

from lark import Token, Transformer, v_args
from lark.exceptions import (
    UnexpectedCharacters,
    UnexpectedEOF,
    UnexpectedInput,
    UnexpectedToken,
    VisitError,
)

from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.errors import SoqlError, unexpected_token
from sfbulk_sandbox.soql.grammar import make_parser
from sfbulk_sandbox.soql.unsupported import refuse_unsupported

_LONGEST_QUERY = 100_000
_MOST_ROWS = 1 << 31

Clause: TypeAlias = "tuple[tuple[str, Any], ...]"
"""What a clause says of a query: names of the query's attributes, and their values."""

_ESCAPES = {
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "b": "\b",
    "f": "\f",
    **{character: character for character in "'\"\\"},
}
_KINDS_OF_LITERALS = {
    "STRING": "string",
    "DATETIME": "datetime",
    "DATE": "date",
    "TIME": "time",
    "CURRENCY": "currency",
    "NUMBER": "number",
    "BOOLEAN": "boolean",
    "NULL": "null",
    "PERIOD": "period",
}


def parse(soql: str) -> syntax.Query:
    """Parse a SOQL query.

    AND and OR do not mix without parentheses, as in Salesforce.

    Raises:
        SoqlError: The text is no SOQL that the sandbox understands.
    """
    if len(soql) > _LONGEST_QUERY:
        raise SoqlError("QUERY_TOO_COMPLICATED", "SOQL statements cannot be longer than 100000")
    try:
        tree = make_parser().parse(soql)
    except UnexpectedEOF as error:
        refuse_unsupported(soql)
        raise unexpected_token(soql, len(soql)) from error
    except (UnexpectedCharacters, UnexpectedToken) as error:
        refuse_unsupported(soql)
        raise unexpected_token(soql, _find_position(error, soql)) from error
    try:
        query: syntax.Query = _ToSyntax().transform(tree)
    except VisitError as error:
        raise error.orig_exc from error
    return query


def _find_position(error: UnexpectedInput, soql: str) -> int:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return len(soql)
    return len(soql) if error.pos_in_stream is None else error.pos_in_stream


def _without_escapes(quoted: str) -> str:
    """Return a string literal without its quotes and escapes.

    SOQL and SOSL Reference, "Quoted String Escape Sequences".

    Raises:
        SoqlError: It has an escape that there is not.
    """

    def character(match: re.Match[str]) -> str:
        escaped = match.group(1)
        if escaped in "%_":
            return match.group(0)
        if escaped[0] == "u":
            return chr(int(escaped[1:], 16))
        if escaped.lower() not in _ESCAPES:
            text = (
                f"Invalid string literal {quoted}. Illegal character sequence '\\{escaped}' in "
                "string literal."
            )
            raise SoqlError("MALFORMED_QUERY", text)
        return _ESCAPES[escaped.lower()]

    return re.sub(r"\\(u[0-9a-fA-F]{4}|.)", character, quoted[1:-1], flags=re.DOTALL)


def _path(token: Token) -> syntax.Path:
    return syntax.Path(str(token), token.start_pos or 0)


@v_args(inline=True)
class _ToSyntax(Transformer[Token, Any]):
    """Turns what the parser found into the parts of a query."""

    def start(self, query: syntax.Query) -> syntax.Query:
        return query

    def query(self, *parts: Any) -> syntax.Query:
        """Gather the clauses: the SELECT list, the object, and the others by name."""
        place = next(index for index, part in enumerate(parts) if isinstance(part, Token))
        behind = parts[place + 1 :]
        parents = tuple(part for part in behind if isinstance(part, syntax.ParentName))
        clauses = {
            name: value
            for part in behind
            if not isinstance(part, syntax.ParentName)
            for name, value in part
        }
        return syntax.Query(
            select=parts[:place], sobject=_path(parts[place]), parents=parents, **clauses
        )

    def selected(self, path: Token, alias: Token | None) -> syntax.Selected:
        return syntax.Selected(_path(path), _text(alias))

    def function(self, name: Token, *arguments: syntax.Argument) -> syntax.FunctionCall:
        return syntax.FunctionCall(str(name), arguments, None, name.start_pos or 0)

    def function_item(self, call: syntax.FunctionCall, alias: Token | None) -> syntax.FunctionCall:
        return replace(call, alias=_text(alias))

    def path_operand(self, path: Token) -> syntax.Path:
        return _path(path)

    def child_query(self, query: syntax.Query) -> syntax.ChildQuery:
        return syntax.ChildQuery(query, query.sobject.position)

    def typeof(self, relationship: Token, *branches: Any) -> syntax.TypeOf:
        whens = tuple(branch for branch in branches if isinstance(branch[-1], tuple))
        otherwise = () if len(whens) == len(branches) else branches[-1]
        return syntax.TypeOf(_path(relationship), whens, otherwise)

    def when(self, sobject: Token, *fields: Token) -> tuple[syntax.Path, tuple[syntax.Path, ...]]:
        return (_path(sobject), tuple(map(_path, fields)))

    def otherwise(self, *fields: Token) -> tuple[syntax.Path, ...]:
        return tuple(map(_path, fields))

    def alias(self, name: Token) -> Clause:
        return (("alias", str(name)),)

    def parent(self, path: Token, alias: Clause = ()) -> syntax.ParentName:
        return syntax.ParentName(_path(path), dict(alias).get("alias"))

    def using(self, scope: Token) -> Clause:
        return (("scope", scope.lower()),)

    def where(self, condition: syntax.Condition) -> Clause:
        return (("where", condition),)

    def and_condition(self, *conditions: syntax.Condition) -> syntax.Logic:
        return syntax.Logic("AND", conditions)

    def or_condition(self, *conditions: syntax.Condition) -> syntax.Logic:
        return syntax.Logic("OR", conditions)

    def not_condition(self, condition: syntax.Condition) -> syntax.Not:
        return syntax.Not(condition)

    def comparison(
        self, operand: syntax.Operand, operator: Token, value: syntax.Literal
    ) -> syntax.Comparison:
        spelled = "!=" if operator == "<>" else str(operator).upper()
        return syntax.Comparison(operand, spelled, value)

    def membership(
        self, operand: syntax.Operand, operator: Token, *literals: syntax.Literal
    ) -> syntax.Membership:
        return syntax.Membership(operand, _operator(operator), literals)

    def semi_join(
        self, operand: syntax.Operand, operator: Token, query: syntax.Query
    ) -> syntax.SemiJoin:
        return syntax.SemiJoin(operand, _operator(operator), query)

    def literal(self, token: Token) -> syntax.Literal:
        kind = _KINDS_OF_LITERALS[token.type]
        text = _without_escapes(token) if kind == "string" else str(token)
        return syntax.Literal(kind, text, token.start_pos or 0)

    def group(self, *operands: syntax.Operand) -> Clause:
        return (("group_by", operands),)

    def group_with_subtotals(self, subtotals: Token, *operands: syntax.Operand) -> Clause:
        return (("subtotals", subtotals.upper()), ("group_by", operands))

    def having(self, condition: syntax.Condition) -> Clause:
        return (("having", condition),)

    def order(self, *terms: syntax.OrderTerm) -> Clause:
        return (("order_by", terms),)

    def order_term(
        self, operand: syntax.Operand, direction: Token | None, nulls: Token | None
    ) -> syntax.OrderTerm:
        return syntax.OrderTerm(
            operand,
            descending=direction is not None and direction.upper() == "DESC",
            nulls_last=nulls is not None and nulls.upper().endswith("LAST"),
        )

    def limit(self, rows: Token) -> Clause:
        return (("limit", min(int(rows), _MOST_ROWS)),)

    def offset(self, rows: Token) -> Clause:
        return (("offset", min(int(rows), _MOST_ROWS)),)


def _text(token: Token | None) -> str | None:
    return None if token is None else str(token)


def _operator(token: Token) -> str:
    """Return an operator in capitals, with one blank between its words."""
    return " ".join(token.upper().split())
