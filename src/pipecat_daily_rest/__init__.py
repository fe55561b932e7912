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

    from pipecat_daily_rest._configure import configure
    from pipecat_daily_rest._deletes_room import deletes_room
    from pipecat_daily_rest._drain import drain_on_exit
    from pipecat_daily_rest._pace import RateLimits
    from pipecat_daily_rest._provisioned import ProvisionedRoom
    from pipecat_daily_rest._stock import PoolStats
    from pipecat_daily_rest.helper import DailyRESTHelper
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
    from pipecat_daily_rest.pool import RoomPool
    from pipecat_daily_rest.provision import provisioned_room
    from pipecat_daily_rest.registry import owned_rooms
    from pipecat_daily_rest.retry import RetryPolicy
    from pipecat_daily_rest.sweep import SweepReport, sweep_rooms

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
    "DailyRESTHelper": "helper",
    "DailyRoomConfig": "pipecat.runner.daily",
    "DailyRoomObject": "models",
    "DailyRoomParams": "models",
    "DailyRoomProperties": "models",
    "DailyRoomSipParams": "models",
    "PoolStats": "_stock",
    "ProvisionedRoom": "_provisioned",
    "RateLimits": "_pace",
    "RecordingsBucketConfig": "models",
    "RetryPolicy": "retry",
    "RoomPool": "pool",
    "SweepReport": "sweep",
    "TranscriptionBucketConfig": "models",
    "configure": "_configure",
    "deletes_room": "_deletes_room",
    "drain_on_exit": "_drain",
    "owned_rooms": "registry",
    "provisioned_room": "provision",
    "sweep_rooms": "sweep",
}


def __getattr__(name: str) -> typing.Any:
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    home = _LATER[name]
    module = importlib.import_module(home if "." in home else f"{__name__}.{home}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *_LATER]
