# SPDX-License-Identifier: BSD-2-Clause
"""The exceptions of a bot that Pipecat logs and goes on after: they fail the test.

Pipecat catches what an event handler, a frame processor or a task of its task manager raises. While
a test runs, handlers and coroutines are wrapped where they are added, and each pipeline gets a
handler for its errors.
"""

import functools
import inspect
from collections.abc import Awaitable, Callable
from contextvars import ContextVar
from typing import Any

import pytest

Handler = Callable[..., Any]

_RTVI = "pipecat.processors.frameworks.rtvi"

_ROOM: ContextVar["RoomErrors | None"] = ContextVar("room", default=None)


class BotErrors:
    """What the bots of a test may raise, and what they have raised.

    Parameters:
        services_fail: Each tells whether a service was told to fail: then a pipeline may, too.
    """

    def __init__(self) -> None:
        self.services_fail: list[Callable[[], bool]] = []
        self._expected: list[tuple[tuple[type[BaseException], ...], list[BaseException]]] = []
        self._rooms: list[RoomErrors] = []

    def expects(self, *kinds: type[BaseException]) -> list[BaseException]:
        """Let bots raise from now on without failing the test.

        Args:
            *kinds: Which exceptions; all when there is none.

        Returns:
            Those that come: the list grows.
        """
        came: list[BaseException] = []
        self._expected.append((kinds or (Exception,), came))
        return came

    def is_expected(self, error: BaseException) -> bool:
        """Tell whether an exception is expected, and note it."""
        for kinds, came in self._expected:
            if isinstance(error, kinds):
                came.append(error)
                return True
        return False

    def open(self) -> "RoomErrors":
        """Begin with a room."""
        room = RoomErrors(self)
        self._rooms.append(room)
        return room

    def of_bot(self) -> "RoomErrors | None":
        """Find the room of the bot whose code runs now; the latest one for code outside of a bot."""
        return _ROOM.get() or (self._rooms[-1] if self._rooms else None)


class RoomErrors:
    """What the bot in a room has raised.

    Parameters:
        first: The first exception that was not expected, or None.
        failed: Called with it, on the bot's thread.
        ends: Whether the bot was told to end. Then only its event handlers count.
    """

    def __init__(self, all: BotErrors) -> None:
        self.first: BaseException | None = None
        self.failed: Callable[[BaseException], object] = lambda _: None
        self.ends = False
        self._all = all

    def enter(self) -> None:
        """Take note that the code of this task, and of those that it begins, is the bot's."""
        _ROOM.set(self)

    def add(self, error: BaseException) -> None:
        """Take an exception that Pipecat swallows."""
        if self._all.is_expected(error) or self.first is not None:
            return
        self.first = error
        self.failed(error)

    def wrap(self, handler: Handler) -> Handler:
        """Give an event handler that reports what it raises."""
        if inspect.iscoroutinefunction(handler):

            @functools.wraps(handler)
            async def wait(*args: Any, **options: Any) -> Any:
                try:
                    return await handler(*args, **options)
                except Exception as exc:
                    self.add(exc)
                    raise

            return wait

        @functools.wraps(handler)
        def call(*args: Any, **options: Any) -> Any:
            try:
                return handler(*args, **options)
            except Exception as exc:
                self.add(exc)
                raise

        return call

    async def watch(self, work: Awaitable[Any]) -> Any:
        """Await something, and report what it raises."""
        try:
            return await work
        except Exception as exc:
            if not self.ends:
                self.add(exc)
            raise


def watch(errors: BotErrors, environment: pytest.MonkeyPatch) -> None:
    """Have Pipecat report what it swallows, until ``environment`` is undone."""
    from pipecat.utils.asyncio.task_manager import TaskManager
    from pipecat.utils.base_object import BaseObject

    try:
        from pipecat.pipeline.worker import PipelineWorker
    except ImportError:  # before Pipecat 1.5
        from pipecat.pipeline.task import PipelineTask as PipelineWorker

    add = BaseObject.add_event_handler
    remove = getattr(BaseObject, "remove_event_handler", None)  # not in the oldest
    make, create_task = PipelineWorker.__init__, TaskManager.create_task
    wrapped: dict[tuple[Any, Handler], Handler] = {}  # by owner, so that they can be removed

    def add_event_handler(self: Any, event_name: str, handler: Handler) -> None:
        if (room := errors.of_bot()) is not None:
            handler = wrapped.setdefault((self, handler), room.wrap(handler))
        add(self, event_name, handler)

    def remove_event_handler(self: Any, event_name: str, handler: Handler) -> None:
        if remove is not None:
            remove(self, event_name, wrapped.get((self, handler), handler))

    @functools.wraps(make)
    def init(self: Any, *args: Any, **options: Any) -> None:
        make(self, *args, **options)
        if (room := errors.of_bot()) is not None:

            async def on_pipeline_error(_: Any, frame: Any) -> None:
                # RTVI fails at every app message that is a plain string, and goes on.
                rtvi = type(frame.processor).__module__.startswith(_RTVI)
                told = any(fails() for fails in errors.services_fail)
                if frame.exception is not None and not (room.ends or rtvi or told):
                    frame.exception.add_note(f"{frame.processor} said: {frame.error}")
                    room.add(frame.exception)

            add(self, "on_pipeline_error", on_pipeline_error)

    @functools.wraps(create_task)
    def create(self: Any, coroutine: Any, *args: Any, **options: Any) -> Any:
        if (room := errors.of_bot()) is None or not inspect.iscoroutine(coroutine):
            return create_task(self, coroutine, *args, **options)
        task = create_task(self, room.watch(coroutine), *args, **options)
        task.add_done_callback(lambda _: coroutine.close())  # one that never began
        return task

    environment.setattr(BaseObject, "add_event_handler", add_event_handler)
    if remove is not None:
        environment.setattr(BaseObject, "remove_event_handler", remove_event_handler)
    environment.setattr(PipelineWorker, "__init__", init)
    environment.setattr(TaskManager, "create_task", create)
