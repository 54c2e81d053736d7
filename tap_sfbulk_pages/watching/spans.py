"""OpenTelemetry spans of a run, if OpenTelemetry is installed and set up.

`opentelemetry-instrument -- tap-sfbulk-pages …` is all it takes, with the packages
`opentelemetry-distro` and an exporter. Without them nothing happens.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tap_sfbulk_pages.watching.activity import RunActivity, StreamActivity

_NANOSECONDS = 1_000_000_000


def export_spans(activity: RunActivity) -> None:
    """Export a span for the run, one for each stream within it, and one for each period of that.

    Spans are created from the record when the run is over, so no Salesforce record waits for them.
    """
    try:
        from opentelemetry import trace  # noqa: PLC0415 - it may not be installed
    except ImportError:
        return
    tracer = trace.get_tracer("tap_sfbulk_pages")
    began = int(activity.began_at.timestamp() * _NANOSECONDS)

    def moment(seconds: float) -> int:
        return began + int(seconds * _NANOSECONDS)

    run = tracer.start_span("run", start_time=began)
    within_run = trace.set_span_in_context(run)
    for stream in activity.begun:
        periods = [(phase, *period) for phase in stream.periods for period in stream.periods[phase]]
        begin = stream.first_period_began
        end = max((period[2] for period in periods), default=begin)
        span = tracer.start_span(
            stream.name,
            context=within_run,
            start_time=moment(begin),
            attributes=_attributes(stream),
        )
        for note in stream.notes:
            span.add_event(note.text, timestamp=moment(note.at))
        within_stream = trace.set_span_in_context(span)
        for phase, period_begin, period_end in periods:
            tracer.start_span(
                phase.value, context=within_stream, start_time=moment(period_begin)
            ).end(moment(period_end))
        if stream.has_failed:
            span.set_status(trace.StatusCode.ERROR, stream.outcome)
        span.end(moment(end))
    run.end(moment(activity.seconds))


def _attributes(stream: StreamActivity) -> dict[str, str | int | bool | list[str]]:
    return {
        "sfbulk.jobs": list(stream.job_states),
        "sfbulk.records": stream.records,
        "sfbulk.pages": stream.pages,
        "sfbulk.wire_bytes": stream.wire_bytes,
        "sfbulk.calls": stream.calls,
        "sfbulk.retries": stream.retries,
        "sfbulk.resumed": stream.is_resumed,
    }
