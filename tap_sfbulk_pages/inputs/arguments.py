"""What several commands have on their command lines, and arguments that belong to no option."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.quoted_output import quote_all_output

if TYPE_CHECKING:
    from collections.abc import Iterator

from tap_sfbulk_pages.configuration import ENVIRONMENT_PREFIX

# The arguments reach `refuse_further_arguments`; the words of click would repeat them.
CONTEXT_SETTINGS = {"allow_extra_args": True}
CONFIG_OPTION = click.option(
    "--config",
    "configs",
    multiple=True,
    metavar="FILE|ENV",
    help="The tap's settings: files, or ENV to use environment variables.",
)
NO_SETTINGS = (
    "there are none: name a file with --config, or use --config ENV to read the environment "
    f"variables {ENVIRONMENT_PREFIX}…"
)


def refuse_further_arguments() -> None:
    """Refuse them without repeating any: an address or a config may hold a secret.

    Raises:
        click.UsageError: If there are any.
    """
    context = click.get_current_context(silent=True)
    if context and context.args:
        raise click.UsageError("There is an argument that belongs to no option.", context)


@contextmanager
def end_with_message() -> Iterator[None]:
    """Let an error end a command with a message and an exit code; quote all that it prints.

    Raises:
        click.ClickException: In place of an `ExtractionError`.
    """
    quote_all_output()
    try:
        yield
    except SettingsError as error:
        raise click.ClickException(error.describe()) from None
    except ExtractionError as error:
        raise click.ClickException(str(error)) from None
