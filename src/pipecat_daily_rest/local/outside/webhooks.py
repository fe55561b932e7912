# SPDX-License-Identifier: BSD-2-Clause
"""The domain's webhooks, and the delivery of events to them; no room waits for a delivery.

Reference: https://docs.daily.co/reference/rest-api/webhooks
"""

import asyncio
import uuid
from dataclasses import dataclass, field
from typing import Any

from loguru import logger

from pipecat_daily_rest.local.call.clock import Clock, Timer
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.outside.sending import Sender, as_body
from pipecat_daily_rest.local.secret import Secret

EVENT_TYPES = (
    "recording.ready-to-download", "recording.started", "recording.error",
    "streaming.started", "streaming.updated", "streaming.ended", "streaming.error",
    "meeting.started", "meeting.ended",
    "participant.joined", "participant.left",
    "waiting-participant.joined", "waiting-participant.left",
    "batch-processor.job-finished", "batch-processor.error",
    "dialout.connected", "dialout.answered", "dialout.stopped", "dialout.warning",
    "dialout.error",
    "dialin.ready", "dialin.connected", "dialin.stopped", "dialin.warning", "dialin.error",
    "transcript.ready-to-download", "transcript.started", "transcript.error",
    "calltransfer.triggered", "calltransfer.initiated", "calltransfer.answered",
    "calltransfer.completed",
)  # fmt: skip
CIRCUIT_BREAKER = "circuit-breaker"
EXPONENTIAL = "exponential"

_TEST = {"test": "test"}
_MOST_FAILURES = 3  # in a row, until the circuit is broken
_MOST_TRIES = 5  # of one message, when it is repeated


@dataclass(eq=False)
class Webhook:
    """A webhook; times are in unix seconds."""

    url: str
    hmac: Secret  # signs the events; base64
    basic_auth: Secret | None
    event_types: list[str]
    retry_type: str  # CIRCUIT_BREAKER or EXPONENTIAL
    created_at: float
    updated_at: float
    uuid: str = field(default_factory=lambda: str(uuid.uuid4()))
    failed: bool = False  # the circuit is broken: it gets no events until it is updated
    failed_count: int = 0  # deliveries in a row
    pushed_at: float | None = None  # when the last event was delivered


@dataclass(eq=False)
class _Message:
    body: bytes
    tries: int = 0


class _Line:
    """The events for one webhook, and the task that delivers them in order."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[_Message] = asyncio.Queue()
        self.later: set[Timer] = set()
        self.task: asyncio.Task[None] | None = None

    def stop(self) -> None:
        for timer in self.later:
            timer.cancel()
        while not self.queue.empty():
            self.queue.get_nowait()
            self.queue.task_done()
        if self.task is not None:
            self.task.cancel()


class Webhooks:
    """The webhooks of one local Daily."""

    def __init__(self, clock: Clock, choices: Choices, sender: Sender) -> None:
        self._clock = clock
        self._choices = choices
        self._sender = sender
        self._lines: dict[Webhook, _Line] = {}
        self._closed = False

    @property
    def all(self) -> list[Webhook]:
        """The webhooks, oldest first."""
        return list(self._lines)

    def add(self, hook: Webhook) -> None:
        """Add a webhook that was verified."""
        self._lines[hook] = _Line()

    def remove(self, hook: Webhook) -> None:
        """Remove a webhook; it gets no more events, not even those that wait."""
        self._lines.pop(hook).stop()

    async def verify(self, url: str, hmac: Secret, basic_auth: Secret | None) -> bool:
        """Test an endpoint as Daily does when a webhook is created or updated."""
        return await self._post(url, as_body(_TEST), hmac, basic_auth) == 200

    def emit(self, kind: str, payload: dict[str, Any]) -> None:
        """Send an event to every webhook of its type; returns at once."""
        if self._closed:
            return
        event = {
            "version": "1.0.0",
            "type": kind,
            "id": f"{kind}-{uuid.uuid4()}",
            "payload": payload,
            "event_ts": round(self._clock.now(), 3),
        }
        for hook in self._lines:
            if kind in hook.event_types and not hook.failed:
                self._put(hook, _Message(as_body(event)))

    async def settled(self) -> None:
        """Wait until every event was sent once; later retries do not count."""
        for line in list(self._lines.values()):
            await line.queue.join()

    async def aclose(self) -> None:
        """Stop delivering."""
        self._closed = True
        tasks = [line.task for line in self._lines.values() if line.task is not None]
        for line in self._lines.values():
            line.stop()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _put(self, hook: Webhook, message: _Message) -> None:
        line = self._lines[hook]
        line.queue.put_nowait(message)
        if line.task is None:
            name = "local webhook"
            line.task = asyncio.get_running_loop().create_task(self._deliver(hook, line), name=name)

    async def _deliver(self, hook: Webhook, line: _Line) -> None:
        while True:
            message = await line.queue.get()
            try:
                if not hook.failed:
                    await self._try(hook, line, message)
            finally:
                line.queue.task_done()

    async def _try(self, hook: Webhook, line: _Line, message: _Message) -> None:
        message.tries += 1
        status = await self._post(hook.url, message.body, hook.hmac, hook.basic_auth)
        if status == 200:
            hook.failed_count = 0
            hook.pushed_at = self._clock.now()
            return
        hook.failed_count += 1
        if hook.retry_type == EXPONENTIAL:
            self._later(hook, line, message)
        elif hook.failed_count >= _MOST_FAILURES:
            hook.failed = True
            logger.warning(
                "Local Daily: the webhook {} failed {} times in a row. It gets no more events "
                "until you update it.",
                hook.uuid,
                _MOST_FAILURES,
            )

    def _later(self, hook: Webhook, line: _Line, message: _Message) -> None:
        pauses = self._choices.webhook_pauses
        if message.tries >= _MOST_TRIES or not pauses:
            return

        def again() -> None:
            line.later.discard(timer)
            self._put(hook, message)

        pause = pauses[min(message.tries, len(pauses)) - 1]
        timer = self._clock.call_at(self._clock.now() + pause, again)
        line.later.add(timer)

    async def _post(
        self, url: str, body: bytes, hmac: Secret, basic_auth: Secret | None
    ) -> int | None:
        choices = self._choices
        return await self._sender.post(
            url,
            body,
            source="Webhook",
            secret=hmac,
            milliseconds=choices.webhook_milliseconds,
            basic_auth=basic_auth,
            timeout=choices.webhook_timeout,
        )
