# SPDX-License-Identifier: BSD-2-Clause
"""What the methods of `DailyRESTHelper` give, besides rooms and tokens.

Imports `models`, `_core` and `errors`.
"""

from pipecat_daily_rest.answers.phone import (
    DailyAvailableNumber,
    DailyDialinConfig,
    DailyPhoneNumber,
    DailyWebhook,
)
from pipecat_daily_rest.answers.room import (
    DailyDomain,
    DailyMeeting,
    DailyMeetingParticipant,
    DailyPresence,
    DailyRoomPresence,
)
from pipecat_daily_rest.answers.stored import (
    DailyAccessLink,
    DailyDeletedRecording,
    DailyRecording,
    DailyRecordingTrack,
    DailyStorage,
    DailyTranscript,
)

__all__ = [
    "DailyAccessLink",
    "DailyAvailableNumber",
    "DailyDeletedRecording",
    "DailyDialinConfig",
    "DailyDomain",
    "DailyMeeting",
    "DailyMeetingParticipant",
    "DailyPhoneNumber",
    "DailyPresence",
    "DailyRecording",
    "DailyRecordingTrack",
    "DailyRoomPresence",
    "DailyStorage",
    "DailyTranscript",
    "DailyWebhook",
]
