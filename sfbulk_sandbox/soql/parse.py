"""The grammar of SOQL, and the parser."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import cache
from typing import Any

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedEOF, UnexpectedInput, UnexpectedToken

from sfbulk_sandbox.soql import syntax
from sfbulk_sandbox.soql.errors import SoqlError, unexpected_token
from sfbulk_sandbox.soql.unsupported import refuse_unsupported

_LONGEST_QUERY = 100_000
_MOST_ROWS = 1 << 31

_GRAMMAR = r"""
start: query
query: _select _from where? group? having? order? limit? offset? _for?
_select: _SELECT select_item ("," select_item)*
_from: _FROM PATH alias? using?
select_item: PATH [NAME]                        -> selected
    | function [NAME]                           -> function_item
    | "(" query ")"                             -> child_query
    | TYPEOF_END                                -> typeof
alias: _AS? NAME
using: _USING _SCOPE SCOPE
_for: _FOR _PURPOSE
function: FUNCTION "(" [PATH] ")"
?operand: PATH -> path_operand | function

where: _WHERE condition
?condition: simple | and_condition | or_condition
and_condition: simple (_AND simple)+
or_condition: simple (_OR simple)+
?simple: "(" condition ")" | not_condition | comparison | membership | semi_join
not_condition: _NOT simple
comparison: operand COMPARATOR literal | operand LIKE literal
membership: operand (IN | NOT_IN | INCLUDES | EXCLUDES) "(" literal ("," literal)* ")"
semi_join: operand (IN | NOT_IN) "(" query ")"
literal: STRING | DATETIME | DATE | TIME | NUMBER | BOOLEAN | NULL | PERIOD

group: _GROUP _BY operand ("," operand)*
having: _HAVING condition
order: _ORDER _BY order_term ("," order_term)*
order_term: operand [DIRECTION] [NULLS]
limit: _LIMIT WHOLE_NUMBER
offset: _OFFSET WHOLE_NUMBER

PATH: /(?!(FROM|WHERE)(?![\w.]))[a-z_]\w*(\.[a-z_]\w*)*/i
NAME: /[a-z_]\w*/i
FUNCTION.2: /[a-z_]\w*(?=\s*\()/i
TYPEOF_END.3: /TYPEOF\b.*?\bEND(?![\w.])/is
COMPARATOR: /!=|<>|<=|>=|=|<|>/
LIKE.2: /LIKE(?![\w.])/i
IN.2: /IN(?![\w.])/i
NOT_IN.3: /NOT\s+IN(?![\w.])/i
INCLUDES.3: /INCLUDES(?![\w.])/i
EXCLUDES.3: /EXCLUDES(?![\w.])/i
DIRECTION.2: /(ASC|DESC)(?![\w.])/i
NULLS.2: /NULLS\s+(FIRST|LAST)(?![\w.])/i
STRING: /'(\\.|[^'\\])*'/s
DATETIME.4: /\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:?\d\d)/i
DATE.3: /\d{4}-\d\d-\d\d(?!T)/
TIME.3: /\d\d:\d\d:\d\d(\.\d+)?Z/i
NUMBER.2: /[+-]?(\d+(\.\d*)?|\.\d+)(e[+-]?\d+)?/i
WHOLE_NUMBER: /\d+/
BOOLEAN.2: /(TRUE|FALSE)(?![\w.])/i
NULL.2: /NULL(?![\w.])/i
PERIOD.2: /(YESTERDAY|TODAY|TOMORROW)(?![\w.])/i
    | /(LAST|THIS|NEXT)_(WEEK|MONTH|QUARTER|YEAR)(?![\w.])/i
    | /(LAST|NEXT)_90_DAYS(?![\w.])/i
    | /(LAST|NEXT)_N_(DAYS|WEEKS|MONTHS|QUARTERS|YEARS):\d+(?![\w.])/i
    | /N_(DAYS|WEEKS|MONTHS|QUARTERS|YEARS)_AGO:\d+(?![\w.])/i
    | /(LAST|THIS|NEXT)_FISCAL_(QUARTER|YEAR)(?![\w.])/i
    | /(LAST|NEXT)_N_FISCAL_(QUARTERS|YEARS):\d+(?![\w.])/i
    | /N_FISCAL_(QUARTERS|YEARS)_AGO:\d+(?![\w.])/i
