# SPDX-License-Identifier: BSD-2-Clause
"""The trace of a session goes on in the process of its bot, by the W3C ``traceparent``."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_FLUSH = 1.0  # seconds that the spans of a bot may hold up its end

_traced: ContextVar[bool] = ContextVar("whether the session is traced", default=False)


def endpoint() -> str | None:
    """Give the variable that says where spans go; None where none does, or spans are off."""
    if os.environ.get("OTEL_SDK_DISABLED", "").strip().lower() == "true":
        return None
    return next((name for name in _ENDPOINTS if os.environ.get(name)), None)


@contextmanager
def part_of(traceparent: str | None) -> Iterator[None]:
    """Make the spans of a bot, which runs in this context, children of a span of the server."""
    if traceparent is None:
        yield
        return
    from opentelemetry import context
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    given = TraceContextTextMapPropagator().extract({"traceparent": traceparent})
    attached, marked = context.attach(given), _traced.set(True)
    try:
        yield
    finally:
        _traced.reset(marked)
        context.detach(attached)


def export() -> None:
    """Have the spans of a traced bot exported, if it has not seen to that itself."""
    if _traced.get() and endpoint() is not None:
        from pipecat_daily_rest.server import traces

        with suppress(ImportError):  # the extra is not installed here
            traces.export_by_default()


def flush(traceparent: str | None) -> None:
    """Send the spans of a bot that has ended: its process may be killed next."""
    if traceparent is not None:
        from pipecat_daily_rest.server import traces

        traces.flush(_FLUSH)
