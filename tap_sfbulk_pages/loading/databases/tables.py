"""Tables that fit the records of a stream: made, or changed as far as no value is lost by it."""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import LoadError
from tap_sfbulk_pages.loading.databases.column_types import cast, choose_decimal, widest
from tap_sfbulk_pages.loading.databases.database import quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    import pyarrow as pa

    from tap_sfbulk_pages.loading.databases.column_types import ColumnType
    from tap_sfbulk_pages.loading.databases.database import Database

# What the names of the loader's own tables and columns begin with.
RESERVED = "_sfbulk_"

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Table:
    """A table as records need it.

    Attributes:
        name: As the stream.
        columns: Their types, in order.
        keys: The columns that tell rows apart; none where nothing does.
        comments: What people call the columns.
        comment: What people call the table; empty for nothing.
    """

    name: str
    columns: Mapping[str, ColumnType]
    keys: Sequence[str] = ()
    comments: Mapping[str, str] = field(default_factory=dict)
    comment: str = ""


def ensure_table(database: Database, table: Table, *, was_own: bool) -> bool:
    """Make a table, or make it fit: columns are added and widened, and its key is changed.

    Args:
        database: Where it is.
        table: What is needed.
        was_own: Whether the loader has made it, by the state table. What others have made is
            changed no further than by new columns.

    Returns:
        Whether the loader has made it, now or earlier.

    Raises:
        LoadError: If a column cannot hold the records.
    """
    _check_names(database, [table.name, *table.columns])
    found = database.describe(table.name)
    if not found:
        create_table(database, table)
        if table.comment:
            database.execute(
                f"COMMENT ON TABLE {database.qualified(table.name)} IS {_literal(table.comment)}"
            )
    elif was_own:
        _fit_columns(database, table, found, may_widen=True)
        _fit_key(database, table, found)
    else:
        logger.warning(
            "Stream %s: the table was there before its first load; its rows stay, and those loaded "
            "are merged into it by key, or added where there is none.",
            table.name,
        )
        _fit_columns(database, table, found, may_widen=False)
    _comment_columns(database, table, found)
    database.forget(table.name)
    return was_own or not found


def create_table(database: Database, table: Table) -> None:
    """Make a table that is not there.

    Raises:
        LoadError: If the database refuses.
    """
    clauses = [
        f"{quote(name)} {type_}{' NOT NULL' if name in table.keys else ''}"
        for name, type_ in table.columns.items()
    ]
    if table.keys and database.has_key_index:
        clauses.append(f"PRIMARY KEY ({', '.join(map(quote, table.keys))})")
    database.execute(f"CREATE TABLE {database.qualified(table.name)} ({', '.join(clauses)})")


def widen_columns(database: Database, table: Table, *, may_widen: bool) -> None:
    """Add columns to a table, and widen them.

    Args:
        database: Where it is.
        table: What is needed.
        may_widen: Whether types may change, as those of the loader's own tables.

    Raises:
        LoadError: If a column cannot hold the records.
    """
    _fit_columns(database, table, database.describe(table.name), may_widen=may_widen)
    database.forget(table.name)


def is_empty(database: Database, name: str) -> bool:
    """Return whether a table has no rows."""
    return not database.fetch(f"SELECT 1 FROM {database.qualified(name)} LIMIT 1")


def check_unique(database: Database, table: Table) -> None:
    """Check that no two rows have the same key, where no index does.

    Raises:
        LoadError: If two have.
    """
    keys = ", ".join(map(quote, table.keys))
    rows = database.qualified(table.name)
    if database.fetch(f"SELECT 1 FROM {rows} GROUP BY {keys} HAVING count(*) > 1 LIMIT 1"):
        raise _double_key(table)


def check_records(records: pa.Table, table: Table) -> None:
    """Check that no two records have the same key, before they are merged into a table.

    Raises:
        LoadError: If two have.
    """
    keys = list(table.keys)
    if len(records.select(keys).group_by(keys).aggregate([])) < len(records):
        raise _double_key(table)


def _double_key(table: Table) -> LoadError:
    return LoadError(
        f"Two rows of table {table.name} have the same {', '.join(table.keys)}, so that the next "
        "load would replace both by one: choose a key that tells records apart."
    )


