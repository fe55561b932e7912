# SPDX-License-Identifier: BSD-2-Clause
"""The language model, the speech to text and the text to speech of a test: it says their answers."""

import asyncio
import json
import math
from collections import deque
from collections.abc import Callable, Mapping
from concurrent.futures import Future
from pathlib import Path
from typing import Any

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.budget import BUDGET, DEFAULT
from pipecat_daily_rest.testing.fake_answers import (
    Failure,
    Messages,
    Sound,
    Text,
    Told,
    ToolCall,
    pcm_of,
)


class FakeService:
    """What a test tells a service to answer, and what the service was asked.

    What is told is answered in order, each once, and the last again and again. What is told with
    ``to`` answers every request that has this text, and no other. Any thread may use it.

    Parameters:
        name: The fixture's name.
        url: The base of the API, which ends in ``/v1``.
        told_to_fail: Whether the test told it to fail or to break off.
    """

    name = ""

    def __init__(self, url: str) -> None:
        """Initialize it; use the fixture.

        Args:
            url: Where the server is.
        """
        self.url = url
        self.told_to_fail = False
        self._queue: deque[Told] = deque()
        self._for_texts: list[Told] = []
        self._given = False  # whether the first of the queue was answered
        self._asked: list[tuple[str, dict[str, Any]]] = []
        self._waiting: list[tuple[str | None, Future[None]]] = []

    @property
    def requests(self) -> list[dict[str, Any]]:
        """The bodies of the requests, in order."""
        return [body for _, body in self._asked]

    def fails(
        self,
        status: int = 500,
        message: str = "the test told the service to fail",
        *,
        to: str | None = None,
        after: float = 0.0,
        retry_after: float | None = None,
    ) -> None:
        """Answer with an error.

        OpenAI's client repeats a request after 408, 409, 429 and 5xx, twice by default: it fails if
        this is the last that was told, or gets what was told next.

        Args:
            status: The HTTP status, from 400 to 599.
            message: What the error says.
            to: For requests with this text only, each time.
            after: Seconds until the answer.
            retry_after: Seconds that the client is asked to wait; nothing is asked when None.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(int, status=status)
        must_be(str, message=message)
        must_be(float | None, retry_after=retry_after)
        if not 400 <= status <= 599:
            msg = f"status must be from 400 to 599, not {status}."
            raise DailyConfigError(msg)
        self._tell(Failure(status, message, retry_after), after, to)
        self.told_to_fail = True

    async def is_asked(self, text: str | None = None, *, timeout: float = DEFAULT) -> None:  # noqa: ASYNC109
        """Wait until it has got a request, however long ago.

        Args:
            text: What the newest message, or the text to say, has in it; any request when None.
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Raises:
            TimeoutError: It did not come; the message says what came instead.
            DailyConfigError: An argument has the wrong type.
        """
        must_be(str | None, text=text)
        must_be(float | None, timeout=timeout)
        allowed = BUDGET.of(timeout)
        found: Future[None] = Future()
        self._waiting.append((text, found))
        self._look()
        try:
            await asyncio.wait_for(asyncio.wrap_future(found), allowed)
        except TimeoutError:
            came = ", ".join(repr(asked) for asked, _ in self._asked) or "nothing"
            wanted = "anything" if text is None else repr(text)
            msg = f"{self.name} was not asked {wanted} within {allowed:g} s; it was asked {came}"
            raise TimeoutError(msg) from None

    def take(self, asked: str, body: dict[str, Any]) -> Told | None:
        """Note a request, and give its answer, or None if nothing was told; the server calls it.

        Args:
            asked: The text of the request.
            body: The request.

        Returns:
            What the test told for it.
        """
        self._asked.append((asked, body))
        self._look()
        for told in self._for_texts:
            if told.to is not None and told.to in asked:
                return told
        if self._given and len(self._queue) > 1:
            self._queue.popleft()
        self._given = bool(self._queue)
        return self._queue[0] if self._queue else None

    def _tell(self, answer: Any, after: float, to: str | None) -> None:
        must_be(str | None, to=to)
        must_be(float, after=after)
        if not 0 <= after < math.inf:
            msg = f"after must be seconds, 0 or more, not {after}."
            raise DailyConfigError(msg)
        told = Told(answer, after, to)
        if to is None:
            self._queue.append(told)
        else:
            self._for_texts.insert(0, told)  # the newest counts

    def _look(self) -> None:
        for waiting in list(self._waiting):
            text, found = waiting
            if any(text is None or text in asked for asked, _ in list(self._asked)):
                self._waiting.remove(waiting)
                if found.set_running_or_notify_cancel():
                    found.set_result(None)


class FakeLLM(FakeService):
    """A language model that answers as the test says: the fixture ``llm``."""

    name = "llm"

    def answers(
        self, text: str | Callable[[Messages], str], *, to: str | None = None, after: float = 0.0
    ) -> None:
        """Say something.

        For instance::

            llm.answers("It is noon.", to="What time is it?", after=0.2)

        Args:
            text: The words; or a function that gives them for the messages of the request, which
                is called on another thread and must not wait.
            to: For requests with this text in the newest message only, each time.
            after: Seconds until the first word.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(str | Callable, text=text)
        self._tell(Text(text), after, to)

    def calls(
        self,
        tool: str,
        arguments: Mapping[str, Any] | None = None,
        *,
        to: str | None = None,
        after: float = 0.0,
    ) -> None:
        """Call a tool; the next request, with the tool's result, gets what was told next.

        For instance::

            llm.calls("get_weather", {"city": "Oslo"})
            llm.answers("It snows in Oslo.")

        Args:
            tool: The function's name.
            arguments: Its arguments.
            to: As in `answers`.
            after: Seconds until the call.

        Raises:
            DailyConfigError: JSON cannot hold the arguments, or one has the wrong type or value.
        """
        must_be(str, tool=tool)
        must_be(Mapping | None, arguments=arguments)
        try:
            text = json.dumps(dict(arguments or {}), allow_nan=False)
        except (TypeError, ValueError, RecursionError) as exc:
            msg = "arguments must be what JSON can hold."
            raise DailyConfigError(msg) from exc
        self._tell(ToolCall(tool, text), after, to)

    def stops(
        self, text: str = "", *, hangs: bool = False, to: str | None = None, after: float = 0.0
    ) -> None:
        """Say something, and break off in the middle of the answer.

        Args:
            text: The words that still come.
            hangs: Whether the connection then stays open and silent; else it is cut.
            to: As in `answers`.
            after: Seconds until the first word.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(str, text=text)
        must_be(bool, hangs=hangs)
        self._tell(Text(text, stops=True, hangs=hangs), after, to)
        self.told_to_fail = True

    @property
    def messages(self) -> Messages:
        """The messages of the last request; empty before the first."""
        return list(self._asked[-1][1]["messages"]) if self._asked else []


class FakeSTT(FakeService):
    """A speech to text that understands what the test says: the fixture ``stt``."""

    name = "stt"

    def answers(self, text: str, *, after: float = 0.0) -> None:
        """Understand something, whatever was said.

        Args:
            text: The words; empty for none.
            after: Seconds until the answer.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(str, text=text)
        self._tell(Text(text), after, None)


