"""What a query found: a snapshot that is written page by page as CSV or as JSON records."""

from __future__ import annotations

import io
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import polars as pl

from sfbulk_sandbox.sobjects.fields import BINARY_TYPES, COMPOUND_TYPES
from sfbulk_sandbox.soql.json_values import FROM_TEXT, join_parts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

DEFAULT_VERSION = "62.0"
AGGREGATE_RESULT = "AggregateResult"
"""The type of a record that a GROUP BY made."""
PARENT_ID = "@parent"
"""The column of a child query's records with the Id of the record they belong to."""


@dataclass(frozen=True)
class ResultColumn:
    """A column of a result.

    Attributes:
        relationships: What leads from the query's object to the field.
        name: Of the field, as Salesforce spells it.
        type: Of the field.
        sources: The columns of the snapshot that it is made of: one, or the parts of a compound.
    """

    relationships: tuple[str, ...]
    name: str
    type: str
    sources: tuple[str, ...]

    @property
    def header(self) -> str:
        """What stands in the header line: `Account.Owner.Name`."""
        return ".".join((*map(_without_branch, self.relationships), self.name))


@dataclass(frozen=True)
class ChildPaging:
    """How many records of a subquery stand in a reply, and how the others are reached.

    Args:
        rows: Records of one parent in one reply.
        address: Keeps a result; returns the address of what follows the first rows of it.
    """

    rows: int
    address: Callable[[ResultSet], str]


@dataclass(frozen=True)
class ChildResults:
    """What a parent-to-child subquery found."""

    relationship: str
    results: ResultSet
    limit: int | None

    def by_parent(
        self, parent_ids: list[str], version: str, paging: ChildPaging | None
    ) -> dict[str, dict[str, Any]]:
        """Return the subquery's result of each of these records that has one."""
        results = self.results.of_parents(parent_ids, self.limit)
        found: dict[str, dict[str, Any]] = {}
        records = results.records(0, len(results), version=version, paging=paging)
        for parent, record in zip(results.parent_ids(), records, strict=True):
            result = found.setdefault(parent, {"totalSize": 0, "done": True, "records": []})
            result["totalSize"] += 1
            if paging is None or result["totalSize"] <= paging.rows:
                result["records"].append(record)
        for parent, result in found.items():
            if paging is not None and result["totalSize"] > paging.rows:
                address = paging.address(self.results.of_parents([parent], self.limit))
                result |= {"done": False, "nextRecordsUrl": address}
        return found


