# SPDX-License-Identifier: BSD-2-Clause
"""The spans of a session, as the sessions see them: without `traces` there are none."""

from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from pipecat_daily_rest.server.session import Session


class Spans(Protocol):
    """The spans of one session, which has begun."""

    def step(self, name: str) -> AbstractContextManager[str | None]:
        """Make a span for a part of it; the block gets its ``traceparent``."""

    def end(self, session: Session) -> None:
        """End them with the session."""


class Traces(Protocol):
    """Makes the spans of sessions."""

    def begin(self, session: Session) -> Spans:
        """Begin those of a session."""


class NoSpans:
    """No spans."""

    def begin(self, session: Session) -> Spans:
        """Begin none."""
        return self

    def step(self, name: str) -> AbstractContextManager[str | None]:
        """Make none."""
        return nullcontext()

    def end(self, session: Session) -> None:
        """End none."""
