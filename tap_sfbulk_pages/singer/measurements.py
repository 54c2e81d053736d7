"""What the SDK does not measure, in the form of its metrics."""

from __future__ import annotations

from typing import TYPE_CHECKING

from singer_sdk.metrics import Metric, Point, Tag, get_metrics_logger, log

from tap_sfbulk_pages.watching.activity import Phase

if TYPE_CHECKING:
    from tap_sfbulk_pages.watching.activity import RunActivity


def log_measurements(activity: RunActivity) -> None:
    """Log calls, jobs and downloads by stream, as `METRIC: {json}` lines.

    Args:
        activity: What the run has done.
    """
    measured = get_metrics_logger()
    for stream in activity.begun:
        tags = {Tag.STREAM.value: stream.name}
        log(measured, Point("counter", Metric.HTTP_REQUEST_COUNT, stream.calls, tags))
        at_salesforce = stream.seconds(Phase.QUEUED, Phase.RUNNING)
        job = {**tags, Tag.JOB_TYPE.value: "query"}
        log(measured, Point("timer", Metric.JOB_DURATION, at_salesforce, job))
        downloading = stream.seconds(Phase.DOWNLOADING)
        pages = {**tags, Tag.ENDPOINT.value: "results"}
        log(measured, Point("timer", Metric.HTTP_REQUEST_DURATION, downloading, pages))
