# SPDX-License-Identifier: BSD-2-Clause
"""A room with a bot in it, which people of a test join."""

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

from pipecat_daily_rest._core.arguments import awaitable
from pipecat_daily_rest._core.bot_check import check_bot
from pipecat_daily_rest._core.pipecat_version import runner_arguments
from pipecat_daily_rest._core.timings import Timings
from pipecat_daily_rest._core.waiting import finish
from pipecat_daily_rest._rooms.provision import provisioned_room
from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.budget import BUDGET, DEFAULT
from pipecat_daily_rest.local.recording.stored import Recording
from pipecat_daily_rest.local.room_handle import RoomHandle
from pipecat_daily_rest.local.scripted.latency import Latency
from pipecat_daily_rest.local.scripted.person import Scripted
from pipecat_daily_rest.models import DailyMeetingTokenProperties
from pipecat_daily_rest.testing.bot_errors import BotErrors, RoomErrors
from pipecat_daily_rest.testing.daily_fixture import LocalDailyFixture

if TYPE_CHECKING:
    from pipecat.runner.types import DailyRunnerArguments


class LocalRoom:
    """A room of a test, with a bot in it: what `local_room` gives.

    Parameters:
        provisioned: The room and its tokens, as `provisioned_room` yields them.
        hands: What a test makes happen in the room: ``dial_in``, ``dtmf``,
            ``transcribe``, ``lose_network``, …
        bot: The bot, as it runs.
    """

    def __init__(
        self, daily: LocalDailyFixture, provisioned: ProvisionedRoom, errors: BotErrors
    ) -> None:
        """Initialize; `OpenRoom` does that.

        Args:
            daily: Where the room is.
            provisioned: The room and its tokens.
            errors: What the bots of the test may raise.
        """
        self._daily = daily
        self._errors = errors
        self.provisioned = provisioned
        self.hands: RoomHandle = daily.room(provisioned.url)
        self.people: list[Scripted] = []
        self.bot: asyncio.Task[None]

    @property
    def url(self) -> str:
        """URL of the room."""
        return self.provisioned.url

    @property
    def latency(self) -> Latency:
        """The latencies of the turns in the room so far, in seconds.

        For instance::

            assert room.latency.p95 < room.budget(1.5)
        """
        return self.hands.latency

    def budget(self, seconds: float) -> float:
        """Give a number of seconds, times `local_daily_factor` of the ini file.

        Args:
            seconds: What a fast machine is allowed.

        Returns:
            The seconds that this machine is allowed.

        Raises:
            DailyConfigError: This is not a number.
        """
        must_be(float, seconds=seconds)
        return seconds * BUDGET.factor

    def expects_error(self, *kinds: type[BaseException]) -> list[BaseException]:
        """Let the bot raise in its event handlers and its pipeline, which else fails the test.

        For instance::

            errors = room.expects_error(ConnectionError)

        Args:
            *kinds: Which exceptions; all when there is none.

        Returns:
            Those that come: the list grows.
        """
        return self._errors.expects(*kinds)

    async def person(
        self,
        name: str,
        properties: DailyMeetingTokenProperties | None = None,
        *,
        owner: bool = False,
        **options: Any,
    ) -> Scripted:
        """Have a person join that the test drives: it says, hears, shows, sees, sends, receives.

        Args:
            name: The display name.
            properties: Further properties of the meeting token, as its permissions.
            owner: Whether the token has owner rights.
            **options: As for `Scripted`: ``keep``.

        Returns:
            The participant. It leaves at the end of the block.

        Raises:
            JoinRefused: Daily does not let it join; the message says why.
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(str, name=name)
        must_be(DailyMeetingTokenProperties | None, properties=properties)
        must_be(bool, owner=owner)
        asked = properties or DailyMeetingTokenProperties()
        named = asked.model_copy(update={"user_name": name})
        token = await self.provisioned.create_token(named, owner=owner)
        person = self._daily.join(self.url, token, **options)
        self.people.append(person)
        return person

    async def event(
        self,
        name: str,
        where: Callable[[dict[str, Any]], bool] | None = None,
        *,
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> dict[str, Any]:
        """Wait for an event of the room, or take one that came before; each is taken once.

        Args:
            name: The event's name, as in ``participant-left``.
            where: Which one; the next when None.
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            The event.

        Raises:
            TimeoutError: It did not come; the message says what did.
            DailyConfigError: An argument has the wrong type.
        """
        return await self.hands.event(name, where, timeout=timeout)

    async def ended(self, *, timeout: float = DEFAULT) -> None:  # noqa: ASYNC109
        """Wait until the bot has ended by itself.

        Args:
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Raises:
            TimeoutError: It still runs.
            DailyConfigError: The timeout is not a number.
        """
        must_be(float | None, timeout=timeout)
        allowed = BUDGET.of(timeout)
        await asyncio.wait({self.bot}, timeout=allowed)
        if not self.bot.done():
            people = [repr(p.user_name) for p in self.people if p.left_reason is None]
            here = f" {' and '.join(people)} had not left." if people else " Everybody had left."
            msg = f"the bot did not end by itself within {allowed:g} s.{here}"
            raise TimeoutError(msg)

    async def recording(self, *, timeout: float = DEFAULT) -> Recording:  # noqa: ASYNC109
        """Wait until a recording of the call has ended and its file is complete.

        Args:
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            The last one that has ended.

        Raises:
            TimeoutError: None has ended; the message lists what has happened.
            RuntimeError: Those that have ended were deleted.
            DailyConfigError: The timeout is not a number.
        """
        name = self.provisioned.name
        for count in itertools.count(1):
            await self._daily.wait_for("recording stopped", room=name, count=count, timeout=timeout)
            mine = [each for each in self._daily.recordings if each.room == name]
            if ended := [each for each in mine if each.status != "in-progress"]:
                break
            if not mine:
                msg = "the recording of the call was deleted: wait for room.recording() before that"
                raise RuntimeError(msg)
        return ended[-1]


class OpenRoom:
    """Opens rooms with a bot in them.

    The room is private and is deleted at the end. The block begins once the bot has joined::

        async def test_it_greets(local_room):
            async with local_room(bot) as room:
                ana = await room.person("Ana")
                await ana.hears(880)

    The bot runs in the test's own event loop. Its exception ends the block at once and fails the
    test; so does one that Pipecat catches and logs, of an event handler or a frame processor (see
    `LocalRoom.expects_error`). At the end everyone leaves, and a bot that still runs is cancelled.
    """

    def __init__(self, daily: LocalDailyFixture, errors: BotErrors) -> None:
        """Initialize; the fixture `local_room` does that.

        Args:
            daily: Where the rooms are.
            errors: What the bots of the test may raise.
        """
        self._daily = daily
        self._errors = errors

    @asynccontextmanager
    async def __call__(
        self,
        bot: Callable[["DailyRunnerArguments"], Awaitable[Any]],
        *,
        body: Any = None,
        **options: Any,
    ) -> AsyncIterator[LocalRoom]:
        """Open one.

        Args:
            bot: The bot, as Pipecat's runners call it: ``async def bot(runner_args)``. For one of
                another form: ``lambda args: main(args.room_url, args.token)``.
            body: What the bot gets as ``runner_args.body``.
            **options: As for `provisioned_room`: ``params``, ``lifetime``, …

        Yields:
            The room.

        Raises:
            RuntimeError: The bot ended before it had joined, called `sys.exit`, or did not end in
                time when it was cancelled. What the bot raised is raised as it is.
            DailyConfigError: ``bot`` is not a bot, or Pipecat is too old.
        """
        check_bot(bot)
        runner_arguments()
        async with provisioned_room(**options) as provisioned:
            room = LocalRoom(self._daily, provisioned, self._errors)
            arguments = provisioned.runner_args(body)
            errors = self._errors.open()
            room.bot = asyncio.create_task(_run(bot, arguments, errors), name="bot")
            try:
                async with _unless_it_fails(room.bot, errors, self._daily):
                    await self._is_in(room.bot, provisioned.name)
                    yield room
            finally:
                for person in room.people:
                    person.leave()
                await _end(room.bot, errors)
            if errors.first is not None:
                raise errors.first

    async def _is_in(self, bot: "asyncio.Task[None]", name: str) -> None:
        entered = asyncio.create_task(self._daily.wait_for("bot joined", room=name))
        try:
            await asyncio.wait({entered, bot}, return_when=asyncio.FIRST_COMPLETED)
            if bot.done():
                bot.result()
                if not any(e.what == "bot joined" and e.room == name for e in self._daily.log):
                    msg = "the bot ended before it was in the room"
                    raise RuntimeError(msg)
            else:
                entered.result()
        finally:
            entered.cancel()
            await asyncio.gather(entered, return_exceptions=True)


async def _run(bot: Callable[[Any], Awaitable[Any]], arguments: Any, errors: RoomErrors) -> None:
    errors.enter()
    try:
        await awaitable("bot", bot(arguments))
    except SystemExit as exc:  # which would end pytest
        msg = f"the bot called sys.exit({exc.code!r})"
        raise RuntimeError(msg) from exc


@asynccontextmanager
async def _unless_it_fails(
    bot: "asyncio.Task[None]", errors: RoomErrors, daily: LocalDailyFixture
) -> AsyncIterator[None]:
    """Ends the block when the bot fails."""
    test, loop = asyncio.current_task(), asyncio.get_running_loop()
    assert test is not None  # noqa: S101 - this runs in one
    failure: BaseException | None = None

    def fail(error: BaseException) -> None:
        nonlocal failure
        if failure is None:
            failure = error
            if test.done():  # of a fixture: the test is another task
                daily.fail_waits(error)
            else:
                test.cancel()

    def ended(_: "asyncio.Task[None]") -> None:
        if not bot.cancelled() and (error := bot.exception()) is not None:
            fail(error)

    bot.add_done_callback(ended)
    errors.failed = lambda error: loop.call_soon_threadsafe(fail, error)
    try:
        yield
    except asyncio.CancelledError:
        if failure is None or test.uncancel():
            raise
        raise failure from None
    except BaseException as exc:
        if bot.done():
            exc.add_note("The bot had ended by then.")
        if errors.first is not None and exc is not errors.first:
            exc.add_note(f"The bot had raised {errors.first!r} by then.")
        raise
    finally:
        bot.remove_done_callback(ended)
        errors.failed = lambda _: None
        daily.fail_waits(None)


async def _end(bot: "asyncio.Task[None]", errors: RoomErrors) -> None:
    """Cancel the bot; its exception becomes the test's."""
    grace = Timings.current().fixture_grace * BUDGET.factor
    errors.ends = True
    bot.cancel()
    await finish(bot, grace)
    if not bot.done():
        msg = (
            f"the bot was cancelled and did not end within {grace:.0f} s: it swallows cancellation"
        )
        raise RuntimeError(msg)
    if not bot.cancelled():
        bot.result()
