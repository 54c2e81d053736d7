"""Spans of a run, as OpenTelemetry gets them."""

from __future__ import annotations

from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tap_sfbulk_pages.watching.activity import Phase, RunActivity
from tap_sfbulk_pages.watching.spans import export_spans


def test_spans_for_open_telemetry() -> None:
    exporter = InMemorySpanExporter()
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    trace.set_tracer_provider(provider)
    activity = RunActivity()
    stream = activity.stream("Account")
    stream.note_call()
    with stream.during(Phase.DOWNLOADING):
        stream.note_retry("cut short")
    stream.note_page_written(3)
    stream.outcome = "The job is Failed."
    activity.stream("Lead")
    export_spans(activity)
    spans = {span.name: span for span in exporter.get_finished_spans()}
    assert set(spans) == {"run", "Account", "downloading"}
    account = spans["Account"]
    assert account.parent is not None
    assert account.parent.span_id == spans["run"].context.span_id
    assert account.attributes is not None
    assert account.attributes["sfbulk.records"] == 3
    assert [event.name for event in account.events] == ["cut short"]
    assert account.status.description == "The job is Failed."
