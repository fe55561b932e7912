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
from pipecat_daily_rest.errors import DailyAPIError, DailyConfigError
from pipecat_daily_rest.local import LocalDaily

# What sends nothing of its own: its life, and whatever has no method.
NO_ENDPOINT = ("aclose", "from_env", "get_name_from_url", "request", "warm")
ID = "8f2c9f3e-3a48-4c2b-9c3f-0f6e0f5f0a01"


@dataclass
class World:
    """A local Daily with a call in it."""

    daily: LocalDaily
    helper: DailyRESTHelper
    token: str
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
    "create_rooms.params": lambda world: [
        DailyRoomParams(name="other", properties=world.room_properties),
        DailyRoomParams(name="third", privacy="private"),
    ],
    "update_room.properties": DailyRoomProperties(
        **{name: each for name, each in full("room").items() if name != "lang"}
    ),
    "update_room.privacy": "private",
    "reset": ["lang"],
    "expiry_time": 1234,
    "eject_at_token_exp": True,
    "owner": False,
    "token": lambda world: str(world.token),
    "ignore_nbf": True,
    "set_domain.properties": full("domain"),
    # Who is in a room
    "user_id": "u-1",
    "user_name": "Ana",
    "limit": 7,
    "ids": lambda world: [world.session_id],
    "user_ids": ["u-1"],
    "ban": True,
    "send_app_message.data": {"hello": "there"},
    "recipient": lambda world: world.session_id,
    "set_session_data.data": {"topic": "weather"},
    "merge_strategy": "shallow-merge",
    "keys_to_delete": ["old"],
    "update_permissions.permissions": {"*": full("room")["permissions"]},
    # What was
    "meeting_id": ID,
    "timeframe_start": 1_700_000_001,
    "timeframe_end": 1_700_000_002,
    "ongoing": True,
    "no_participants": True,
    "recording_id": ID,
    "transcript_id": ID,
    "room_id": ID,
    # Telephones
    "session_id": ID,
    "call_id": ID,
    "call_domain": "8f2c9f3e-3a48-4c2b-9c3f-0f6e0f5f0a02",
    "phone_number": "+15551230001",
    "sip_uri": "sip:ana@example.invalid",
    "to": "sip:bob@example.invalid",
    "display_name": "Ana",
    "caller_id": "8f2c9f3e-3a48-4c2b-9c3f-0f6e0f5f0a03",
    "extension": "1234",
    "wait_before_extension_dial_sec": 9,
    "video": True,
    "video_settings": {"width": 640, "height": 360, "fps": 20, "videoBitrate": 800},
    "codecs": {"audio": ["PCMU"], "video": ["VP8"]},
    "tones": "12#",
    "digit_duration_ms": 321,
    "number": "+18058700061",
    "number_id": ID,
    "areacode": "305",
    "region": "FL",
    "city": "Miami",
    "contains": "870",
    "starts_with": "130",
    "ends_with": "061",
    "list_phone_numbers.name": "Acme",
    "config_id": ID,
    "create_dialin_config.type": "pinless_dialin",
    "list_dialin_configs.type": "pinless_dialin",
    "name_prefix": "calls",
    "room_creation_api": "http://127.0.0.1:9/calls",
    "hmac": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA==",
    "hold_music_url": "https://example.com/music.mp3",
    "timeout_message": "Nobody came.",
    "ivr_message": "Your PIN, please.",
    "sip_username": "ana-1",
    # Webhooks
    "webhook_id": ID,
    "url": "http://127.0.0.1:9/webhook",  # nobody listens
    "event_types": ["participant.joined"],
    "basic_auth": "YW5hOnNlY3JldA==",
    "retry_type": "exponential",
}
# Arguments that exclude each other: what is left out of each call instead.
LEFT_OUT: dict[str, list[tuple[str, ...]]] = {
    "list_available_numbers": [
        ("areacode", "contains", "starts_with", "ends_with"),
        ("region", "city", "starts_with", "ends_with"),
        ("region", "city", "contains", "ends_with"),
        ("region", "city", "contains", "starts_with"),
    ],
    "start_dialout": [
        ("sip_uri", "video", "video_settings"),
        ("phone_number", "extension", "wait_before_extension_dial_sec"),
    ],
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
    return [name for name in signature.parameters if name != "self"]


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
        token = await helper.create_token(DailyMeetingTokenProperties(room_name="demo"))
        yield World(daily, helper, token)


def calls() -> list[tuple[str, tuple[str, ...]]]:
    """List the calls to be made: the method, and the arguments to leave out."""
    return [(name, left_out) for name in methods() for left_out in LEFT_OUT.get(name, [()])]


async def called(
    method: str, left_out: tuple[str, ...] = (), **others: Any
) -> tuple[World, dict[str, Any], Any]:
    """Call a method in a world of its own, with other values for some arguments.

    Gives the world, the arguments and the result.
    """
    async with aclosing(world()) as worlds:
        here = await anext(worlds)
        names = [name for name in arguments(method) if name not in left_out]
        given = {name: value(method, name) for name in names}
        given = {
            name: each(here) if isinstance(each, Callable) else each  # type: ignore[arg-type]
            for name, each in given.items()
        } | others
        OBSERVER.watchers.append(here.seen.append)
        try:
            result = getattr(here.helper, method)(**given)
            if inspect.isasyncgen(result) or isinstance(result, AsyncIterator):
                result = [each async for each in result]
            elif inspect.isawaitable(result):
                result = await result
        except (
            DailyAPIError,
            DailyConfigError,
        ) as exc:  # what was sent is looked at, whatever came of it
            result = exc
        finally:
            OBSERVER.watchers.remove(here.seen.append)
        return here, given, result
