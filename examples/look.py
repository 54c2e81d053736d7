"""Show the result of SQL files: `python look.py DATABASE FILE...`, with `duckdb` installed.

DATABASE is a DuckDB file, or `:memory:` where the files make the tables, as `parquet.sql` does.
"""

from __future__ import annotations

import sys
from pathlib import Path

import duckdb


def show(database: str, *files: str) -> None:
    """Run SQL files one after another, and print what the last query finds."""
    sql = "".join(Path(file).read_text(encoding="utf-8") for file in files)
    with duckdb.connect(database) as connection:
        connection.sql(sql).show()


if __name__ == "__main__":
    try:
        show(*sys.argv[1:])
    except duckdb.Error as error:
        sys.exit(str(error))
