# SPDX-License-Identifier: BSD-2-Clause
"""The lobby of a private room: knocking, being let in or refused, and who is told."""

import asyncio
import json
from typing import Any

import pytest

from peers import Peer
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.call.room import JoinRefused
from pipecat_daily_rest.local.choices import Choices
from receiver import Receiver
from tokens import token

LOBBY = {"enable_knocking": True}


@pytest.fixture
async def daily(local_daily: LocalDaily) -> LocalDaily:
    local_daily.state.rooms.create("demo", "private", LOBBY)
    return local_daily


def owner_of(daily: LocalDaily, **more: Any) -> Any:
    return daily.join("demo", token(daily, is_owner=True, **more), user_name="Olga")


# -- Who has to knock ------------------------------------------------------------------------

DOORS = [
    ("private", LOBBY, None, "knocks"),
    ("private", LOBBY, {}, "comes in"),
    ("private", LOBBY, {"is_owner": True}, "comes in"),
    ("private", LOBBY, {"knocking": True}, "knocks"),
    ("private", LOBBY, {"knocking": True, "is_owner": True}, "knocks"),
    ("private", LOBBY, {"knocking": False}, "comes in"),
    ("private", LOBBY, {"exp": 1}, "exp-token"),
    ("private", {}, None, "not-allowed"),
    ("private", {}, {"knocking": True}, "not-allowed"),
    ("public", LOBBY, None, "comes in"),
    ("public", LOBBY, {"knocking": True}, "knocks"),
    ("public", {}, {"knocking": True}, "not-allowed"),
]


@pytest.mark.parametrize(("privacy", "config", "rights", "what"), DOORS)
async def test_who_has_to_knock(
    local_daily: LocalDaily, privacy: str, config: Any, rights: Any, what: str
) -> None:
    local_daily.state.rooms.create("demo", privacy, config)
    key = None if rights is None else token(local_daily, **rights)
    room = local_daily.rooms["demo"]
    if what == "comes in":
        ana = local_daily.join("demo", key, knock=True)
        assert ana.participant.room is room
    elif what == "knocks":
        ana = local_daily.join("demo", key, knock=True)
        assert list(room.waiting) == [ana.id]
        assert room.participants == {}
        with pytest.raises(RuntimeError, match="knocked"):
            ana.participant  # noqa: B018
    else:
        with pytest.raises(JoinRefused) as refused:
            local_daily.join("demo", key, knock=True)
        assert refused.value.kind == what
        return
    if what == "knocks":  # a participant who does not wait is told to
        with pytest.raises(JoinRefused, match="an owner has to let you") as refused:
            local_daily.join("demo", key)
        assert refused.value.kind == "not-allowed"


async def test_a_token_with_knocking_in_a_room_without_knocking() -> None:
    async with LocalDaily(choices=Choices(knocking_without_lobby_refused=False)) as daily:
        daily.state.rooms.create("demo", "private", {})
        assert daily.join("demo", token(daily, knocking=True)).participant.id


# -- Being let in, or not --------------------------------------------------------------------


async def test_an_owner_lets_somebody_in(daily: LocalDaily) -> None:
    olga, guest = owner_of(daily), daily.join("demo", token(daily), user_name="Guest")
    ana = daily.join("demo", user_name="Ana", knock=True)
    added = await olga.event("waiting-participant-added")
    waits = {"id": ana.id, "name": "Ana", "awaitingAccess": {"level": "full"}}
    assert added["participant"] == waits
    assert olga.waiting == [waits]
    assert guest.waiting == []
    assert daily.rooms["demo"].counts() == {"present": 2, "hidden": 0}
    with pytest.raises(PermissionError, match="only an owner"):
        guest.lets_in(ana.id)
    with pytest.raises(LookupError):
        olga.lets_in("nobody")
    olga.lets_in(ana.id)
    await ana.is_in()
    assert ana.participant.id == ana.id
    assert ana.participant.user_name == "Ana"
    joined = await guest.event("participant-joined")
    assert joined["participant"]["id"] == ana.id
    removed = await olga.event("waiting-participant-removed")
    assert removed["participant"]["id"] == ana.id
    assert olga.waiting == []
    # It is in like anybody else.
    olga.tone(500, 5)
    await ana.hears(500)
    assert not [e for e in guest.events if e["event"].startswith("waiting")]


