"""Arguments of the command line that no option asked for."""

from __future__ import annotations

import click

# The arguments reach `refuse_further_arguments`; the words of click would repeat them.
CONTEXT_SETTINGS = {"allow_extra_args": True}


def refuse_further_arguments() -> None:
    """Refuse them without repeating any: an address or a config may hold a secret.

    Raises:
        click.UsageError: If there are any.
    """
    context = click.get_current_context(silent=True)
    if context and context.args:
        raise click.UsageError("There is an argument that belongs to no option.", context)
