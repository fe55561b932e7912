# SPDX-License-Identifier: BSD-2-Clause
"""What the room tells and does for the call machine of web apps."""

from typing import Any

import aiohttp
import aioice.ice
import aioice.stun
import pytest

from peers import Peer, Peers
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from tokens import token


async def preauth(daily: LocalDaily, room: str, **body: Any) -> tuple[int, dict[str, Any]]:
    async with (
        aiohttp.ClientSession() as session,
        session.post(f"{daily.url}/{room}/offer", json={"type": "preauth", **body}) as response,
    ):
        return response.status, await response.json()


async def test_access_is_told_without_joining(daily: LocalDaily, peer: Peers) -> None:
    daily.state.rooms.create("door", "private", {"enable_knocking": True})
    quiet = token(daily, start_audio_off=True, start_video_off=True)
    status, answer = await preauth(daily, "demo", token=None)
    assert (status, answer["access"]) == (200, {"level": "full"})
    assert answer["about"]["room"]["name"] == "demo"
    assert (answer["startAudioOff"], answer["startVideoOff"]) == (False, False)
    status, answer = await preauth(daily, "demo", token=quiet)
    assert (status, answer["access"]) == (200, {"level": "full"})
    assert (answer["startAudioOff"], answer["startVideoOff"]) == (True, True)
    # Who has to knock learns nothing about the room.
    assert await preauth(daily, "door") == (200, {"access": {"level": "lobby"}})
    status, answer = await preauth(daily, "missing")
    assert (status, answer["error"]) == (404, "no-room")
    assert "deleted" in answer["info"]  # else daily-js would report it to its vendor
    for bad in ("nonsense", 7, {}):
        assert (await preauth(daily, "door", token=bad))[0] in (200, 403)
    assert daily.rooms["demo"].participants == {}
    assert daily.rooms["door"].waiting == {}


async def test_a_participant_learns_about_the_room_and_no_secret(
    daily: LocalDaily, peer: Peers
) -> None:
    bucket = {"bucket_name": "b", "bucket_region": "r", "assume_role_arn": "arn:hidden"}
    daily.state.rooms.create("rich", "public", {"recordings_bucket": bucket, "lang": "de"})
    ana = peer(room="rich")
    await ana.join()
    about = (await ana.event("joined"))["about"]
    room = daily.rooms["rich"]
    assert about["meeting"] == room.meeting_id
    assert about["counts"] == {"present": 1, "hidden": 0}
    assert (about["room"]["id"], about["room"]["name"]) == (room.id, "rich")
    assert about["room"]["config"] == {"lang": "de"}
    assert about["roomDefaults"]["max_participants"] == 200
    assert "meeting_join_hook" not in about["room"]["domainConfig"]


async def test_an_owner_changes_others_and_nobody_else_does(daily: LocalDaily, peer: Peers) -> None:
    bo = daily.join("demo", user_name="Bo")
    ana, olga = peer(), peer()
    await ana.join()
    await olga.join(token=token(daily, is_owner=True))
    why = "only an owner may change other participants"
    ana.send({"event": "change", "id": bo.id, "eject": True})
    assert (await ana.event("not-done"))["info"].startswith(why)
    for bad in ({"id": None}, {"id": bo.id, "microphone": "no"}, {"id": bo.id, "permissions": 7}):
        count = len(olga.events)
        olga.send({"event": "change", **bad})
        await olga.until(lambda at=count: [e for e in olga.events[at:] if e["event"] == "not-done"])
    assert bo.id in daily.rooms["demo"].participants
    olga.send({"event": "change", "id": bo.id, "permissions": {"canSend": ["video"]}})
    await bo.event("participant-updated")
    assert bo.participant.permissions["canSend"] == ["video"]
    olga.send({"event": "change", "id": bo.id, "eject": True})
    await olga.until(lambda: bo.id not in daily.rooms["demo"].participants)


@pytest.mark.parametrize(("says_why", "error"), [(True, "no-room"), (False, "ejected")])
async def test_the_type_of_an_end_is_a_choice(says_why: bool, error: str) -> None:
    choices = Choices() if says_why else Choices(end_says_why=False)
    async with LocalDaily(choices=choices) as daily, aiohttp.ClientSession() as session:
        daily.state.rooms.create("demo", "public", {})
        ana = Peer(daily, session, "demo")
        await ana.join()
        daily.state.rooms.delete(daily.rooms["demo"])
        closed = await ana.event("closed")
        assert (closed["reason"], closed["error"]) == ("room-deleted", error)
        await ana.close()


async def test_a_browser_that_answers_late_stays(
    daily: LocalDaily, peer: Peers, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine its answers to ICE take too long, while its pings and its sound come."""
    monkeypatch.setattr(aioice.ice, "CONSENT_INTERVAL", 0.01)
    monkeypatch.setattr(aioice.stun, "RETRY_RTO", 0.01)
    ana = peer()
    await ana.join()
    unanswered = []
    ice = ana.pc.sctp.transport.transport._connection
    ice.request_received = lambda *request: unanswered.append(request)
    await ana.until(lambda: len(unanswered) > 20)
    assert len(daily.rooms["demo"].participants) == 1
