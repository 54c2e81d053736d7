"""What our commands share: errors that end them in words, and a stdout that loses nothing."""

from __future__ import annotations

import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from singer_sdk.exceptions import ConfigValidationError, MappingError

from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.quoting import quote_all_output
from tap_sfbulk_pages.reading.stop_signal import RunStopped
from tap_sfbulk_pages.singer.standard_output import OutputError, take_stdout

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Turn what ends a run into a message and an exit code.

    Texts of other parties are quoted on their way to the log and in the traceback of a crash.
    """
    quote_all_output()
    output = take_stdout()
    try:
        yield
        sys.stdout.flush()
    except RunStopped as stopped:
        sys.exit(stopped.exit_code)
    except (SettingsError, ConfigValidationError) as error:
        raise click.ClickException("\n  ".join(["Wrong settings:", *error.errors])) from None
    except MappingError as error:
        raise click.ClickException(f"Wrong settings:\n  stream_maps: {error}") from None
    except ExtractionError as error:
        raise click.ClickException(str(error)) from None
    except OutputError as error:
        raise _OutputEnded(str(error)) from None
    finally:
        if output:
            output.restore()


class _OutputEnded(click.ClickException):
    """stdout takes no more."""

    # EX_IOERR of sysexits.h
    exit_code = 74
