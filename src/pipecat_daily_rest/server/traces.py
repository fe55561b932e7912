# SPDX-License-Identifier: BSD-2-Clause
"""Spans of sessions by OpenTelemetry. This file and `bot_traces` alone import it."""

import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from opentelemetry import trace
from opentelemetry.trace import StatusCode
from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

from pipecat_daily_rest.server.error_line import one_line
from pipecat_daily_rest.server.session import EndReason, Session

_TIMEOUT = "OTEL_EXPORTER_OTLP_TIMEOUT"
_NO_ANSWER = 3.0  # seconds that an export may take; the SDK's ten would hold up the end
_FAILED = (EndReason.ERROR, EndReason.LOST)


class SessionTraces:
    """Makes a span ``session`` for each session, with one for each of its parts."""

    def __init__(self, tracer_provider: Any = None) -> None:
        """Initialize.

        Args:
            tracer_provider: Where the spans go; OpenTelemetry's global provider when None.
        """
        self._tracer = trace.get_tracer("pipecat_daily_rest", tracer_provider=tracer_provider)

    def begin(self, session: Session) -> "SessionSpans":
        """Begin the span of a session.

        Args:
            session: The session, which has its slot.

        Returns:
            Its spans.
        """
        return SessionSpans(self._tracer, session)


class SessionSpans:
    """The spans of one session."""

    def __init__(self, tracer: Any, session: Session) -> None:
        """Begin the outer one."""
        self._tracer = tracer
        named = {"session.id": session.id, "conversation.id": session.id}
        # Its parent is the request that started it, where an app traces these.
        self._span = tracer.start_span(
            "session", attributes={**named, "session.agent": session.agent}
        )
        self._context = trace.set_span_in_context(self._span)

    @contextmanager
    def step(self, name: str) -> Iterator[str | None]:
        """Make a span for a part; the block gets its ``traceparent``."""
        span = self._tracer.start_span(name, context=self._context)
        carrier: dict[str, str] = {}
        TraceContextTextMapPropagator().inject(carrier, trace.set_span_in_context(span))
        try:
            yield carrier.get("traceparent")
        except Exception as exc:
            span.set_status(StatusCode.ERROR, one_line(exc))
            raise
        finally:
            span.end()

    def end(self, session: Session) -> None:
        """End the outer one, with the reason."""
        if session.room_name is not None:
            self._span.set_attribute("daily.room.name", session.room_name)
        if session.end is not None:
            self._span.set_attribute("session.end_reason", session.end.reason.value)
            if session.end.reason in _FAILED:
                self._span.set_status(StatusCode.ERROR, session.end.error)
        self._span.end()


def export_by_default() -> None:
    """Send spans where ``OTEL_EXPORTER_OTLP_ENDPOINT`` says, unless the program has seen to it."""
    from opentelemetry.sdk.trace import TracerProvider

    if isinstance(trace.get_tracer_provider(), TracerProvider):
        return
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    name = os.environ.get("OTEL_SERVICE_NAME", "pipecat-daily-rest")
    exporter = OTLPSpanExporter(timeout=None if _TIMEOUT in os.environ else _NO_ANSWER)
    provider = TracerProvider(resource=Resource.create({"service.name": name}))
    provider.add_span_processor(BatchSpanProcessor(exporter))
    trace.set_tracer_provider(provider)


def flush(seconds: float) -> None:
    """Send what has ended, and wait so many seconds at the most."""
    provider = trace.get_tracer_provider()
    if (force := getattr(provider, "force_flush", None)) is not None:
        flushing = threading.Thread(target=force, name="flush of spans", daemon=True)
        flushing.start()
        flushing.join(seconds)