class FakeTTS(FakeService):
    """A text to speech that says a tone or a recording for a text: the fixture ``tts``.

    It says a tone of 440 Hz for a second to what the test has told nothing about.
    """

    name = "tts"

    def answers(
        self,
        *,
        tone: float | None = None,
        seconds: float = 1.0,
        sound: str | Path | None = None,
        to: str | None = None,
        after: float = 0.0,
    ) -> None:
        """Say something, whatever the text is.

        For instance::

            tts.answers(tone=880, seconds=2, to="It is noon.")
            tts.answers(sound="hello.wav")

        Args:
            tone: A frequency in Hz; 440 when there is no ``sound`` either.
            seconds: How long the tone is.
            sound: The path of a WAV file of 16 bit, instead of a tone.
            to: For texts with this in them only, each time.
            after: Seconds until the first sound.

        Raises:
            DailyConfigError: The file cannot be read, or an argument has the wrong type or value.
        """
        self._tell(Sound(pcm_of(tone, seconds, sound)), after, to)

    def stops(
        self,
        seconds: float = 0.5,
        *,
        tone: float = 440.0,
        hangs: bool = False,
        to: str | None = None,
        after: float = 0.0,
    ) -> None:
        """Say a tone, and break off in the middle of the answer.

        Args:
            seconds: How much of it still comes.
            tone: Its frequency in Hz.
            hangs: Whether the connection then stays open and silent; else it is cut.
            to: As in `answers`.
            after: Seconds until the first sound.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(bool, hangs=hangs)
        self._tell(Sound(pcm_of(tone, seconds, None), stops=True, hangs=hangs), after, to)
        self.told_to_fail = True

    def take(self, asked: str, body: dict[str, Any]) -> Told | None:
        """As `FakeService.take`; there is always an answer.

        Args:
            asked: The text to say.
            body: The request.

        Returns:
            What the test told for it, or the usual tone.
        """
        return super().take(asked, body) or Told(Sound(pcm_of(None, 1.0, None)), 0.0, None)

    @property
    def spoken(self) -> list[str]:
        """The texts that it was asked to say, in order."""
        return [asked for asked, _ in self._asked]