class ResultSet:
    """The records that a query found, as they were when it ran.

    Args:
        sobject: The object that was queried, or `AggregateResult`.
        columns: What was selected; nothing by a lone COUNT(), whose result has a length but no
            records.
        frame: Its columns of text, with the Id of the record and of each parent.
        types_of_parents: The object behind each relationship; None where each record says it in
            a column `Type`.
        children: Results of subqueries.

    Attributes:
        sobject: The object that was queried, or `AggregateResult`.
        columns: The names of the header line: fields as Salesforce spells them, with the
            relationships that lead to them.
        types: The type of the field of each.
    """

    def __init__(
        self,
        sobject: str,
        columns: Sequence[ResultColumn],
        frame: pl.DataFrame,
        *,
        types_of_parents: Mapping[tuple[str, ...], str | None] | None = None,
        children: Sequence[ChildResults] = (),
    ) -> None:
        self.sobject = sobject
        self.columns = [column.header for column in columns]
        self.types = {column.header: column.type for column in columns}
        self._columns = tuple(columns)
        self._frame = frame
        self._types_of_parents = types_of_parents or {}
        self._children = tuple(children)

    def __len__(self) -> int:
        return self._frame.height

    @cached_property
    def _cells(self) -> pl.DataFrame:
        """The columns of the header line, under their names."""
        return self._frame.select(
            pl.col(column.sources[0]).alias(column.header) for column in self._columns
        )

    def csv(
        self,
        start: int,
        stop: int,
        *,
        delimiter: str = ",",
        line_ending: str = "\n",
        header: bool = True,
    ) -> bytes:
        """Return rows as Bulk API 2.0 writes them.

        Every cell and every name of the header stands in quotes, an empty cell is `""`, and the
        last row ends with a line end. Line breaks inside values stay as they are.

        Args:
            start: The first row.
            stop: The row after the last one.
            delimiter: Between cells, one character.
            line_ending: Behind each row.
            header: Whether a line with the names comes first.
        """
        page = io.BytesIO()
        self._cells.slice(start, max(0, stop - start)).write_csv(
            page,
            separator=delimiter,
            line_terminator=line_ending,
            include_header=header,
            quote_style="always",
        )
        return page.getvalue()

    def records(
        self,
        start: int,
        stop: int,
        *,
        version: str = DEFAULT_VERSION,
        paging: ChildPaging | None = None,
    ) -> list[dict[str, Any]]:
        """Return rows as the REST query resource writes them, ready for JSON.

        Args:
            start: The first row.
            stop: The row after the last one.
            version: The version of the API, for the addresses of the records.
            paging: How subqueries with many records are cut; None leaves them whole.
        """
        if self.sobject == AGGREGATE_RESULT and not self._columns:
            return []
        page = self._frame.slice(start, max(0, stop - start))
        records = [record for record in self._level(page, (), version) if record is not None]
        if self._children:
            found = self._child_results(page, version, paging)
            for place, record in enumerate(records):
                record.update({name: results[place] for name, results in found.items()})
        return records

    def of_parents(self, parent_ids: list[str], limit: int | None) -> ResultSet:
        """Return the records that belong to these parents, at most so many of each."""
        frame = self._frame.filter(pl.col(PARENT_ID).is_in(parent_ids))
        if limit is not None:
            frame = frame.filter(pl.int_range(pl.len()).over(PARENT_ID) < limit)
        return ResultSet(
            self.sobject,
            self._columns,
            frame,
            types_of_parents=self._types_of_parents,
            children=self._children,
        )

    def parent_ids(self) -> list[str]:
        """Return which record each one belongs to, in the result of a child query."""
        return self._frame[PARENT_ID].to_list()

    def _level(
        self, page: pl.DataFrame, level: tuple[str, ...], version: str
    ) -> list[dict[str, Any] | None]:
        """Return the records that one relationship leads to; null where there is no parent."""
        cells: dict[str, list[Any]] = {}
        depth = len(level)
        for column in self._columns:
            if column.relationships[:depth] != level:
                continue
            if len(column.relationships) == depth:
                cells[column.name] = self._values(page, column, version)
            elif (name := column.relationships[depth]) not in cells:
                cells[name] = self._level(page, (*level, name), version)
        cells = _join_branches(cells)
        names = ("attributes", *cells)
        rows = zip(self._attributes(page, level, version), *cells.values(), strict=True)
        return [dict(zip(names, row, strict=True)) if row[0] else None for row in rows]

    def _attributes(
        self, page: pl.DataFrame, level: tuple[str, ...], version: str
    ) -> list[dict[str, Any] | None]:
        if self.sobject == AGGREGATE_RESULT:
            return [{"type": AGGREGATE_RESULT} for _ in range(page.height)]
        ids = page[".".join((*level, "Id"))]
        type_ = self._types_of_parents[level] if level else self.sobject
        types = page[".".join((*level, "Type"))] if type_ is None else [type_] * page.height
        return [
            None
            if record_id is None
            else {"type": name, "url": _record_url(version, name, record_id)}
            for name, record_id in zip(types, ids, strict=True)
        ]

    def _values(self, page: pl.DataFrame, column: ResultColumn, version: str) -> list[Any]:
        texts = page[column.sources[0]]
        if column.type in COMPOUND_TYPES:
            parts = (page[source] for source in column.sources)
            return [join_parts(values) for values in zip(*parts, strict=True)]
        if column.type in BINARY_TYPES:
            records = self._attributes(page, column.relationships, version)
            return [
                None if text is None or record is None else f"{record['url']}/{column.name}"
                for text, record in zip(texts, records, strict=True)
            ]
        if column.type == "datetime":
            return texts.str.replace("Z", "+0000", literal=True).to_list()
        convert = FROM_TEXT.get(column.type, str)
        return [None if text is None else convert(text) for text in texts]

    def _child_results(
        self, page: pl.DataFrame, version: str, paging: ChildPaging | None
    ) -> dict[str, list[Any]]:
        results = {}
        for child in self._children:
            ids = page["Id"].to_list()
            by_parent = child.by_parent(ids, version, paging)
            results[child.relationship] = [by_parent.get(record_id) for record_id in ids]
        return results


def _join_branches(cells: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """Put the branches of a TYPEOF together: each record has what the first one found for it."""
    joined: dict[str, list[Any]] = {}
    for name, values in cells.items():
        before = joined.setdefault(_without_branch(name), values)
        if before is not values:
            pairs = zip(before, values, strict=True)
            joined[_without_branch(name)] = [one or other for one, other in pairs]
    return joined


def _without_branch(relationship: str) -> str:
    """Return the name of a relationship that may be a branch of a TYPEOF: `What:Account`."""
    return relationship.partition(":")[0]


def _record_url(version: str, sobject: str, record_id: str) -> str:
    return f"/services/data/v{version.removeprefix('v')}/sobjects/{sobject}/{record_id}"
