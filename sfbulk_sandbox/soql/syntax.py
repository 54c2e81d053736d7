"""The parts of a SOQL query, as the parser hands them on.

`position` is where a part begins in the query's text, counted from 0; errors point there.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias


@dataclass(frozen=True)
class Path:
    """A field, with the relationships that lead to it: `Account.Owner.Name`."""

    text: str
    position: int

    @property
    def names(self) -> list[str]:
        """The names between the dots."""
        return self.text.split(".")


@dataclass(frozen=True)
class Selected:
    """A field of the SELECT list."""

    path: Path
    alias: str | None


@dataclass(frozen=True)
class FunctionCall:
    """A function, such as `COUNT(Id)`, `FIELDS(ALL)` or `FORMAT(MAX(CloseDate))`."""

    name: str
    arguments: tuple[Argument, ...]
    alias: str | None
    position: int


Operand: TypeAlias = "Path | FunctionCall"
"""What is compared, grouped or sorted."""


@dataclass(frozen=True)
class ChildQuery:
    """A parent-to-child subquery of the SELECT list."""

    query: Query
    position: int


@dataclass(frozen=True)
class TypeOf:
    """A TYPEOF … END of the SELECT list.

    Attributes:
        relationship: The polymorphic relationship.
        whens: The objects that it may lead to, and the fields that are selected of each.
        otherwise: The fields of all other objects.
    """

    relationship: Path
    whens: tuple[tuple[Path, tuple[Path, ...]], ...]
    otherwise: tuple[Path, ...]


SelectItem: TypeAlias = "Selected | FunctionCall | ChildQuery | TypeOf"


@dataclass(frozen=True)
class Literal:
    r"""A value.

    Attributes:
        kind: `string`, `number`, `currency` (a number behind the code of one), `date`,
            `datetime`, `time`, `boolean`, `null` or `period`, a word such as TODAY or
            LAST_N_DAYS:5.
        text: As in the query; a string without quotes and escapes, except that `\%` and `\_`
            keep theirs for LIKE.
        position: In the query.
    """

    kind: str
    text: str
    position: int


Argument: TypeAlias = "Path | FunctionCall | Literal"
"""What a function takes."""


@dataclass(frozen=True)
class Comparison:
    """A field against a value; the operator is `=`, `!=`, `<`, `<=`, `>`, `>=` or `LIKE`."""

    operand: Operand
    operator: str
    value: Literal


@dataclass(frozen=True)
class Membership:
    """A field against several; the operator is `IN`, `NOT IN`, `INCLUDES` or `EXCLUDES`."""

    operand: Operand
    operator: str
    values: tuple[Literal, ...]


@dataclass(frozen=True)
class SemiJoin:
    """A field against the results of another query; the operator is `IN` or `NOT IN`."""

    operand: Operand
    operator: str
    query: Query


@dataclass(frozen=True)
class Not:
    """The opposite of a condition."""

    condition: Condition


@dataclass(frozen=True)
class Logic:
    """Conditions that must hold all (`AND`), or at least one of them (`OR`)."""

    operator: str
    conditions: tuple[Condition, ...]


Condition: TypeAlias = "Comparison | Membership | SemiJoin | Not | Logic"


@dataclass(frozen=True)
class OrderTerm:
    """One field of ORDER BY; nulls come first unless the query says otherwise."""

    operand: Operand
    descending: bool
    nulls_last: bool


@dataclass(frozen=True)
class ParentName:
    """A parent in the FROM clause and what the query calls it: `c.Account a`."""

    path: Path
    alias: str | None


@dataclass(frozen=True)
class Query:
    """A SOQL query; `subtotals` is `ROLLUP`, `CUBE` or empty."""

    select: tuple[SelectItem, ...]
    sobject: Path
    alias: str | None = None
    parents: tuple[ParentName, ...] = ()
    where: Condition | None = None
    group_by: tuple[Operand, ...] = ()
    subtotals: str = ""
    having: Condition | None = None
    order_by: tuple[OrderTerm, ...] = ()
    limit: int | None = None
    offset: int = 0
    scope: str = "everything"
