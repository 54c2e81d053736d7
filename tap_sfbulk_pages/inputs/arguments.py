"""What several commands have on their command lines, and arguments that belong to no option."""

from __future__ import annotations

import click

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
