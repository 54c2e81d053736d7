"""The grammar of SOQL."""

from __future__ import annotations

from functools import cache

from lark import Lark

_GRAMMAR = r"""
start: query
query: _select _from where? (group having?)? order? limit? offset? _for*
_select: _SELECT select_item ("," select_item)*
_from: _FROM PATH alias? parent* using?
select_item: PATH [NAME]                        -> selected
    | function [NAME]                           -> function_item
    | "(" query ")"                             -> child_query
    | _TYPEOF PATH when+ otherwise? _END        -> typeof
when: _WHEN PATH _THEN PATH ("," PATH)*
otherwise: _ELSE PATH ("," PATH)*
alias: _AS? NAME
parent: "," PATH alias?
using: _USING _SCOPE SCOPE
_for: _FOR _PURPOSE
function: FUNCTION "(" (argument ("," argument)*)? ")"
?argument: operand | constant
constant: STRING                                -> literal
    | NUMBER                                    -> literal
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
literal: STRING | DATETIME | DATE | TIME | CURRENCY | NUMBER | BOOLEAN | NULL | PERIOD

group: _GROUP _BY operand ("," operand)*
    | _GROUP _BY SUBTOTALS "(" operand ("," operand)* ")" -> group_with_subtotals
having: _HAVING condition
order: _ORDER _BY order_term ("," order_term)*
order_term: operand [DIRECTION] [NULLS]
limit: _LIMIT WHOLE_NUMBER
offset: _OFFSET WHOLE_NUMBER

PATH: /(?!(FROM|WHERE)(?![\w.]))[a-z_]\w*(\.[a-z_]\w*)*/i
NAME: /(?!(AND|ASC|DESC|EXCLUDES|FIRST|FROM|GROUP|HAVING|IN|INCLUDES|LAST|LIKE|LIMIT|NOT|NULL
    |NULLS|OR|SELECT|USING|WHERE|WITH)(?![\w.]))[a-z_]\w*/ix
FUNCTION.2: /[a-z_]\w*(?=\s*\()/i
SUBTOTALS.3: /(ROLLUP|CUBE)(?=\s*\()/i
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
CURRENCY.3: /[a-z]{3}\d+(\.\d*)?(?![\w.])/i
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
_TYPEOF.3: /TYPEOF(?=\s)/i
_WHEN.2: /WHEN(?![\w.])/i
_THEN.2: /THEN(?![\w.])/i
_ELSE.2: /ELSE(?![\w.])/i
_END.2: /END(?![\w.])/i
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


@cache
def make_parser() -> Lark:
    """Return the parser, which is made once."""
    return Lark(_GRAMMAR, parser="lalr", lexer="contextual", maybe_placeholders=True)
