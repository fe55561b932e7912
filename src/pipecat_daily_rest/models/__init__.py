# SPDX-License-Identifier: BSD-2-Clause
"""Rooms and tokens as they are sent and received.

The names, fields, defaults and wire form are those of ``pipecat.transports.daily.utils``. Every
further property that Daily documents has a field that is not sent unless it is set. Unknown keys
pass through in both directions.

Imports `properties` only.
"""

from pipecat_daily_rest.models.room import (
    DailyRoomObject,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
    RecordingsBucketConfig,
    TranscriptionBucketConfig,
)
from pipecat_daily_rest.models.token import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    read_token_properties,
)
from pipecat_daily_rest.properties import Recording

__all__ = [
    "DailyMeetingTokenParams",
    "DailyMeetingTokenProperties",
    "DailyRoomObject",
    "DailyRoomParams",
    "DailyRoomProperties",
    "DailyRoomSipParams",
    "Recording",
    "RecordingsBucketConfig",
    "TranscriptionBucketConfig",
    "read_token_properties",
]
