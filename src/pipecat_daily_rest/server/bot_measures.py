# SPDX-License-Identifier: BSD-2-Clause
"""What is measured in the process of a bot, whose code knows nothing of it.

Pipecat calls `watch` for each pipeline, by the setup file beside this one.
"""

import os
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from pathlib import Path
from typing import Any

from pipecat_daily_rest.server import bot_traces

Tell = Callable[[Mapping[str, Any]], None]

SETUP = str(Path(__file__).with_name("pipecat_setup.py"))
_FILES = "PIPECAT_SETUP_FILES"
_FRAMES = 1000  # ids of frames that are remembered; one passes every processor of a pipeline

_tell: ContextVar[Tell | None] = ContextVar("where a bot's measures go", default=None)


@contextmanager
def measured(tell: Tell | None) -> Iterator[None]:
    """Tell what the pipelines of a bot measure, which runs in this context."""
    files = os.environ.get(_FILES, "")
    if SETUP not in files.split(os.pathsep):  # a bot's `.env` may have set it anew
        os.environ[_FILES] = f"{files}{os.pathsep}{SETUP}" if files else SETUP
    token = _tell.set(tell)
    try:
        yield
    finally:
        _tell.reset(token)


def told_to() -> Tell | None:
    """Give where the measures of the bot go that runs in this context; None if nowhere."""
    return _tell.get()


def watch(worker: Any) -> None:
    """Measure a pipeline, if it is a session's."""
    if (tell := _tell.get()) is None:
        return
    bot_traces.export()
    _add_observers(worker, tell)
    for transport in _transports(worker):
        _watch_people(transport, tell)


def _add_observers(worker: Any, tell: Tell) -> None:
    from pipecat.frames.frames import MetricsFrame
    from pipecat.observers.base_observer import BaseObserver
    from pipecat.observers.user_bot_latency_observer import UserBotLatencyObserver

    class UsageObserver(BaseObserver):  # type: ignore[misc]
        """Passes on what services say that they used."""

        def __init__(self) -> None:
            super().__init__()
            self._seen: deque[int] = deque(maxlen=_FRAMES)

        async def on_push_frame(self, data: Any) -> None:
            if isinstance(data.frame, MetricsFrame) and data.frame.id not in self._seen:
                self._seen.append(data.frame.id)
                for each in data.frame.data:
                    if (used := _usage(each)) is not None:
                        tell({"used": used})

    async def on_latency_measured(_observer: Any, seconds: float) -> None:
        tell({"latency": seconds})

    latency = UserBotLatencyObserver()
    latency.add_event_handler("on_latency_measured", on_latency_measured)
    worker.add_observer(latency)
    worker.add_observer(UsageObserver())


def _usage(data: Any) -> dict[str, Any] | None:
    """Give what a service used, by the class of its metrics; None for any other metrics."""
    kind = type(data).__name__
    value: Any = getattr(data, "value", None)
    if kind == "LLMUsageMetricsData":
        numbers = {
            "promptTokens": value.prompt_tokens,
            "completionTokens": value.completion_tokens,
            "cachedTokens": value.cache_read_input_tokens or 0,
        }
    elif kind == "TTSUsageMetricsData":
        numbers = {"characters": value}
    elif kind == "STTUsageMetricsData":
        numbers = {"audioSeconds": value.audio_seconds}
    else:
        return None
    return {"service": data.processor.partition("#")[0], "model": data.model, "numbers": numbers}


def _transports(worker: Any) -> list[Any]:
    """Give the Daily transports of a pipeline.

    Pipecat has no public way to them: where it has changed, the report names no participants.
    """
    found: dict[int, Any] = {}
    ahead = [getattr(worker, "_pipeline", None)]
    while ahead:
        processor = ahead.pop()
        ahead += getattr(processor, "processors", ())
        transport = getattr(processor, "_transport", None)
        if {"on_joined", "on_participant_joined"} <= {*getattr(transport, "_event_handlers", ())}:
            found[id(transport)] = transport
    return list(found.values())


def _watch_people(transport: Any, tell: Tell) -> None:
    def joined(participant: Any, *, bot: bool) -> None:
        if "id" in participant:
            user_id = participant.get("info", {}).get("userId")
            tell({"joined": participant["id"], "userId": user_id, "bot": bot})

    async def on_joined(_transport: Any, data: Any) -> None:
        joined((data or {}).get("participants", {}).get("local", {}), bot=True)

    async def on_participant_joined(_transport: Any, participant: Any) -> None:
        joined(participant, bot=False)

    async def on_participant_left(_transport: Any, participant: Any, _reason: Any) -> None:
        tell({"left": participant["id"]})

    for handler in (on_joined, on_participant_joined, on_participant_left):
        transport.add_event_handler(handler.__name__, handler)
