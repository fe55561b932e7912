# SPDX-License-Identifier: BSD-2-Clause
"""What a browser may ask for: nothing that gives a right, whatever way it is written."""

import time

import pytest

from pipecat_daily_rest import DailyConfigError
from pipecat_daily_rest.models import DailyMeetingTokenProperties, DailyRoomProperties
from pipecat_daily_rest.server import StartRequest
from pipecat_daily_rest.server.trust import (
    ROOM_PROPERTIES,
    TOKEN_PROPERTIES,
    BadStart,
    read_start,
)
from pipecat_daily_rest.tokens import read_token

ROOM, TOKEN = "dailyRoomProperties", "dailyMeetingTokenProperties"


def start(name, given):
    data = {"createDailyRoom": True, name: given, "body": {"do": "stay"}}
    return read_start(data, agent=None, idempotency_key=None, caller="")


@pytest.mark.parametrize(
    ("given", "field"),
    [
        *(({"is_owner": value}, "is_owner") for value in (True, 1, "true", "yes", [], "x")),
        *(
            ({"permissions": {"canAdmin": value}}, "permissions.canAdmin")
            for value in (True, 1, "true", ["participants"], [[]], ["x"], "participants", {}, None)
        ),
        *(
            ({"permissions": {name: True}}, f"permissions.{name}")
            for name in ("can_admin", "CanAdmin", "canAdmin ", "canOwn", "ca", "", "__class__")
        ),
        ({"permissions": {"hasPresence": True, "canAdmin": ["streaming"]}}, "permissions.canAdmin"),
        *(({"room_name": name}, "room_name") for name in ("", "other")),
        *(
            ({name: True}, name)
            for name in (
                *("isOwner", "o", "owner", "d", "r", "p", "permissions.canAdmin", "roomName"),
                *("enable_recording", "start_cloud_recording", "auto_start_transcription"),
                *("knocking", "redirect_on_meeting_exit", "start_cloud_recording_opts", ""),
            )
        ),
        *(({"exp": value}, "exp") for value in ("x", 1.5, [], float("inf"), float("nan"))),
        ({"user_id": 1}, "user_id"),
    ],
)  # fmt: skip
def test_no_token_of_a_browser_gives_a_right(given, field):
    with pytest.raises(BadStart) as refused:
        start(TOKEN, given)
    assert refused.value.field.startswith(f"{TOKEN}.{field}".rstrip())


@pytest.mark.parametrize(
    "given",
    [
        *({"is_owner": value} for value in (False, 0, "false", None)),
        *({"permissions": {"canAdmin": value}} for value in (False, 0, [], "false")),
        *({"permissions": value} for value in ({}, None, {"hasPresence": False, "canSend": []})),
        {"room_name": None},
    ],
)
async def test_what_gives_no_right_is_taken(serve, local_daily, given):
    """An empty list, a false: they say what a user's token is anyhow."""
    sessions = await serve()
    session = await sessions.start(start(TOKEN, given))
    token = read_token(session.user_token, api_key=local_daily.api_key)
    assert (token.is_owner, token.room_name) == (False, session.room_name)
    assert not dict(token.permissions or {}).get("canAdmin")


@pytest.mark.parametrize("name", ["enableDialout", "enable-dialout", "ENABLE_DIALOUT", "properties",
                                  "privacy", "name", "permissions", "owner_only_broadcast",
                                  "enable_knocking", "__proto__", ""])  # fmt: skip
def test_no_other_spelling_of_a_room_property_is_taken(name):
    with pytest.raises(BadStart) as refused:
        start(ROOM, {name: {"enable_dialout": True}})
    assert refused.value.field == f"{ROOM}.{name}"


def test_no_alias_lets_a_property_in():
    """A model's alias would be a second name that the list does not hold."""
    for model, names in (
        (DailyRoomProperties, ROOM_PROPERTIES),
        (DailyMeetingTokenProperties, TOKEN_PROPERTIES),
    ):
        assert names <= model.model_fields.keys()
        assert not [name for name in names if model.model_fields[name].alias]


@pytest.mark.parametrize("pool", [0, 1])
async def test_no_token_outlives_its_room_however_its_end_is_written(serve, local_daily, pool):
    sessions = await serve(pool=pool, max_duration=600)
    now = int(time.time())
    late, past = now + 100_000, now - 10
    for exp in (late, float(late), str(late), late * 1000, past, 0, -1, True):
        with pytest.raises(DailyConfigError, match="exp"):
            await sessions.start(start(TOKEN, {"exp": exp}))
    for given in ({"exp": str(now + 60)}, {"exp": now + 60, "eject_at_token_exp": False},
                  {"eject_after_elapsed": 10**9}, {"eject_at_token_exp": True}):  # fmt: skip
        session = await sessions.start(start(TOKEN, given))
        token = read_token(session.user_token, api_key=local_daily.api_key)
        assert token.exp <= local_daily.rooms[session.room_name].config["exp"]
        if "eject_after_elapsed" in given:  # which would switch the room's own rule off
            assert token.eject_at_token_exp is True
    assert sessions.taken == 4


def test_a_caller_in_python_gives_rights_on_purpose():
    given = DailyMeetingTokenProperties(permissions={"canAdmin": ["participants"]})
    assert StartRequest(token=given).token == given
