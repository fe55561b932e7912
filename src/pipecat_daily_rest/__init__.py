# SPDX-License-Identifier: BSD-2-Clause
"""A Daily room and its tokens before your Pipecat bot starts, and no room after it stops.

::

    from pipecat_daily_rest import provisioned_room

    async with provisioned_room() as room:
        transport = DailyTransport(room.url, room.bot_token, "Bot", DailyParams(...))
        print(f"Talk to it: {room.join_url}")
        ...
    # here the room no longer exists
"""

import importlib
import typing

from pipecat_daily_rest.errors import (
    DailyAPIError,
    DailyAuthenticationError,
    DailyBatchError,
    DailyConfigError,
    DailyConnectionError,
    DailyError,
    DailyForbiddenError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyResponseError,
    DailyRoomExistsError,
    DailyServerError,
    DailyTimeoutError,
)

if typing.TYPE_CHECKING:
    from pipecat.runner.daily import DailyRoomConfig

    from pipecat_daily_rest._http.rates import RateLimits
    from pipecat_daily_rest._http.retry import RetryPolicy
    from pipecat_daily_rest._rest.helper import DailyRESTHelper
    from pipecat_daily_rest._rooms.configure import configure
    from pipecat_daily_rest._rooms.drain import drain_on_exit
    from pipecat_daily_rest._rooms.owned import owned_rooms
    from pipecat_daily_rest._rooms.pool import RoomPool
    from pipecat_daily_rest._rooms.provision import provisioned_room
    from pipecat_daily_rest._rooms.provisioned import ProvisionedRoom
    from pipecat_daily_rest._rooms.room_decorator import deletes_room
    from pipecat_daily_rest._rooms.sweep import SweepReport, sweep_rooms
    from pipecat_daily_rest._rooms.waiting_rooms import PoolStats
    from pipecat_daily_rest.models import (
        DailyMeetingTokenParams,
        DailyMeetingTokenProperties,
        DailyRoomObject,
        DailyRoomParams,
        DailyRoomProperties,
        DailyRoomSipParams,
        RecordingsBucketConfig,
        TranscriptionBucketConfig,
    )

__all__ = [
    "DailyAPIError",
    "DailyAuthenticationError",
    "DailyBatchError",
    "DailyConfigError",
    "DailyConnectionError",
    "DailyError",
    "DailyForbiddenError",
    "DailyInvalidRequestError",
    "DailyMeetingTokenParams",
    "DailyMeetingTokenProperties",
    "DailyNotFoundError",
    "DailyRESTHelper",
    "DailyRateLimitError",
    "DailyResponseError",
    "DailyRoomConfig",
    "DailyRoomExistsError",
    "DailyRoomObject",
    "DailyRoomParams",
    "DailyRoomProperties",
    "DailyRoomSipParams",
    "DailyServerError",
    "DailyTimeoutError",
    "PoolStats",
    "ProvisionedRoom",
    "RateLimits",
    "RecordingsBucketConfig",
    "RetryPolicy",
    "RoomPool",
    "SweepReport",
    "TranscriptionBucketConfig",
    "configure",
    "deletes_room",
    "drain_on_exit",
    "owned_rooms",
    "provisioned_room",
    "sweep_rooms",
]

# Imported at their first use: a local Daily's process needs none, and few programs need all.
_NAMES = {
    "_http.rates": "RateLimits",
    "_http.retry": "RetryPolicy",
    "_rest.helper": "DailyRESTHelper",
    "_rooms.configure": "configure",
    "_rooms.drain": "drain_on_exit",
    "_rooms.owned": "owned_rooms",
    "_rooms.pool": "RoomPool",
    "_rooms.provision": "provisioned_room",
    "_rooms.provisioned": "ProvisionedRoom",
    "_rooms.room_decorator": "deletes_room",
    "_rooms.sweep": "SweepReport sweep_rooms",
    "_rooms.waiting_rooms": "PoolStats",
    "models": "DailyMeetingTokenParams DailyMeetingTokenProperties DailyRoomObject DailyRoomParams "
    "DailyRoomProperties DailyRoomSipParams RecordingsBucketConfig TranscriptionBucketConfig",
    "pipecat.runner.daily": "DailyRoomConfig",
}
_LATER = {name: home for home, names in _NAMES.items() for name in names.split()}


def __getattr__(name: str) -> typing.Any:
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = _LATER[name]
    module = importlib.import_module(home if home.startswith("pipecat.") else f"{__name__}.{home}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *_LATER]
