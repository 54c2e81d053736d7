"""The SDK's stream, without what it does by itself that a read without loss does otherwise.

It paginates with `nextRecordsUrl` as its paginator token: each list of result pages is what the
SDK calls a page of the API, and the CSV pages behind its links hold the records.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import ParseResult

from singer_sdk.helpers.conform import TypeConformanceLevel
from singer_sdk.streams import RESTStream
from typing_extensions import override

from tap_sfbulk_pages.singer.streams.paginator import ResultPagesPaginator

if TYPE_CHECKING:
    from collections.abc import Iterable

    import requests
    from singer_sdk.helpers.types import Context

    from tap_sfbulk_pages.singer.run import RunningTap


class SDKStream(RESTStream[ParseResult | None]):
    """A stream that keeps no bookmark, activates no version and has no children by itself."""

    # Values are typed by column before they become records.
    TYPE_CONFORMANCE_LEVEL = TypeConformanceLevel.NONE

    _tap: RunningTap

    @override
    def log(self, message: str, *args: Any, level: int = logging.INFO, **kwargs: Any) -> None:
        """Log for the stream; an error that the run reports is not called unhandled before."""
        if not message.startswith("An unhandled error occurred"):
            super().log(message, *args, level=level, **kwargs)

    @override
    def _write_activate_version_message(self, full_table_version: int) -> None:
        """Write nothing yet: the target would drop its rows before there are others.

        The SDK calls it before the first record, with a version of the run's (`table_replacement`).
        """

    def activate_version(self, version: int) -> None:
        """Have the target drop the rows of other versions."""
        super()._write_activate_version_message(version)

    @override
    @property
    def url_base(self) -> str:
        return f"/services/data/v{self._tap.org.api_version}"

    @override
    def get_new_paginator(self, begin: str | None = None) -> ResultPagesPaginator:
        """Make a paginator that begins at a link; without one, at a job's first list of pages."""
        return ResultPagesPaginator(begin)

    @override
    def parse_response(self, response: requests.Response) -> Iterable[dict[str, Any]]:
        """Not used: records are behind the links of a list, not in it (see `request_records`)."""
        raise NotImplementedError

    @override
    def generate_child_contexts(
        self, record: dict[str, Any], context: Context | None
    ) -> Iterable[Context | None]:
        """Give none: no stream has children. For one, a stream map's filter would run twice."""
        return ()

    @override
    def _increment_stream_state(
        self, latest_record: dict[str, Any], *, context: Context | None = None
    ) -> None:
        """Leave the bookmark alone: it is the maximum of a finished job (`through_job.py`)."""

    @override
    def _write_starting_replication_value(self, context: Context | None) -> None:
        """Leave the state alone, as above."""

    @override
    def get_replication_key_signpost(self, context: Context | None = None) -> None:
        """Set no signpost, as above."""
