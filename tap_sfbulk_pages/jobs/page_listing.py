"""Asking for the lists of a job's result pages: one, or one after another to the end."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import urlparse

from tap_sfbulk_pages.errors import ListingError, RefusedError, ResultPagesNotOfferedError
from tap_sfbulk_pages.jobs.page_lists import ResultPageList, ResultPagesPaginator

if TYPE_CHECKING:
    from collections.abc import Iterator
    from urllib.parse import ParseResult

    import requests

    from tap_sfbulk_pages.jobs.query import QueryJob
    from tap_sfbulk_pages.salesforce.client import SalesforceClient


def list_at(
    client: SalesforceClient, job: QueryJob, token: ParseResult | None
) -> requests.Response:
    """Ask for a list of result pages.

    Args:
        client: The org.
        job: Complete.
        token: The link that leads to it; None for the first.

    Raises:
        ResultPagesNotOfferedError: If the first is refused.
        ListingError: If a later one is refused.
        ExtractionError: As `SalesforceClient.call`.
    """
    link = token.geturl() if token else f"{job.path}/resultPages"
    try:
        return client.get_response(link, api_version=job.api_version)
    except RefusedError as error:
        if token and error.is_about_the_resource:
            message = f"The list of result pages cannot be continued: {error}"
            raise ListingError(message) from error
        if error.status != HTTPStatus.CONFLICT and error.is_about_the_resource:
            raise ResultPagesNotOfferedError(str(error)) from error
        raise


def page_lists(
    client: SalesforceClient, job: QueryJob, begin: str | None = None
) -> Iterator[ResultPageList]:
    """Walk through the lists of result pages of a job without fetching any page.

    No page has been counted yet, so nothing can decide about a list that contradicts itself.

    Args:
        client: The org.
        job: Complete.
        begin: The continuation that leads to the first list wanted; None for the first of all.

    Raises:
        ResultPagesNotOfferedError: If the first of all is refused, or has no known form.
        ListingError: If another one is, or it leads in a circle, or ends without being done.
        ExtractionError: As `SalesforceClient.call`.
    """
    paginator = ResultPagesPaginator(urlparse(begin) if begin else None)
    while not paginator.finished:
        token = paginator.current_value
        response = list_at(client, job, token)
        try:
            listed = ResultPageList.parse(response.json())
        except ListingError as error:
            if token is None:
                raise ResultPagesNotOfferedError(str(error)) from error
            raise
        if listed.done is False and not listed.continuation:
            raise ListingError("The list of result pages ends, but says that more follow.")
        yield listed
        paginator.advance(response)
