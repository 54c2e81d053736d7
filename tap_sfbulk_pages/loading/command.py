"""The command `sfbulk-load`: Salesforce into a database."""

from __future__ import annotations

import logging
import os
import signal
import sys
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

import click

from tap_sfbulk_pages.inputs.arguments import (
    CONFIG_OPTION,
    CONTEXT_SETTINGS,
    end_with_message,
    refuse_further_arguments,
)
from tap_sfbulk_pages.loading.settings import LoadSettings, read_config
from tap_sfbulk_pages.reading.stop_signal import RunStopped, StopSignal
from tap_sfbulk_pages.watching.stream_names import name_streams_in_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

logger = logging.getLogger(__name__)


@click.command(context_settings=CONTEXT_SETTINGS)
@click.option(
    "--into",
    metavar="ADDRESS",
    help="duckdb:///file.duckdb or postgresql://host/database. Also SFBULK_LOAD_INTO; a password "
    "is better left to PGPASSWORD.",
)
@click.option("--schema", metavar="NAME", help="Schema of the tables. Also SFBULK_LOAD_SCHEMA.")
@CONFIG_OPTION
@click.option(
    "--catalog",
    type=click.File("rb"),
    help="What to load, as tap-sfbulk-pages --discover prints it. Without one: every object.",
)
@click.option(
    "--hard-deletes",
    type=click.Choice(["mark", "remove"]),
    metavar="ACTION",
    help="What becomes of rows whose records were deleted: mark them in _sdc_deleted_at, or remove "
    "them. Unset: as the setting track_hard_deletes says.",
)
@click.option(
    "--lock-timeout",
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for another load to end. Default: 60.",
)
@click.option(
    "--from-singer",
    is_flag=True,
    help="Read Singer messages from stdin, as a loader of meltano run.",
)
@click.version_option(package_name="tap-sfbulk-pages")
def main(configs: tuple[str, ...], catalog: IO[bytes] | None, **options: Any) -> None:
    """Load Salesforce into a database, every record once."""
    level = os.environ.get("LOGLEVEL", "INFO").upper()
    logging.basicConfig(level=level, format="%(levelname)s %(message)s", stream=sys.stderr)
    with _errors_for_people():
        refuse_further_arguments()
        settings, config = read_config(configs, options, os.environ)
        if settings.from_singer:
            _load_messages(settings)
        else:
            _load_org(settings, config, catalog)


def _load_messages(settings: LoadSettings) -> None:
    from tap_sfbulk_pages.loading.load import load_messages  # noqa: PLC0415 - brings pyarrow

    load_messages(settings, sys.stdin.buffer, _write_line, _stop_signal())


def _write_line(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def _load_org(settings: LoadSettings, config: Mapping[str, Any], catalog: IO[bytes] | None) -> None:
    from tap_sfbulk_pages.loading.load import load_org  # noqa: PLC0415 - brings pyarrow

    load_org(settings, config, catalog, _stop_signal())


def _stop_signal() -> StopSignal:
    stop_signal = StopSignal()
    signal.signal(signal.SIGINT, stop_signal.handle)
    signal.signal(signal.SIGTERM, stop_signal.handle)
    return stop_signal


@contextmanager
def _errors_for_people() -> Iterator[None]:
    """Turn what ends a load into a message and an exit code."""
    try:
        with end_with_message():
            name_streams_in_log()
            yield
    except RunStopped as stopped:
        sys.exit(stopped.exit_code)
    except ImportError as error:
        raise click.ClickException(
            f"{error.name} is missing: pip install 'tap-sfbulk-pages[load]'"
        ) from None


if __name__ == "__main__":
    main()
