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

# Imported when it is used: a local Daily's process uses none of it, and few programs use all.
_LATER = {
    "DailyMeetingTokenParams": "models",
    "DailyMeetingTokenProperties": "models",
    "DailyRESTHelper": "_rest.helper",
    "DailyRoomConfig": "pipecat.runner.daily",
    "DailyRoomObject": "models",
    "DailyRoomParams": "models",
    "DailyRoomProperties": "models",
    "DailyRoomSipParams": "models",
    "PoolStats": "_rooms.waiting_rooms",
    "ProvisionedRoom": "_rooms.provisioned",
    "RateLimits": "_http.rates",
    "RecordingsBucketConfig": "models",
    "RetryPolicy": "_http.retry",
    "RoomPool": "_rooms.pool",
    "SweepReport": "_rooms.sweep",
    "TranscriptionBucketConfig": "models",
    "configure": "_rooms.configure",
    "deletes_room": "_rooms.room_decorator",
    "drain_on_exit": "_rooms.drain",
    "owned_rooms": "_rooms.owned",
    "provisioned_room": "_rooms.provision",
    "sweep_rooms": "_rooms.sweep",
}


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
