"""Asking for the lists of a job's result pages: one, or all of them to the end."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING

from tap_sfbulk_pages.errors import ListingError, RefusedError, ResultPagesNotOfferedError
from tap_sfbulk_pages.links import locator_of
from tap_sfbulk_pages.result_pages import ResultPageList, ResultPagesPaginator

if TYPE_CHECKING:
    from urllib.parse import ParseResult

    import requests

    from tap_sfbulk_pages.client import SalesforceClient
    from tap_sfbulk_pages.query_jobs import QueryJob


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


def listed_pages(client: SalesforceClient, job: QueryJob) -> list[str]:
    """List all result pages of a job without fetching any.

    No page has been counted yet, so nothing can decide about a list that contradicts itself.

    Returns:
        Result links, each page once, in the order of the lists.

    Raises:
        ResultPagesNotOfferedError: If the first list is refused, or has no known form.
        ListingError: If a later one is, or it leads in a circle, or ends without being done.
        ExtractionError: As `SalesforceClient.call`.
    """
    paginator = ResultPagesPaginator()
    links: dict[str, str] = {}
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
        for link in listed.links:
            links.setdefault(locator_of(link), link)
        paginator.advance(response)
    return list(links.values())