async def test_an_owner_refuses_somebody(daily: LocalDaily) -> None:
    olga = owner_of(daily)
    ana = daily.join("demo", user_name="Ana", knock=True)
    bo = daily.join("demo", user_name="Bo", knock=True)
    olga.turns_away(ana.id)
    with pytest.raises(JoinRefused, match="did not let you in") as refused:
        await ana.is_in()
    assert refused.value.kind == "not-allowed"
    assert ana.left_reason == "not-allowed"
    assert [each["id"] for each in olga.waiting] == [bo.id]
    assert not [e for e in olga.events if e["event"].startswith("participant-joined")]
    await daily.state.log.wait_for("scripted turned away")
    # It may knock again.
    again = daily.join("demo", user_name="Ana", knock=True)
    olga.lets_in()  # everybody who waits
    await again.is_in()
    await bo.is_in()


async def test_admins_of_participants_let_others_in_while_they_are_admins(
    daily: LocalDaily,
) -> None:
    guest = daily.join("demo", token(daily), user_name="Guest")
    ana = daily.join("demo", user_name="Ana", knock=True)
    room = daily.rooms["demo"]
    daily.state.calls.permit(room, {guest.id: {"canAdmin": ["participants"]}})
    added = await guest.event("waiting-participant-added")
    assert added["participant"]["id"] == ana.id
    daily.state.calls.permit(room, {guest.id: {"canAdmin": ["streaming"]}})
    await guest.event("waiting-participant-removed")
    assert list(room.waiting) == [ana.id]
    with pytest.raises(PermissionError):
        guest.lets_in()
    daily.state.calls.permit(room, {guest.id: {"canAdmin": True}})
    guest.lets_in(ana.id)
    await ana.is_in()


async def test_somebody_who_leaves_the_lobby_no_longer_waits(daily: LocalDaily) -> None:
    olga = owner_of(daily)
    ana = daily.join("demo", knock=True)
    ana.leave()
    await olga.event("waiting-participant-removed")
    assert ana.left_reason == "leftCall"
    with pytest.raises(LookupError):
        olga.lets_in(ana.id)
    with pytest.raises(JoinRefused):
        await ana.is_in()


async def test_somebody_who_is_let_in_has_the_rights_of_its_token(daily: LocalDaily) -> None:
    olga = owner_of(daily)
    rights = {"knocking": True, "user_name": "Ana T", "user_id": "ana", "eject_after_elapsed": 60}
    ana = daily.join("demo", token(daily, **rights), user_name="Ana", knock=True)
    [waits] = olga.waiting
    assert waits["name"] == "Ana T"
    daily.advance(100)
    olga.lets_in(ana.id)
    await ana.is_in()
    assert ana.participant.user_id == "ana"
    daily.advance(59)
    assert ana.left_reason is None
    daily.advance(2)
    assert await ana.left() == "time-over"


@pytest.mark.parametrize(
    ("what", "kind"),
    [
        ("deleted", "no-room"),
        ("expired", "exp-room"),
        ("stopped", "shutdown"),
        ("token expired", "exp-token"),
        ("full", "meeting-full"),
        ("banned", "ejected"),
    ],
)
async def test_what_happens_while_one_waits(local_daily: LocalDaily, what: str, kind: str) -> None:
    state = local_daily.state
    now = state.clock.now()
    config = {**LOBBY, "exp": now + 100, "max_participants": 2}
    state.rooms.create("demo", "private", config)
    room = local_daily.rooms["demo"]
    olga = owner_of(local_daily)
    rights = {"knocking": True, "exp": now + 50, "user_id": "ana"}
    ana = local_daily.join("demo", token(local_daily, **rights), knock=True)
    if what == "deleted":
        state.rooms.delete(room)
    elif what == "expired":
        local_daily.advance(101)
        assert olga.left_reason is None
    elif what == "stopped":
        await local_daily.aclose()
    elif what == "token expired":
        local_daily.advance(51)
        assert ana.left_reason is None  # it only decides about coming in
        olga.lets_in(ana.id)
    elif what == "full":
        local_daily.join("demo", token(local_daily))
        olga.lets_in(ana.id)
    elif what == "banned":
        room.meeting.banned.add("ana")
        olga.lets_in(ana.id)
    with pytest.raises(JoinRefused) as refused:
        await ana.is_in()
    assert refused.value.kind == ana.left_reason == kind
    assert room.waiting == {}


@pytest.mark.parametrize("may", [True, False])
async def test_a_knock_at_a_full_room(may: bool) -> None:
    async with LocalDaily(choices=Choices(knock_in_full_room=may)) as daily:
        daily.state.rooms.create("demo", "private", {**LOBBY, "max_participants": 2})
        olga, bo = owner_of(daily), daily.join("demo", token(daily))
        if not may:
            with pytest.raises(JoinRefused, match="full"):
                daily.join("demo", knock=True)
            return
        ana = daily.join("demo", knock=True)
        bo.leave()
        olga.lets_in(ana.id)
        await ana.is_in()


