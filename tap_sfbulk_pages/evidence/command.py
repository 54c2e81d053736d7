"""The command `sfbulk-evidence`: the shape of what an org answers, without its data."""

from __future__ import annotations

import json
import logging
import os
import sys
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from tap_sfbulk_pages.errors import ExtractionError, SettingsError
from tap_sfbulk_pages.evidence.answers import answer_questions
from tap_sfbulk_pages.evidence.calls import OrgCalls
from tap_sfbulk_pages.evidence.comparison import find_differences, record_sandbox
from tap_sfbulk_pages.evidence.interview import Interview
from tap_sfbulk_pages.inputs.arguments import CONFIG_OPTION, end_with_message
from tap_sfbulk_pages.quoting import quote
from tap_sfbulk_pages.salesforce.versions import newest_usable
from tap_sfbulk_pages.settings import check_config, read_config_sources
from tap_sfbulk_pages.words import format_count

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tap_sfbulk_pages.settings import Settings

_FORM = 1
_LONGEST_QUOTE = 300

logger = logging.getLogger(__name__)


@click.command()
@CONFIG_OPTION
@click.option(
    "--output",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    help="Where to write the evidence.",
)
@click.option(
    "--job",
    "large_job",
    metavar="ID",
    help="A finished query job of several result pages, whose lists are looked at, too.",
)
@click.option("--yes", is_flag=True, help="Write the evidence without asking.")
@click.option(
    "--compare",
    type=click.File("rb"),
    help="Evidence of an org: print where the sandbox answers otherwise.",
)
@click.version_option(package_name="tap-sfbulk-pages")
def main(
    configs: tuple[str, ...],
    output: Path | None,
    large_job: str | None,
    compare: Any,
    *,
    yes: bool,
) -> None:
    """Record the shape of an org's replies, without any of its data.

    Three query jobs of at most 20 records of User are run and deleted again; nothing else is
    changed. Every value, id, host and name is replaced. The evidence is shown before it is written.
    """
    logging.basicConfig(level=logging.WARNING, format="%(message)s", stream=sys.stderr)
    with _errors_for_people():
        if compare is not None:
            _compare(compare.read())
            return
        if not configs or output is None:
            raise click.UsageError("--config and --output are needed, or --compare.")
        if not yes and not sys.stdin.isatty():
            raise click.UsageError("Nobody can be asked whether to write the evidence: add --yes.")
        errors: list[str] = []
        config = read_config_sources(configs, os.environ, errors)
        if errors:
            raise SettingsError(*errors)
        text = json.dumps(record_evidence(check_config(config), large_job), indent=2)
        click.echo(text)
        if not yes:
            click.confirm(f"Write this to {output}?", abort=True, err=True)
        output.write_text(f"{text}\n", encoding="utf-8")
        click.echo(f"Written to {output}.", err=True)


def record_evidence(settings: Settings, large_job: str | None) -> dict[str, Any]:
    """Ask an org, and return the shapes of its replies.

    Args:
        settings: Of the tap.
        large_job: Id of an existing job of several pages, if there is one.

    Returns:
        A JSON document.

    Raises:
        ExtractionError: If the org cannot be asked.
    """
    call = OrgCalls(settings, logger.warning)
    offered = call("GET", "/services/data/", api_version="").json
    versions = [float(each["version"]) for each in offered]
    api_version = settings.api_version or newest_usable(versions)
    seen = Interview(call, api_version, large_job).hold()
    click.echo(f"This took {format_count(call.allowance.made, 'API call')}.", err=True)
    return {
        "format": _FORM,
        "tap": version("tap-sfbulk-pages"),
        "api_version": api_version,
        "newest_api_version": f"{max(versions):.1f}",
        "answers": answer_questions(seen),
        "replies": {name: observation.shape() for name, observation in seen.items()},
    }


def _compare(text: bytes) -> None:
    evidence = json.loads(text)
    if not isinstance(evidence, dict) or evidence.get("format") != _FORM:
        raise ExtractionError("This is not a file that sfbulk-evidence of this version wrote.")
    differences = list(find_differences(evidence, record_sandbox(evidence["api_version"])))
    for line in differences:
        click.echo(line)
    click.echo(f"{format_count(len(differences), 'difference')}.", err=True)


@contextmanager
def _errors_for_people() -> Iterator[None]:
    """Turn what ends the command into a message and an exit code."""
    try:
        with end_with_message():
            yield
    except json.JSONDecodeError as error:
        raise click.ClickException(f"The file is not JSON: {error}") from None
    except OSError as error:
        raise click.ClickException(str(error)) from None
    except (AttributeError, LookupError, TypeError, ValueError) as error:
        form = f"The org answered in a form that is not known: {type(error).__name__}"
        raise click.ClickException(f"{form}: {quote(str(error), limit=_LONGEST_QUOTE)}") from None


if __name__ == "__main__":
    main(prog_name="sfbulk-evidence")