def _fit_columns(
    database: Database, table: Table, found: Mapping[str, ColumnType], *, may_widen: bool
) -> None:
    alter = f"ALTER TABLE {database.qualified(table.name)}"
    spelled = {name.lower(): name for name in found}
    # Asked only if it matters.
    has_rows = cache(lambda: not is_empty(database, table.name))
    for name, type_ in table.columns.items():
        if name not in found:
            if other := spelled.get(name.lower()):
                raise LoadError(
                    f"The table {table.name} has a column {other}, which differs from {name} "
                    "in upper and lower case only: rename one of them."
                )
            database.execute(f"{alter} ADD COLUMN {quote(name)} {type_}")
            if has_rows():
                logger.warning(
                    "Stream %s: column %s (%s) added; it is null in the rows that are there, until "
                    "they change. To load them anew, drop the table.",
                    table.name,
                    name,
                    type_,
                )
            else:
                logger.info("Stream %s: column %s (%s) added.", table.name, name, type_)
            continue
        wider = widest(found[name], type_)
        if wider is None and may_widen:
            wider = choose_decimal(found[name], type_)
        if wider == found[name]:
            continue
        if wider is None or not may_widen:
            raise LoadError(
                f"Column {name} of table {table.name} is {found[name]} and cannot hold the "
                f"{type_} that Salesforce has: rename the column or the table, or leave the "
                "field out in the catalog."
            )
        using = cast(quote(name), found[name], wider)
        database.execute(f"{alter} ALTER COLUMN {quote(name)} TYPE {wider} USING {using}")
        logger.info(
            "Stream %s: column %s widened from %s to %s.", table.name, name, found[name], wider
        )


def _fit_key(database: Database, table: Table, found: Mapping[str, ColumnType]) -> None:
    """Let the columns of the key be those that tell rows apart now."""
    before, keys = database.required_columns(table.name), set(table.keys)
    if before == keys:
        return
    alter = f"ALTER TABLE {database.qualified(table.name)}"
    if before and database.has_key_index:
        database.drop_key(table.name)
    for name in sorted(before - keys):
        database.execute(f"{alter} ALTER COLUMN {quote(name)} DROP NOT NULL")
    try:
        for name in sorted(keys - before):
            database.execute(f"{alter} ALTER COLUMN {quote(name)} SET NOT NULL")
        if keys and database.has_key_index:
            database.execute(f"{alter} ADD PRIMARY KEY ({', '.join(map(quote, table.keys))})")
        elif keys:
            check_unique(database, table)
    except LoadError as error:
        raise LoadError(
            f"The key of stream {table.name} is {', '.join(table.keys)} now, which does not tell "
            f"the rows of its table apart: drop the table, and it is loaded anew. ({error})"
        ) from error
    if found:
        logger.info(
            "Stream %s: its key was %s and is %s now.",
            table.name,
            ", ".join(sorted(before)) or "none",
            ", ".join(table.keys) or "none",
        )


def _comment_columns(database: Database, table: Table, before: Mapping[str, ColumnType]) -> None:
    """Say what people call the columns; of those that are new, so that others' words stay."""
    for name, text in table.comments.items():
        if name in table.columns and name not in before:
            column = f"{database.qualified(table.name)}.{quote(name)}"
            database.execute(f"COMMENT ON COLUMN {column} IS {_literal(text)}")


def _literal(text: str) -> str:
    # No database holds a zero or half a character.
    text = text.replace("\0", "").encode(errors="replace").decode()
    return "'" + text.replace("'", "''") + "'"


def _check_names(database: Database, names: Iterable[str]) -> None:
    for name in names:
        if name.lower().startswith(RESERVED):
            raise LoadError(
                f"The name {name} begins with {RESERVED}, as what the loader keeps for itself: "
                "rename the stream or the field."
            )
        try:
            size = len(name.encode())
        except UnicodeEncodeError:
            raise LoadError(
                f"The name {name} holds half a character (a lone surrogate), which no database "
                "keeps."
            ) from None
        if database.longest_name is not None and size > database.longest_name:
            raise LoadError(
                f"The name {name} is longer than the {database.longest_name} bytes that this "
                "database keeps of a name."
            )
