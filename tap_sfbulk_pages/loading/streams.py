"""The streams of a load: every one that the org offers, or those that a catalog selects."""

from __future__ import annotations

import logging
from functools import partial
from typing import TYPE_CHECKING, Any, NoReturn

from tap_sfbulk_pages.errors import CatalogError, RefusedError, SettingsError, UnavailableError
from tap_sfbulk_pages.loading.opening import Opening
from tap_sfbulk_pages.loading.stream import OpenedStream, StreamToLoad
from tap_sfbulk_pages.reading.named_things import check_named_streams, match_objects
from tap_sfbulk_pages.salesforce.describe import DescribesInTurn, list_object_names
from tap_sfbulk_pages.salesforce.restricted_objects import find_obstacle
from tap_sfbulk_pages.soql.entries import check_names
from tap_sfbulk_pages.soql.field_paths import FieldPaths

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping, MutableMapping, Sequence

    from tap_sfbulk_pages.errors import ExtractionError
    from tap_sfbulk_pages.loading.catalog import SelectedStream
    from tap_sfbulk_pages.loading.stream import LoadContext
    from tap_sfbulk_pages.org import Org
    from tap_sfbulk_pages.reading.page import ReadingContext

logger = logging.getLogger(__name__)


def list_streams(
    context: LoadContext,
    selected: Mapping[str, SelectedStream] | None,
    *,
    removes_deleted: bool,
) -> list[StreamToLoad]:
    """List the streams of a load, those first whose jobs are there already.

    Args:
        context: What they share.
        selected: Those of a catalog; None for every one that the org offers.
        removes_deleted: Whether rows of deleted records are removed, rather than marked.

    Raises:
        SettingsError: If two streams would share a table.
        ExtractionError: If the org cannot be asked, or settings contradict it.
    """
    org, settings = context.org, context.org.settings
    missing: Mapping[str, ExtractionError] = {}
    extra = settings.extra_names
    if selected is None:
        objects, missing = _list_offered(org)
    else:
        objects = [name for name in selected if name not in extra]
        extra = [name for name in extra if name in selected]
        _check_filters(org, objects)
    if not objects and not missing and not extra:
        raise SettingsError("objects: no object of the org matches it: nothing is left to load")
    names = [*objects, *extra]
    _check_tables(names)
    order = sorted(names, key=lambda name: (not context.transactions.has_job(name), name))
    opener = _Opener(context, [name for name in order if name not in extra])

    def open_stream(
        name: str, reading: ReadingContext, state: MutableMapping[str, Any]
    ) -> OpenedStream | None:
        choice = selected[name] if selected is not None else None
        return opener.open(name, Opening(reading, state, choice, removes_deleted))

    def fail(error: ExtractionError, *_: object) -> NoReturn:
        raise error

    return [
        *(StreamToLoad(context, name, partial(fail, error)) for name, error in missing.items()),
        *(StreamToLoad(context, name, partial(open_stream, name)) for name in order),
    ]


class _Opener:
    """Opens streams in their turn; objects are described some ahead."""

    def __init__(self, context: LoadContext, objects: Iterable[str]) -> None:
        org = context.org
        self._describes = DescribesInTurn(
            org.client, org.api_version, objects, context.stop_signal.waiting
        )
        self._queries = {each.name: each for each in org.settings.queries}
        self._jobs = {each.name: each for each in org.settings.jobs}
        self._paths = FieldPaths(org.client, org.api_version)

    def open(self, name: str, opening: Opening) -> OpenedStream | None:
        """Open a stream; return None where the org does not offer it after all.

        Raises:
            ExtractionError: If it cannot be read.
        """
        if name in self._queries:
            return opening.open_query(self._queries[name], self._paths)
        if name in self._jobs:
            return opening.open_job(self._jobs[name], self._paths)
        outcome = self._describes.take(name)
        if isinstance(outcome, RefusedError) and opening.choice is None:
            logger.warning("%s is left out: %s", name, outcome)
            return None
        if isinstance(outcome, (RefusedError, UnavailableError)):
            raise outcome
        if outcome.name != name:
            raise CatalogError(f"Salesforce spells it {outcome.name}: so must the catalog.")
        return opening.open_object(outcome)


def _list_offered(org: Org) -> tuple[list[str], Mapping[str, ExtractionError]]:
    """List the objects to load, and those that the settings name and the org does not have.

    Raises:
        SettingsError: If the settings name something else that is not there.
        ExtractionError: If the org cannot be asked.
    """
    settings = org.settings
    queryable = list_object_names(org.client, org.api_version)
    names, missing = match_objects(settings.objects, queryable)
    check_names([*settings.queries, *settings.jobs], names)
    _check_filters(org, names, queryable)
    offered = [
        name
        for name in names
        if not find_obstacle(name, filters=settings.filters, through_rest=settings.fallback_to_rest)
    ]
    return offered, missing


def _check_filters(org: Org, names: Collection[str], queryable: Sequence[str] = ()) -> None:
    """Check that there is an object for each filter.

    Raises:
        SettingsError: If there is none.
    """
    check_named_streams(
        org.settings.filters,
        (),
        read=names,
        known=queryable,
        list_queryable=lambda: list_object_names(org.client, org.api_version),
    )


def _check_tables(names: Iterable[str]) -> None:
    """Let no two streams share a table where names differ in case only.

    Raises:
        SettingsError: If two would.
    """
    found: dict[str, str] = {}
    for name in names:
        if other := found.get(name.lower()):
            raise SettingsError(f"{other} and {name} would be loaded into one table: rename one")
        found[name.lower()] = name
