"""What our commands share: errors that end them in words, and a stdout that loses nothing."""

from __future__ import annotations

import io
import os
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click
from singer_sdk.exceptions import ConfigValidationError, MappingError

from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.quoting import quote_all_output
from tap_sfbulk_pages.reading.stop_signal import RunStopped

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def errors_for_people() -> Iterator[None]:
    """Turn what ends a run into a message and an exit code.

    Texts of other parties are quoted on their way to the log and in the traceback of a crash.
    """
    quote_all_output()
    try:
        yield
    except RunStopped as stopped:
        sys.exit(stopped.exit_code)
    except (SettingsError, ConfigValidationError) as error:
        raise click.ClickException("\n  ".join(["Wrong settings:", *error.errors])) from None
    except MappingError as error:
        raise click.ClickException(f"Wrong settings:\n  stream_maps: {error}") from None
    except ExtractionError as error:
        raise click.ClickException(str(error)) from None
    except BrokenPipeError:
        # Python flushes stdout once more at exit, which would fail again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        raise click.ClickException(
            "The target has closed its input; nothing more is read."
        ) from None


def buffer_stdout() -> None:
    """Put a buffer before stdout where Python was told to have none (PYTHONUNBUFFERED).

    A write to the bare descriptor that a signal interrupts ends short, and what is left of it would
    be lost.
    """
    raw = sys.stdout.buffer
    if isinstance(raw, io.RawIOBase):
        sys.stdout = io.TextIOWrapper(io.BufferedWriter(raw), encoding="utf-8", newline="\n")
