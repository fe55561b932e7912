# SPDX-License-Identifier: BSD-2-Clause
"""Every method of the client, called once with all of its arguments.

The methods are those that `DailyRESTHelper` has, and their arguments those of their signatures: a
new method or argument is red in `tests/fidelity/test_client_methods.py` until it has a value here.
"""

import inspect
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Any

from document.observe import OBSERVER, Exchange
from document.properties import full
from pipecat_daily_rest import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    DailyRESTHelper,
    DailyRoomParams,
    DailyRoomProperties,
    RetryPolicy,
)
from pipecat_daily_rest.errors import DailyAPIError
from pipecat_daily_rest.local import LocalDaily

# What sends nothing of its own: its life, and whatever has no method.
NO_ENDPOINT = ("aclose", "from_env", "get_name_from_url", "request", "warm")
# No word of these is sent.
NOT_SENT = ("deadline",)


@dataclass
class World:
    """A local Daily with a call in it."""

    daily: LocalDaily
    helper: DailyRESTHelper
    seen: list[Exchange] = field(default_factory=list)

    @property
    def room_url(self) -> str:
        return f"{self.daily.url}/demo"

    @property
    def session_id(self) -> str:
        return next(iter(self.daily.rooms["demo"].participants))

    @property
    def room_properties(self) -> DailyRoomProperties:
        return DailyRoomProperties(**full("room"))

    @property
    def token_properties(self) -> DailyMeetingTokenProperties:
        return DailyMeetingTokenProperties(**full("token"))


# By the name of the argument, or of the method and the argument; a function gets the world.
ARGUMENTS: dict[str, Any] = {
    "room_url": lambda world: world.room_url,
    "room_name": "demo",
    "room_names": ["demo"],
    "create_room.params": lambda world: DailyRoomParams(
        name="other", privacy="private", properties=world.room_properties
    ),
    "create_token.properties": lambda world: world.token_properties,
    "get_token.params": lambda world: DailyMeetingTokenParams(properties=world.token_properties),
    "expiry_time": 1234,
    "eject_at_token_exp": True,
    "owner": False,
}


def methods() -> list[str]:
    """List the methods of the client that have an endpoint."""
    return [
        name
        for name, each in inspect.getmembers(DailyRESTHelper, inspect.isfunction)
        if not name.startswith("_") and name not in NO_ENDPOINT
    ]


def arguments(method: str) -> list[str]:
    """List what a method takes."""
    signature = inspect.signature(getattr(DailyRESTHelper, method))
    return [name for name in signature.parameters if name not in ("self", *NOT_SENT)]


def value(method: str, argument: str) -> Any:
    """Give an argument's value, or raise a KeyError that says where it belongs."""
    for name in (f"{method}.{argument}", argument):
        if name in ARGUMENTS:
            return ARGUMENTS[name]
    msg = f"{method}.{argument} needs a value in ARGUMENTS of tests/support/client_calls.py"
    raise KeyError(msg)


async def world() -> AsyncIterator[World]:
    """A room with somebody in it."""
    async with (
        LocalDaily() as daily,
        DailyRESTHelper(
            daily_api_key=daily.api_key, daily_api_url=daily.api_url, retry=RetryPolicy(attempts=1)
        ) as helper,
    ):
        await helper.request("POST", "/rooms", json={"name": "demo"})
        daily.join("demo")
        yield World(daily, helper)


async def called(method: str) -> tuple[World, dict[str, Any], Any]:
    """Call a method in a world of its own; give that, the arguments and the result."""
    async with aclosing(world()) as worlds:
        here = await anext(worlds)
        given = {name: value(method, name) for name in arguments(method)}
        given = {
            name: each(here) if isinstance(each, Callable) else each  # type: ignore[arg-type]
            for name, each in given.items()
        }
        OBSERVER.watchers.append(here.seen.append)
        try:
            result = getattr(here.helper, method)(**given)
            if inspect.isasyncgen(result) or isinstance(result, AsyncIterator):
                result = [each async for each in result]
            elif inspect.isawaitable(result):
                result = await result
        except DailyAPIError as exc:  # what was sent is looked at, whatever came of it
            result = exc
        finally:
            OBSERVER.watchers.remove(here.seen.append)
        return here, given, result