_SELECT.2: /SELECT(?![\w.])/i
_FROM.2: /FROM(?![\w.])/i
_AS.2: /AS(?![\w.])/i
_USING.2: /USING(?![\w.])/i
_SCOPE.2: /SCOPE(?![\w.])/i
SCOPE.2: /(EVERYTHING|MINE)(?![\w.])/i
_PURPOSE.2: /(VIEW|REFERENCE|UPDATE)(?![\w.])/i
_WHERE.2: /WHERE(?![\w.])/i
_AND.2: /AND(?![\w.])/i
_OR.2: /OR(?![\w.])/i
_NOT.3: /NOT(?![\w.])/i
_GROUP.2: /GROUP(?=\s+BY\b)/i
_HAVING.2: /HAVING(?![\w.])/i
_ORDER.2: /ORDER(?=\s+BY\b)/i
_BY.2: /BY(?![\w.])/i
_LIMIT.2: /LIMIT(?![\w.])/i
_OFFSET.2: /OFFSET(?![\w.])/i
_FOR.2: /FOR(?![\w.])/i
%ignore /\s+/
"""

_ESCAPES = {"n": "\n", "r": "\r", "t": "\t", "b": "\b", "f": "\f"}
_KINDS_OF_LITERALS = {
    "STRING": "string",
    "DATETIME": "datetime",
    "DATE": "date",
    "TIME": "time",
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
        tree = _parser().parse(soql)
    except UnexpectedEOF as error:
        refuse_unsupported(soql)
        raise unexpected_token(soql, len(soql)) from error
    except (UnexpectedCharacters, UnexpectedToken) as error:
        refuse_unsupported(soql)
        raise unexpected_token(soql, _find_position(error, soql)) from error
    query: syntax.Query = _ToSyntax().transform(tree)
    return query


def _find_position(error: UnexpectedInput, soql: str) -> int:
    if isinstance(error, UnexpectedToken) and error.token.type == "$END":
        return len(soql)
    return len(soql) if error.pos_in_stream is None else error.pos_in_stream


@cache
def _parser() -> Lark:
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", maybe_placeholders=True)


def _without_escapes(quoted: str) -> str:
    """Return a string literal without its quotes and escapes."""

    def character(match: re.Match[str]) -> str:
        escaped = match.group(1)
        return match.group(0) if escaped in "%_" else _ESCAPES.get(escaped.lower(), escaped)

    return re.sub(r"\\(.)", character, quoted[1:-1], flags=re.DOTALL)


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
        clauses = dict(parts[place + 1 :])
        return syntax.Query(select=parts[:place], sobject=_path(parts[place]), **clauses)

    def selected(self, path: Token, alias: Token | None) -> syntax.Selected:
        return syntax.Selected(_path(path), _text(alias))

    def function(self, name: Token, argument: Token | None) -> syntax.FunctionCall:
        path = _path(argument) if argument else None
        return syntax.FunctionCall(str(name), path, None, name.start_pos or 0)

    def function_item(self, call: syntax.FunctionCall, alias: Token | None) -> syntax.FunctionCall:
        return replace(call, alias=_text(alias))

    def path_operand(self, path: Token) -> syntax.Path:
        return _path(path)

    def child_query(self, query: syntax.Query) -> syntax.ChildQuery:
        return syntax.ChildQuery(query, query.sobject.position)

    def typeof(self, token: Token) -> syntax.TypeOf:
        return syntax.TypeOf(token.start_pos or 0)

    def alias(self, name: Token) -> tuple[str, str]:
        return ("alias", str(name))

    def using(self, scope: Token) -> tuple[str, str]:
        return ("scope", scope.lower())

    def where(self, condition: syntax.Condition) -> tuple[str, syntax.Condition]:
        return ("where", condition)

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

    def group(self, *operands: syntax.Operand) -> tuple[str, tuple[syntax.Operand, ...]]:
        return ("group_by", operands)

    def having(self, condition: syntax.Condition) -> tuple[str, syntax.Condition]:
        return ("having", condition)

    def order(self, *terms: syntax.OrderTerm) -> tuple[str, tuple[syntax.OrderTerm, ...]]:
        return ("order_by", terms)

    def order_term(
        self, operand: syntax.Operand, direction: Token | None, nulls: Token | None
    ) -> syntax.OrderTerm:
        return syntax.OrderTerm(
            operand,
            descending=direction is not None and direction.upper() == "DESC",
            nulls_last=nulls is not None and nulls.upper().endswith("LAST"),
        )

    def limit(self, rows: Token) -> tuple[str, int]:
        return ("limit", min(int(rows), _MOST_ROWS))

    def offset(self, rows: Token) -> tuple[str, int]:
        return ("offset", min(int(rows), _MOST_ROWS))


def _text(token: Token | None) -> str | None:
    return None if token is None else str(token)


def _operator(token: Token) -> str:
    """Return an operator in capitals, with one blank between its words."""
    return " ".join(token.upper().split())
