# SPDX-License-Identifier: BSD-2-Clause
import pytest

from pipecat_daily_rest import DailyMeetingTokenProperties, DailyRoomParams, DailyRoomProperties
from pipecat_daily_rest._rest.checks import check_room, check_token
from pipecat_daily_rest.errors import DailyConfigError

NOW = 1_800_000_000.0


def room(name=None, **properties):
    return DailyRoomParams(name=name, properties=DailyRoomProperties(**properties))


@pytest.mark.parametrize(
    ("params", "field"),
    [
        (room("a b"), "name"),
        (room("x" * 129), "name"),
        (room(""), "name"),
        (room(exp=NOW - 1), r"properties\.exp"),
        (room(exp=NOW), r"properties\.exp"),
        (room(exp=(NOW + 60) * 1000), "milliseconds"),
        (room(exp=float("nan")), r"properties\.exp"),
        (room(nbf=NOW * 1000), r"properties\.nbf"),
        (room(nbf=NOW + 20, exp=NOW + 10), "nbf .* before exp"),
        (room(max_participants=0), "max_participants"),
        (room(eject_after_elapsed=0), "eject_after_elapsed"),
        (room(recordings_template="a.mp4"), "recordings_template"),
        (room(transcription_template="x" * 1025 + "{epoch_time}"), "transcription_template"),
        (room(meeting_join_hook="h" * 256), "meeting_join_hook"),
    ],
)
def test_a_room_that_daily_would_refuse(params, field):
    with pytest.raises(DailyConfigError, match=field):
        check_room(params, now=NOW)


@pytest.mark.parametrize(
    ("properties", "field"),
    [
        ({"exp": int(NOW) - 1}, "exp"),
        ({"exp": int(NOW + 60) * 1000}, "milliseconds"),
        ({"nbf": int(NOW) + 20, "exp": int(NOW) + 10}, "nbf .* before exp"),
        ({"user_id": "u" * 37}, "user_id has 37"),
        ({"room_name": "a/b"}, "name"),
        ({"eject_after_elapsed": -1}, "eject_after_elapsed"),
    ],
)
def test_a_token_that_daily_would_refuse(properties, field):
    with pytest.raises(DailyConfigError, match=field):
        check_token(DailyMeetingTokenProperties(**properties), now=NOW)


def test_parameters_that_daily_accepts_pass():
    check_room(room("a_B-9", exp=NOW + 1, nbf=NOW, max_participants=2), now=NOW)
    check_token(DailyMeetingTokenProperties(exp=int(NOW) + 1, user_id="u" * 36), now=NOW)
