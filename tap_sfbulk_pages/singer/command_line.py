"""What our commands share: errors that end them in words, and a stdout that loses nothing."""

from __future__ import annotations

import logging
import sys
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

from singer_sdk.exceptions import ConfigValidationError, MappingError

from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.quoted_output import quote_all_output
from tap_sfbulk_pages.reading.stop_signal import RunStopped
from tap_sfbulk_pages.singer.standard_output import OutputError, take_stdout
from tap_sfbulk_pages.watching.stream_names import name_streams_in_log

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_sfbulk_pages.singer.standard_output import StandardOutput

# Of the command and of its logger, whose children are those of the streams.
TAP = "tap-sfbulk-pages"
# EX_IOERR of sysexits.h
_OUTPUT_ENDED = 74

logger = logging.getLogger(TAP)


@contextmanager
def errors_for_people() -> Iterator[StandardOutput | None]:
    """Turn what ends a run into a message and an exit code.

    Texts of other parties are quoted on their way to the log and in the traceback of a crash.

    Yields:
        What stands in for stdout; None where that is no descriptor.
    """
    quote_all_output()
    name_streams_in_log(TAP)
    output = take_stdout()
    try:
        yield output
        sys.stdout.flush()
    except RunStopped as stopped:
        sys.exit(stopped.exit_code)
    except SettingsError as error:
        _end(error.describe())
    except ConfigValidationError as error:
        _end(SettingsError(*error.errors).describe())
    except MappingError as error:
        _end(SettingsError(f"stream_maps: {error}").describe())
    except ExtractionError as error:
        _end(str(error))
    except OutputError as error:
        _end(str(error), _OUTPUT_ENDED)
    finally:
        if output:
            output.restore()


def _end(message: str, exit_code: int = 1) -> NoReturn:
    """End the command with a log record, like all that was said before."""
    logger.error("Error: %s", message)
    sys.exit(exit_code)
