# SPDX-License-Identifier: BSD-2-Clause
"""Who is in a room, and ejecting people."""

import re

import pytest

from helpers import calling
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.choices import Choices
from tokens import token


async def test_presence_of_a_room(call, daily) -> None:
    ana = daily.join("demo", token(daily, user_id="a-1", user_name="Ana"))
    daily.advance(90)
    bo = daily.join("demo")
    status, page = await call("GET", "/rooms/demo/presence")
    assert status == 200
    assert page["total_count"] == 2
    first, second = page["data"]
    assert sorted(first) == [
        "duration", "id", "joinTime", "mtgSessionId", "room", "userId", "userName",
    ]  # fmt: skip
    assert (first["id"], first["userId"], first["userName"]) == (ana.id, "a-1", "Ana")
    assert (second["id"], second["userId"]) == (bo.id, None)
    assert 90 <= first["duration"] < 180
    assert 0 <= second["duration"] < 90
    assert first["room"] == "demo"
    assert first["mtgSessionId"] == second["mtgSessionId"] == daily.rooms["demo"].meeting_id
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", first["joinTime"])

    everywhere = await call("GET", "/presence")
    assert everywhere[0] == 200
    assert list(everywhere[1]) == ["demo"]
    assert [each["id"] for each in everywhere[1]["demo"]] == [ana.id, bo.id]

    for query, ids in {
        "userId=a-1": [ana.id],
        "userId=nobody": [],
        "userName=Ana": [ana.id],
        "limit=1": [ana.id],
    }.items():
        _, page = await call("GET", f"/rooms/demo/presence?{query}")
        assert [each["id"] for each in page["data"]] == ids, query
    _, page = await call("GET", "/rooms/demo/presence?limit=1")
    assert page["total_count"] == 2


async def test_presence_of_an_empty_room(call, daily) -> None:
    assert await call("GET", "/rooms/demo/presence") == (200, {"total_count": 0, "data": []})
    assert await call("GET", "/presence") == (200, {})
    info = {"error": "not-found", "info": "room none not found"}
    assert await call("GET", "/rooms/none/presence") == (404, info)


async def test_hidden_participants_are_not_present(call, daily) -> None:
    daily.join("demo", token(daily, permissions={"hasPresence": False}))
    assert await call("GET", "/rooms/demo/presence") == (200, {"total_count": 0, "data": []})
    assert await call("GET", "/presence") == (200, {})


async def test_eject_by_session_id_and_by_user_id(call, daily) -> None:
    ana = daily.join("demo", token(daily, user_id="a"))
    ana_too = daily.join("demo", token(daily, user_id="a"))
    bo, cy = daily.join("demo"), daily.join("demo")
    body = {"ids": [bo.id, "unknown"], "user_ids": ["a", "b"]}
    status, answer = await call("POST", "/rooms/demo/eject", body)
    assert status == 200
    assert sorted(answer["ejectedIds"]) == sorted([ana.id, ana_too.id, bo.id])
    assert list(daily.rooms["demo"].participants) == [cy.id]
    await daily.state.log.wait_for("scripted left", count=3)
    assert daily.join("demo", token(daily, user_id="a")).id != ana.id
    nobody = await call("POST", "/rooms/demo/eject", {"ids": ["unknown"]})
    assert nobody == (200, {"ejectedIds": []})


async def test_a_ban_holds_while_the_meeting_runs_and_for_user_ids_only(call, daily) -> None:
    daily.join("demo", token(daily, user_id="a"))
    bo = daily.join("demo", token(daily, user_id="b"))
    cy = daily.join("demo")
    body = {"ids": [bo.id], "user_ids": ["a", "never-here"], "ban": True}
    await call("POST", "/rooms/demo/eject", body)
    for user_id in ("a", "never-here"):
        with pytest.raises(JoinRefused) as refused:
            daily.join("demo", token(daily, user_id=user_id))
        assert refused.value.kind == "ejected"
    daily.join("demo", token(daily, user_id="b"))
    await call("POST", "/rooms/demo/eject", {"ids": [cy.id], "user_ids": ["b"]})
    assert daily.rooms["demo"].meeting_id is None
    daily.join("demo", token(daily, user_id="a"))


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"ban": True},
        {"ids": "x"},
        {"ids": [1]},
        {"ids": ["x"] * 101},
        {"user_ids": ["x"] * 101},
        {"user_ids": ["x"], "ban": "yes"},
        {"user_id": ["x"]},
    ],
)
async def test_an_eject_that_is_refused(call, daily, body) -> None:
    daily.join("demo")
    status, answer = await call("POST", "/rooms/demo/eject", body)
    assert (status, answer["error"]) == (400, "invalid-request-error")
    assert len(daily.rooms["demo"].participants) == 1


async def test_eject_from_an_unknown_and_an_empty_room(call, daily) -> None:
    status, answer = await call("POST", "/rooms/none/eject", {"ids": ["x"]})
    assert (status, answer["info"]) == (404, "room none not found")
    status, answer = await call("POST", "/rooms/demo/eject", {"ids": ["x"]})
    assert (status, answer["error"]) == (404, "not-found")


async def test_people_stay_in_an_expired_room(call, local_daily) -> None:
    exp = local_daily.state.clock.now() + 60
    local_daily.state.rooms.create("demo", "public", {"exp": exp})
    guest = local_daily.join("demo")
    local_daily.advance(61)
    assert (await call("GET", "/rooms/demo/presence"))[0] == 404
    _, everywhere = await call("GET", "/presence")
    assert [each["id"] for each in everywhere["demo"]] == [guest.id]


@pytest.mark.parametrize("privacy", ["public", "private"])
async def test_an_update_does_not_change_when_participants_are_ejected(
    call, local_daily, privacy
) -> None:
    now = local_daily.state.clock.now()
    properties = {"exp": now + 90, "eject_at_room_exp": True}
    await call("POST", "/rooms", {"name": "demo", "properties": properties})
    stays = local_daily.join("demo")
    body = {"privacy": privacy, "properties": {"exp": now + 210}}
    assert (await call("POST", "/rooms/demo", body))[0] == 200
    comes = local_daily.join("demo", token(local_daily))
    local_daily.advance(91)
    assert list(local_daily.rooms["demo"].participants) == [comes.id]
    assert stays.id not in local_daily.rooms["demo"].participants
    local_daily.advance(120)
    await local_daily.state.log.wait_for("scripted left", count=2)


async def test_choices() -> None:
    choices = Choices(
        hidden_in_presence=True,
        expired_in_presence=False,
        presence_of_unknown_room=200,
        eject_from_empty_room=200,
    )
    async with LocalDaily(choices=choices) as daily, calling(daily) as call:
        assert await call("GET", "/rooms/none/presence") == (200, {"total_count": 0, "data": []})
        daily.state.rooms.create("demo", "public", {"exp": daily.state.clock.now() + 60})
        ejected = await call("POST", "/rooms/demo/eject", {"ids": ["x"]})
        assert ejected == (200, {"ejectedIds": []})
        daily.join("demo", token(daily, permissions={"hasPresence": False}))
        status, everywhere = await call("GET", "/presence")
        assert (status, len(everywhere["demo"])) == (200, 1)
        daily.advance(61)
        assert await call("GET", "/presence") == (200, {})
