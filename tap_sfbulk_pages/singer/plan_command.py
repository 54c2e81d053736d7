"""The command `sfbulk-plan`: prints what a run with the same arguments would do."""

from __future__ import annotations

import json
import logging
from contextlib import ExitStack
from operator import attrgetter
from typing import IO, TYPE_CHECKING, Any

import click

from tap_sfbulk_pages.inputs.arguments import CONTEXT_SETTINGS, refuse_further_arguments
from tap_sfbulk_pages.quoting import quote
from tap_sfbulk_pages.reading.plan import StreamPlan, compare_with_allowances, count_records
from tap_sfbulk_pages.salesforce.limits import API_CALLS, QUERY_JOBS, UNITS
from tap_sfbulk_pages.singer.command_line import errors_for_people
from tap_sfbulk_pages.singer.inputs.catalog_files import SelectedEntries
from tap_sfbulk_pages.singer.inputs.states import read_state
from tap_sfbulk_pages.singer.tap import TapSFBulkPages
from tap_sfbulk_pages.words import format_count, table_lines

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from tap_sfbulk_pages.reading.plan import DailyNeed
    from tap_sfbulk_pages.settings import Settings

_HEADINGS = ("stream", "records", "jobs", "pages", "calls", "MB", "how")
_LONGEST_QUERY = 160
_COUNTED = {API_CALLS: "API call", QUERY_JOBS: "query job"}


@click.command(name="sfbulk-plan", context_settings=CONTEXT_SETTINGS)
@click.option(
    "--config",
    multiple=True,
    required=True,
    callback=TapSFBulkPages.cb_config,
    help="Settings as for the tap: files, or ENV for environment variables.",
)
@click.option("--catalog", type=click.File("rb"), help="The catalog for the run.")
@click.option("--state", type=click.File("rb"), help="The state that the run would start with.")
@click.option(
    "--count",
    "exactly",
    is_flag=True,
    help="Count the records of streams that are read in part, with one call each.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json"]),
    default="text",
    show_default=True,
    help="JSON contains the queries in full.",
)
def main(
    *,
    config: Any,
    catalog: IO[bytes] | None,
    state: IO[bytes] | None,
    exactly: bool,
    form: str,
) -> None:
    """Print what a run would do, without creating a query job."""
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    with errors_for_people(), ExitStack() as opened:
        refuse_further_arguments()
        entries = opened.enter_context(SelectedEntries(catalog)) if catalog else None
        tap = TapSFBulkPages(
            config=config.config,
            parse_env_config=config.parse_env,
            setup_mapper=False,
        )
        if state:
            tap.load_state(read_state(state.read(), f"state {state.name}"))
        # That the run would stop is what the plan says, with the few calls that it takes.
        tap.org.calls.allow_all()
        streams = tap.streams_in_turn(entries)
        tap.check_state_is_of_org(streams)
        plans = [plan for stream in streams if (plan := stream.plan())]
        plans.sort(key=attrgetter("stream"))
        count_records(tap.org, plans, exactly=exactly)
        needs = compare_with_allowances(tap.org, plans)
        made = tap.org.calls.made
        if form == "json":
            click.echo(quote(json.dumps(_as_json(plans, needs, made), indent=2), keep_lines=True))
        else:
            lines = _as_text(plans, needs, made, tap.org.settings)
            click.echo(quote("\n".join(lines), keep_lines=True))


def _as_json(plans: Sequence[StreamPlan], needs: Sequence[DailyNeed], made: int) -> Any:
    return {
        "streams": [
            {
                "stream": plan.stream,
                "soql": plan.query.soql if plan.query else None,
                "operation": plan.query.operation if plan.query else None,
                "how": plan.how,
                "records": plan.records,
                "records_are_upper_bound": plan.is_upper_bound,
                "jobs": plan.jobs,
                "through_rest": plan.is_through_rest,
                "pages": plan.pages,
                "calls": plan.calls,
                "megabytes": round(plan.megabytes, 1),
                "trouble": plan.trouble,
            }
            for plan in plans
        ],
        "limits": [
            {
                "name": need.name,
                "needed": need.needed,
                "remaining": need.limit.remaining if need.limit else None,
                "maximum": need.limit.maximum if need.limit else None,
                "share_percent": need.share,
            }
            for need in needs
        ],
        "calls_made_for_this_plan": made,
    }


def _as_text(
    plans: Sequence[StreamPlan], needs: Sequence[DailyNeed], made: int, settings: Settings
) -> Iterator[str]:
    readable = [plan for plan in plans if not plan.trouble]
    largest_first = sorted(readable, key=lambda plan: -(plan.records or 0))
    yield from table_lines([_HEADINGS, *map(_row, largest_first)])
    yield ""
    for plan in readable:
        if plan.query:
            yield f"{plan.stream}: {_shorten_soql(plan.query.soql)}"
    for plan in plans:
        if plan.trouble:
            yield f"{plan.stream} cannot be read: {plan.trouble}"
    yield ""
    for need in needs:
        yield _need_line(need, settings)
    unknown = ", ".join(_unknown(settings))
    unknown = f"{unknown}, and retries" if unknown else "retries"
    yield f"Calls, pages and MB are estimates, without {unknown}."
    yield f"This plan took {format_count(made, 'call')} and created no query job."


def _row(plan: StreamPlan) -> tuple[str, ...]:
    records = "?" if plan.records is None else f"{plan.records:,}"
    return (
        plan.stream,
        f"≤ {records}" if plan.is_upper_bound and plan.records is not None else records,
        str(plan.jobs),
        f"{plan.pages:,}",
        f"{plan.calls:,}",
        f"{plan.megabytes:,.1f}",
        plan.how,
    )


def _unknown(settings: Settings) -> Iterator[str]:
    """Name what, beside retries, is known only when the run meets it."""
    if settings.fallback_to_rest:
        yield "what the Bulk API refuses and REST then reads (2,000 records a call)"
    if settings.split_jobs:
        yield "jobs that take too long and are cut into several"
    if settings.track_hard_deletes:
        yield "the search for deleted records"


def _need_line(need: DailyNeed, settings: Settings) -> str:
    limit, share = need.limit, need.share
    needed, noun = round(need.needed), _COUNTED.get(need.name)
    line = f"About {format_count(needed, noun) if noun else f'{needed:,} {UNITS[need.name]}'}"
    if limit is None or share is None:
        return f"{line}; the org does not say how many are left."
    line += f", {share:.1f} % of a day's {limit.maximum:,}; {limit.remaining:,} are left."
    if need.needed > limit.remaining:
        return f"{line} That is not enough."
    if need.name != API_CALLS:
        return line
    if share > settings.quota_percent_per_run:
        return f"{line} The run would stop at quota_percent_per_run."
    used = limit.maximum - limit.remaining + need.needed
    if used > limit.maximum * settings.quota_percent_total / 100:
        return f"{line} The run would stop at quota_percent_total."
    return line


def _shorten_soql(soql: str) -> str:
    """Leave fields out of a query that is too long for a line or two."""
    if len(soql) <= _LONGEST_QUERY:
        return soql
    fields, _, rest = soql.partition(" FROM ")
    names = fields.split(", ")
    return f"{', '.join(names[:4])}, … ({len(names)} fields) FROM {rest}"
