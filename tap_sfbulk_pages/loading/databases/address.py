"""The address of a database, and the connection to it."""

from __future__ import annotations

import logging
import re
import time
from contextlib import nullcontext, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from tap_sfbulk_pages.errors import SettingsError
from tap_sfbulk_pages.loading.databases.database import DatabaseInUseError
from tap_sfbulk_pages.loading.databases.states import ensure_state_table
from tap_sfbulk_pages.quoting import keep_secret

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from tap_sfbulk_pages.loading.databases.database import Database

_FORMS = "duckdb:///file.duckdb or postgresql://user@host/database"
_SECONDS_BETWEEN_TRIES = 0.5

logger = logging.getLogger(__name__)


def connect(
    address: str,
    *,
    schema: str | None,
    wait_seconds: float,
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext,
) -> Database:
    """Connect to a database, for this load alone.

    Args:
        address: `duckdb:///relative.duckdb`, `duckdb:////absolute.duckdb` or
            `postgresql://user@host/database`.
        schema: In which the tables are; None for the database's own default.
        wait_seconds: How long to wait for another load to end.
        waiting: Entered while there is nothing to do but wait.

    Raises:
        SettingsError: If the address is not understood, or its driver is not installed.
        DatabaseInUseError: If another load has not ended by then.
        LoadError: If the database cannot be reached.
    """
    keep_secret(*_passwords(address))
    connect_once = _connector(address, schema)
    try:
        database = connect_once()
    except DatabaseInUseError as error:
        if not wait_seconds:
            raise
        logger.warning("%s Waiting up to %.0f s for it to end.", error, wait_seconds)
        database = _connect_within(wait_seconds, connect_once, waiting)
    ensure_state_table(database)
    return database


def _connect_within(
    seconds: float,
    connect_once: Callable[[], Database],
    waiting: Callable[[], AbstractContextManager[None]],
) -> Database:
    deadline = time.monotonic() + seconds
    while True:
        with waiting():
            time.sleep(_SECONDS_BETWEEN_TRIES)
        with suppress(DatabaseInUseError):
            return connect_once()
        if time.monotonic() >= deadline:
            return connect_once()


def describe_address(address: str) -> str:
    """Write an address for people, without what is secret in it."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return "the database"
    host = parts.netloc.rpartition("@")[2]
    user = f"{parts.username}@" if parts.username else ""
    # The query may hold a password, too.
    return f"{parts.scheme}://{user}{host}{parts.path}"


def _passwords(address: str) -> list[str]:
    """List what may be a password in an address, which need not be a valid one."""
    found = re.findall(r"^[^:]*:(?://)?[^:/]*:(.*)@", address)
    found += re.findall(r"password=([^&\s]*)", address)
    # Where a character is not encoded that ends a part of an address, libpq takes what is behind it
    # for a host or a port, and repeats it.
    parts = [part for each in found for part in re.split(r"[@/?#:]", each)]
    return [*found, *map(unquote, found), *parts]


def _connector(address: str, schema: str | None) -> Callable[[], Database]:
    scheme = address.partition(":")[0]
    try:
        if scheme == "duckdb":
            from tap_sfbulk_pages.loading.databases.duckdb import DuckDBDatabase  # noqa: PLC0415 - if it is asked for

            path = _path_of(address)
            return lambda: DuckDBDatabase(path, schema)
        if scheme in ("postgresql", "postgres"):
            from tap_sfbulk_pages.loading.databases.postgresql import PostgreSQLDatabase  # noqa: PLC0415 - as above

            return lambda: PostgreSQLDatabase(address, schema)
    except ImportError as error:
        raise SettingsError(
            f"loading into {scheme} takes the extra load: pip install 'tap-sfbulk-pages[load]' "
            f"({error.name} is missing)"
        ) from error
    raise SettingsError(f"into must be an address such as {_FORMS}")


def _path_of(address: str) -> Path:
    """Read the path of a file, relative behind three slashes and absolute behind four."""
    parts = urlsplit(address)
    path = unquote(parts.path)[1:]
    if parts.netloc or not path or parts.query:
        raise SettingsError(
            "into: a DuckDB file is named as duckdb:///relative.duckdb or "
            "duckdb:////absolute/path.duckdb"
        )
    return Path(path)