# -- Browsers --------------------------------------------------------------------------------


async def knock(daily: LocalDaily, ana: Peer, name: str = "Ana") -> tuple[str, asyncio.Task[str]]:
    joining = asyncio.create_task(ana.join(hz=500, userName=name))
    await ana.event("waiting")
    [id] = daily.rooms["demo"].waiting
    return id, joining


async def test_a_browser_waits_and_is_let_in(daily: LocalDaily, peer: Any) -> None:
    olga, ana = peer(), peer()
    await olga.join(hz=1500, token=token(daily, is_owner=True), userName="Olga")
    id, joining = await knock(daily, ana)
    added = await olga.event("waiting-participant-added")
    assert (added["participant"]["id"], added["participant"]["name"]) == (id, "Ana")
    await asyncio.sleep(0)
    assert not joining.done()
    # What a page may not decide is ignored.
    ana.send({"event": "decide", "id": id, "letIn": True})
    olga.send({"event": "decide", "id": "nobody", "letIn": True})
    olga.send({"event": "decide", "id": id, "letIn": True})
    assert await joining == id
    await asyncio.gather(ana.hears(1500), olga.hears(500))
    removed = await olga.event("waiting-participant-removed")
    assert removed["participant"]["id"] == id


async def test_an_owner_who_comes_later_sees_who_waits(daily: LocalDaily, peer: Any) -> None:
    olga, ana = peer(), peer()
    id, joining = await knock(daily, ana)
    await olga.join(token=token(daily, is_owner=True))
    joined = await olga.event("joined")
    assert [each["id"] for each in joined["waiting"]] == [id]
    guest = peer()
    await guest.join(token=token(daily))
    assert (await guest.event("joined"))["waiting"] == []
    olga.send({"event": "decide", "id": id, "letIn": False})
    refused = await ana.event("refused")
    assert refused["error"] == "not-allowed"
    assert refused["info"] == "An owner of the call did not let you in."
    joining.cancel()


@pytest.mark.parametrize("how", ["leave", "hang up"])
async def test_a_browser_that_leaves_the_lobby_no_longer_waits(
    daily: LocalDaily, peer: Any, how: str
) -> None:
    olga, ana = owner_of(daily), peer()
    _, joining = await knock(daily, ana)
    if how == "leave":
        ana.send({"event": "leave"})
    else:
        joining.cancel()
        await ana.pc.close()
    await olga.event("waiting-participant-removed")
    await daily.state.log.wait_for("person went away")
    assert daily.rooms["demo"].waiting == {}
    joining.cancel()


# -- Webhooks --------------------------------------------------------------------------------


async def test_webhooks_of_those_who_wait(daily: LocalDaily, call: Any) -> None:
    async with Receiver() as receiver:
        types = ["waiting-participant.joined", "waiting-participant.left", "participant.joined"]
        body = {"url": receiver.url, "eventTypes": types}
        assert (await call("POST", "/webhooks", body))[0] == 200
        await receiver.next()

        async def told() -> tuple[str, dict[str, Any]]:
            event = json.loads((await receiver.next()).body)
            return event["type"], event["payload"]

        olga = owner_of(daily)
        assert (await told())[0] == "participant.joined"
        rights = {"knocking": True, "user_id": "ana"}
        ana = daily.join("demo", token(daily, **rights), user_name="Ana", knock=True)
        what, payload = await told()
        assert what == "waiting-participant.joined"
        joined_at = payload.pop("joined_at")
        assert payload == {
            "room": "demo",
            "session_id": ana.id,
            "user_id": "ana",
            "user_name": "Ana",
            "owner": False,
            "will_eject_at": None,
            "permissions": {
                "hasPresence": True,
                "canSend": True,
                "canReceive": {"base": True},
                "canAdmin": False,
            },
            "networkQualityState": "unknown",
        }
        daily.advance(30)
        olga.turns_away(ana.id)
        what, payload = await told()
        assert (what, payload["session_id"]) == ("waiting-participant.left", ana.id)
        assert payload["joined_at"] == joined_at
        assert payload["duration"] >= 30
        # Somebody who was let in has joined, and did not leave the lobby.
        bo = daily.join("demo", knock=True)
        assert (await told())[0] == "waiting-participant.joined"
        olga.lets_in(bo.id)
        what, payload = await told()
        assert (what, payload["session_id"]) == ("participant.joined", bo.id)
        cy = daily.join("demo", knock=True)
        what, payload = await told()
        assert (what, payload["session_id"]) == ("waiting-participant.joined", cy.id)
