"""SOQL from a user, parsed only as far as needed to find its types and to narrow it safely.

The text is split into words, strings and brackets, and the keywords of the clauses are looked for
outside brackets (SOQL and SOSL Reference, "SOQL SELECT Syntax"). Everything in between stays as it
was written, and Salesforce judges it. What no query job can do is refused here, with what to do
instead (Bulk API 2.0 guide, "Understanding Bulk API 2.0 Query").
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from itertools import zip_longest
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_TOKENS = re.compile(
    r"""
      (?P<text>'(?:\\.|[^'\\])*')
    | (?P<comment>--|//|/\*)
    | (?P<word>[^\W\d]\w*(?:\.\w+)*)
    | (?P<literal>\d[\w.:+-]*)
    | (?P<sign>\S)
    """,
    re.VERBOSE | re.DOTALL,
)
_NUMBER = "a number"
# The clauses after the object, in order: the first word of each and what may follow it, since
# fields and objects can have such names too.
_CLAUSES: Mapping[str, frozenset[str]] = {
    "USING": frozenset({"SCOPE"}),
    "WHERE": frozenset(),
    "WITH": frozenset(),
    "GROUP": frozenset({"BY"}),
    "HAVING": frozenset(),
    "ORDER": frozenset({"BY"}),
    "LIMIT": frozenset({_NUMBER}),
    "OFFSET": frozenset({_NUMBER}),
    "FOR": frozenset({"VIEW", "REFERENCE", "UPDATE"}),
    "UPDATE": frozenset({"TRACKING", "VIEWSTAT"}),
    "SET": frozenset({"OPTIONS"}),
    "ALL": frozenset({"ROWS"}),
}
_COMPARISONS = frozenset("=!<>")
_COMPARISON_WORDS = frozenset({"LIKE", "IN", "NOT", "INCLUDES", "EXCLUDES"})
_AGGREGATES = frozenset({"AVG", "COUNT", "COUNT_DISTINCT", "GROUPING", "MAX", "MIN", "SUM"})
_NO_AGGREGATES = (
    "a query job neither groups nor counts ({}): select the records and group them after they "
    "are loaded"
)
_REFUSED_CLAUSES = {
    "GROUP": _NO_AGGREGATES.format("GROUP BY"),
    "HAVING": _NO_AGGREGATES.format("HAVING"),
    "OFFSET": "a query job does not support OFFSET: leave it out",
    "ALL": "ALL ROWS is for Apex: leave it out, and set include_deleted",
}


@dataclass(frozen=True)
class Token:
    """A word, string, number or sign of a query.

    Attributes:
        kind: `word`, `text` (a string in quotes), `literal` or `sign`.
        text: As written.
        start: Where it begins in the query, in characters.
        end: Where it ends.
        depth: How many brackets are open; a bracket counts as inside.
    """

    kind: str
    text: str
    start: int
    end: int
    depth: int

    def is_word(self, *words: str) -> bool:
        """Return whether it is one of some words, given in upper case."""
        return self.kind == "word" and self.text.upper() in words


@dataclass(frozen=True)
class SelectItem:
    """An item of the SELECT list.

    Attributes:
        text: As written.
        path: The field, or the single argument of a function; else None.
        function: The outermost function, in upper case; None for a field.
        alias: The alias of a function; None without one.
    """

    text: str
    path: str | None
    function: str | None = None
    alias: str | None = None


@dataclass(frozen=True)
class QueryText:
    """A query.

    Attributes:
        items: The SELECT list.
        sobject: The object of the FROM clause.
        alias: Its alias in the FROM clause; None without one.
        clauses: The rest of each clause after it, by its first word in upper case.
    """

    items: tuple[SelectItem, ...]
    sobject: str
    alias: str | None
    clauses: Mapping[str, str]

    @classmethod
    def parse(cls, text: str) -> QueryText:
        """Parse a query.

        Raises:
            SettingsError: If it is not a query, or not one for a query job.
        """
        tokens = tokenize(text)
        if not tokens or not tokens[0].is_word("SELECT"):
            raise SettingsError("a query must start with SELECT")
        outer = [token for token in tokens if token.depth == 0]
        source = next((token for token in outer if token.is_word("FROM")), None)
        if source is None:
            raise SettingsError("the query has no FROM")
        place = tokens.index(source)
        after = tokens[place + 1 :]
        starts = [
            token
            for token, following in zip_longest(outer, outer[1:])
            # The first word is the object, whose name may be Group or Order.
            if token.start > source.start
            and token is not after[0]
            and _begins_clause(token, following)
        ]
        first = after.index(starts[0]) if starts else len(after)
        sobject, alias = _parse_source(after[:first])
        return cls(
            items=tuple(_parse_item(text, part) for part in _split_items(tokens[1:place])),
            sobject=sobject,
            alias=alias,
            clauses=_parse_clauses(text, starts),
        )

    @property
    def source(self) -> str:
        """Where it looks, beside its condition: the object and every clause but WHERE."""
        clauses = {word: text for word, text in self.clauses.items() if word != "WHERE"}
        return replace(self, clauses=clauses).soql(["Id"]).partition(" FROM ")[2]

    @property
    def unchunked(self) -> tuple[str, ...]:
        """The clauses that switch off the automatic PK chunking."""
        names = {"ORDER": "ORDER BY", "LIMIT": "LIMIT"}
        return tuple(name for word, name in names.items() if word in self.clauses)

    @property
    def limit(self) -> int | None:
        """The largest number of records; None for all."""
        return int(self.clauses["LIMIT"]) if "LIMIT" in self.clauses else None

    def soql(
        self, items: Sequence[str], *, condition: str | None = None, limit: int | None = None
    ) -> str:
        """Return the query as SOQL.

        Args:
            items: The SELECT list.
            condition: A further condition, added with AND.
            limit: To read only a few rows.
        """
        clauses = dict(self.clauses)
        if condition:
            own = clauses.get("WHERE")
            clauses["WHERE"] = f"{condition} AND ({own})" if own else condition
        if limit is not None:
            clauses["LIMIT"] = str(min(limit, int(clauses.get("LIMIT", limit))))
        source = f"{self.sobject} {self.alias}" if self.alias else self.sobject
        after = "".join(f" {word} {clauses[word]}" for word in _CLAUSES if word in clauses)
        return f"SELECT {', '.join(items)} FROM {source}{after}"  # noqa: S608 - SOQL only reads

    def count_soql(self) -> str:
        """Return the query that counts the records, for the REST API; without the LIMIT."""
        clauses = {word: self.clauses[word] for word in self.clauses.keys() - {"ORDER", "LIMIT"}}
        return replace(self, clauses=clauses).soql(["COUNT()"])


def check_condition(text: str) -> str:
    """Check a condition that will be put in brackets and added to a query with AND.

    Returns:
        The condition, without spaces around it.

    Raises:
        SettingsError: If it is not a single condition.
    """
    tokens = tokenize(text)
    outer = [token for token in tokens if token.depth == 0]
    for token, following in zip_longest(outer, outer[1:]):
        if _begins_clause(token, following):
            raise SettingsError(f"it must be only a condition: leave out {token.text}")
    return text.strip()


def list_condition_fields(condition: str) -> list[str]:
    """List the paths that a condition compares with values, in the order of the text.

    Those inside functions and subqueries are left out: what they mean is for Salesforce to judge.
    """
    tokens = tokenize(condition)
    paths: list[str] = []
    subquery: int | None = None
    for token, following in zip_longest(tokens, tokens[1:]):
        if subquery is not None:
            subquery = subquery if token.depth >= subquery else None
        if subquery is None and token.is_word("SELECT"):
            subquery = token.depth
        if subquery is None and token.kind == "word" and following is not None:
            compares = following.text in _COMPARISONS or following.is_word(*_COMPARISON_WORDS)
            if compares and not token.is_word("AND", "OR", "NOT"):
                paths.append(token.text)
    return paths


def tokenize(text: str) -> list[Token]:
    """Split a text into tokens; a bracket belongs to the inside.

    Raises:
        SettingsError: If quotes or brackets do not match, or a character is not allowed in SOQL.
    """
    tokens, depth = [], 0
    for match in _TOKENS.finditer(text):
        kind, word = str(match.lastgroup), match[0]
        if kind == "comment":
            raise SettingsError(f"SOQL has no comments: leave out {word}")
        if word in ("'", ";"):
            hint = "a quoted string is not closed" if word == "'" else "leave out the semicolon"
            raise SettingsError(hint)
        depth += word == "("
        tokens.append(Token(kind, word, match.start(), match.end(), depth))
        depth -= word == ")"
        if depth < 0:
            raise SettingsError("a bracket is closed but was never opened")
    if depth:
        raise SettingsError("a bracket is not closed")
    return tokens


def _begins_clause(token: Token, following: Token | None) -> bool:
    if not token.is_word(*_CLAUSES):
        return False
    wanted = _CLAUSES[token.text.upper()]
    if not wanted or following is None:
        return not wanted
    return following.is_word(*wanted) or (_NUMBER in wanted and following.kind == "literal")


def _parse_source(tokens: Sequence[Token]) -> tuple[str, str | None]:
    """Read the object and its alias."""
    words = [token.text for token in tokens if not token.is_word("AS")]
    if any(word == "," for word in words):
        raise SettingsError(
            "name one object in FROM, and the path to the others, as in Account.Name"
        )
    if not 1 <= len(words) <= 2 or any(token.kind != "word" for token in tokens):  # noqa: PLR2004
        found = f", not {' '.join(words)}" if words else ""
        raise SettingsError(f"FROM must be followed by the name of an object{found}")
    return words[0], words[1] if len(words) > 1 else None


def _parse_clauses(text: str, starts: Sequence[Token]) -> dict[str, str]:
    clauses: dict[str, str] = {}
    for token, following in zip_longest(starts, starts[1:]):
        word = token.text.upper()
        if word in _REFUSED_CLAUSES:
            raise SettingsError(_REFUSED_CLAUSES[word])
        if word in clauses:
            raise SettingsError(f"the query has two {word} clauses")
        clauses[word] = text[token.end : following.start if following else None].strip()
    if not clauses.get("LIMIT", "0").isdecimal():
        raise SettingsError(f"LIMIT must be followed by a whole number, not {clauses['LIMIT']}")
    return clauses


def _split_items(tokens: Sequence[Token]) -> Iterator[list[Token]]:
    """Split the SELECT list at its commas."""
    part: list[Token] = []
    for token in tokens:
        if token.text == "," and token.depth == 0:
            yield part
            part = []
        else:
            part.append(token)
    yield part


def _parse_item(text: str, tokens: Sequence[Token]) -> SelectItem:
    if not tokens:
        raise SettingsError("the SELECT list has an empty item")
    own = text[tokens[0].start : tokens[-1].end]
    first = tokens[0]
    if first.text == "(":
        raise SettingsError(f"a query job returns no child records: make {own} a separate query")
    if first.is_word("TYPEOF"):
        raise SettingsError(
            "a query job does not support TYPEOF: select fields of all objects, as in What.Name"
        )
    if first.kind != "word":
        raise SettingsError(f"{own} is neither a field nor a function of one")
    if len(tokens) == 1:
        return SelectItem(own, own)
    if tokens[1].text != "(":
        raise SettingsError(
            f"only functions can have an alias: write {first.text} instead of {own}"
        )
    return _parse_function(own, tokens)


def _parse_function(own: str, tokens: Sequence[Token]) -> SelectItem:
    name = tokens[0].text.upper()
    if name in _AGGREGATES:
        raise SettingsError(_NO_AGGREGATES.format(own))
    close = next(
        index
        for index, token in enumerate(tokens)
        if token.text == ")" and token.depth == tokens[1].depth
    )
    after = tokens[close + 1 :]
    if len(after) > 1 or any(token.kind != "word" for token in after):
        raise SettingsError(f"{own} is neither a field nor a function of one")
    inside = tokens[2:close]
    words = [
        token
        for token, following in zip(inside, [*inside[1:], tokens[close]], strict=True)
        if token.kind == "word" and following.text != "("
    ]
    path = words[0].text if len(words) == 1 else None
    return SelectItem(own, path, name, after[0].text if after else None)
