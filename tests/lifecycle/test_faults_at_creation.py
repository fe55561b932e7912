# SPDX-License-Identifier: BSD-2-Clause
"""A room is created once or not at all; no other room is touched; one that appears late is deleted."""

import asyncio
import time
from dataclasses import replace

import pytest
from watching import HARMLESS, POLICY, REQUESTS, all_of, helper_of, sent, watched

from pipecat_daily_rest import DailyRoomParams, RetryPolicy, provisioned_room
from pipecat_daily_rest._rooms.provision import Bounds, provision
from pipecat_daily_rest._rooms.room_spec import RoomSpec
from pipecat_daily_rest.errors import (
    DailyError,
    DailyInvalidRequestError,
    DailyRoomExistsError,
    DailyServerError,
    DailyTimeoutError,
)
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.failures import KINDS
from sizes import pairs
from timings import set_timings


@pytest.fixture(autouse=True)
def _look_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    set_timings(monkeypatch, look_again=(0.05, 0.2))


# -- The name is the idempotency key -------------------------------------------------------


@pytest.mark.parametrize("name", [None, "mine"])
@pytest.mark.parametrize(
    ("failure", "made_by_the_first"),
    [
        ({"drop": "after"}, True),
        ({"truncate": True}, True),
        ({"html": True}, True),
        ({"status": 500, "commit": True}, True),
        ({"body": {"name": "mine"}}, True),
        ({"drop": "before"}, False),
        ({"status": 503}, False),
        ({"html": True, "commit": False}, False),
    ],
)
async def test_after_a_lost_answer_the_room_is_looked_up(
    local_daily, name, failure, made_by_the_first
):
    local_daily.fail("POST", "/rooms", **failure)
    params = DailyRoomParams(name=name) if name else None
    async with watched() as errors, helper_of(local_daily) as helper:
        async with provisioned_room(params, daily=helper) as room:
            assert list(local_daily.rooms) == [room.name]
            assert local_daily.rooms[room.name].privacy == "private"
        assert errors == []
    assert local_daily.rooms == {}
    assert len(sent(local_daily, "POST", "/rooms")) == (1 if made_by_the_first else 2)
    looks = sent(local_daily, "GET", f"/rooms/{room.name}")
    assert looks[0] == (200 if made_by_the_first else 404)
    names = {each.body["name"] for each in local_daily.requests if each.path == "/rooms"}
    assert names == {room.name}


async def test_no_room_is_looked_up_after_a_create_that_was_refused_or_not_sent(local_daily):
    local_daily.fail("POST", "/rooms", status=429, times=2)
    async with watched(), helper_of(local_daily) as helper:
        async with provisioned_room(daily=helper):
            pass
    assert sent(local_daily, "POST", "/rooms") == [429, 429, 200]
    assert sent(local_daily, "GET", "/rooms") == []


async def test_the_error_is_the_refusal_when_the_look_up_fails_too(local_daily):
    local_daily.fail("POST", "/rooms", status=400, info="no such plan", times=None)
    local_daily.fail("GET", "/rooms/*", times=None)
    async with watched(), helper_of(local_daily) as helper:
        with pytest.raises(DailyInvalidRequestError, match="no such plan") as caught:
            async with provisioned_room(daily=helper):
                pass
    assert isinstance(caught.value.__cause__, DailyServerError)
    assert sent(local_daily, "DELETE", "/rooms") == []


# -- Rooms of somebody else -----------------------------------------------------------------


CALLS = [("create", 1), ("look", None), ("create", None), ("look", 1)]


@pytest.mark.large
@pytest.mark.parametrize("kind", KINDS)
async def test_somebody_elses_room_of_the_same_name_is_never_deleted(kind, monkeypatch):
    set_timings(monkeypatch, look_again=())
    hangs = "hang" in kind
    policy = replace(POLICY, attempts=2, timeout=0.3) if hangs else POLICY

    async def one(request, times, exp):
        method, path = REQUESTS[request]
        async with LocalDaily() as daily, helper_of(daily, policy) as helper:
            config = {} if exp is None else {"exp": time.time() + exp}
            theirs = daily.state.rooms.create("theirs", "private", config)
            if request == "look":
                daily.fail("POST", "/rooms", drop="before")
            daily.fail(method, path, times=times, **KINDS[kind].describe())
            with pytest.raises(DailyError) as caught:
                async with provisioned_room(DailyRoomParams(name="theirs"), daily=helper):
                    pass
            refused = (times == 1 and not hangs) or kind in HARMLESS
            assert not refused or isinstance(caught.value, DailyRoomExistsError)
            assert daily.rooms == {"theirs": theirs}
            assert sent(daily, "DELETE", "/") == []

    async with watched():
        cells = [
            one(request, times, exp) for (request, times), exp in pairs(CALLS, (None, 3600, 500.25))
        ]
        await all_of(cells)


async def test_after_a_refusal_a_room_with_our_name_and_exp_is_not_ours(local_daily):
    exp = time.time() + 500.25
    params = DailyRoomParams(name="theirs")
    params.properties.exp = exp
    theirs = local_daily.state.rooms.create("theirs", "private", {"exp": exp})
    async with watched(), helper_of(local_daily) as helper:
        with pytest.raises(DailyRoomExistsError):
            async with provisioned_room(params, daily=helper):
                pass
    assert local_daily.rooms == {"theirs": theirs}


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "hang" not in kind])
async def test_a_room_with_a_name_of_the_callers_is_deleted(kind):
    async def one(request):
        method, path = REQUESTS[request]
        async with LocalDaily() as daily, helper_of(daily) as helper:
            if request == "look":
                daily.fail("POST", "/rooms", drop="after")
            daily.fail(method, path, **KINDS[kind].describe())
            # A response without the exp proves nothing; the next one has it.
            unproven = request == "look" and kind == "nulls"
            try:
                async with provisioned_room(DailyRoomParams(name="mine"), daily=helper):
                    assert list(daily.rooms) == ["mine"]
            except DailyRoomExistsError:
                assert unproven
            else:
                assert not unproven
            assert daily.rooms == {}

    async with watched() as errors:
        await all_of(one(request) for request in ("create", "look", "delete"))
        assert errors == []


FAR = ["Infinity", "NaN", "1e300", "1800000000000", "1" + "0" * 400]  # milliseconds among them


@pytest.mark.parametrize("exp", FAR)
async def test_somebody_elses_room_may_expire_beyond_pythons_years(local_daily, exp):
    theirs = local_daily.state.rooms.create("theirs", "private", {})
    local_daily.fail("POST", "/rooms", drop="before")
    body = f'{{"name": "theirs", "url": "{local_daily.url}/theirs", "config": {{"exp": {exp}}}}}'
    local_daily.fail("GET", "/rooms/theirs", body=body, times=None)
    async with watched() as errors, helper_of(local_daily) as helper:
        with pytest.raises(DailyRoomExistsError):
            async with provisioned_room(DailyRoomParams(name="theirs"), daily=helper):
                pass
        assert errors == []
    assert local_daily.rooms == {"theirs": theirs}


@pytest.mark.parametrize("exp", FAR)
async def test_a_given_room_may_expire_beyond_pythons_years(local_daily, exp):
    body = f'{{"name": "given", "url": "{local_daily.url}/given", "config": {{"exp": {exp}}}}}'
    local_daily.fail("GET", "/rooms/given", body=body)
    async with watched(), helper_of(local_daily) as helper:
        url = f"{local_daily.url}/given"
        async with provisioned_room(room_url=url, daily=helper) as room:
            assert room.expires_at is None


@pytest.mark.parametrize(
    "config",
    [None, 5, [], "text", {"exp": "soon"}, {"exp": [1]}, {"sip": 5, "sip_uri": []}, {"geo": {}}],
)
async def test_a_config_that_cannot_be_read_loses_no_room(local_daily, config):
    url = f"{local_daily.url}/mine"
    local_daily.fail("POST", "/rooms", body={"name": "mine", "url": url, "config": config})
    async with watched() as errors, helper_of(local_daily) as helper:
        async with provisioned_room(DailyRoomParams(name="mine"), daily=helper) as room:
            assert room.sip_endpoint == ""
        assert errors == []
    assert sent(local_daily, "GET", "/rooms") == []
    assert local_daily.rooms == {}


# -- A create that commits late ------------------------------------------------------------


class ShortOfPatience(Bounds):
    def create(self) -> float:
        return 0.05


def happened(daily):
    return [event.what for event in daily.state.log.entries if event.what in ("created", "deleted")]


@pytest.mark.parametrize("name", [None, "mine"])
async def test_a_cancellation_waits_for_the_answer_to_the_create(local_daily, name):
    fault = local_daily.fail("POST", "/rooms", delay=0.2, delay_after=0.2)
    params = DailyRoomParams(name=name) if name else None
    async with watched() as errors, helper_of(local_daily) as helper:

        async def session():
            async with provisioned_room(params, daily=helper):
                pytest.fail("it was cancelled")

        task = asyncio.create_task(session())
        await fault.wait()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert errors == []
    assert happened(local_daily) == ["created", "deleted"]
    assert sent(local_daily, "POST", "/rooms") == [200]
    assert sent(local_daily, "DELETE", "/rooms") == [200]
    assert sent(local_daily, "GET", "/rooms") == []


@pytest.mark.parametrize("name", [None, "mine"])
async def test_a_create_that_commits_after_the_delete_was_tried(local_daily, monkeypatch, name):
    set_timings(monkeypatch, look_again=(0.0, 1.5))
    fault = local_daily.fail("POST", "/rooms", delay=0.7)
    params = DailyRoomParams(name=name) if name else None
    async with watched() as errors, helper_of(local_daily) as helper:

        async def session():
            request = RoomSpec(params=params, daily=helper)
            async with provision(request, ShortOfPatience()):
                pytest.fail("it was cancelled")

        task = asyncio.create_task(session())
        await fault.wait()
        task.cancel()
        await asyncio.wait({task})
        assert task.cancelled()
        assert errors == []
    assert happened(local_daily) == ["created", "deleted"]
    tries = sent(local_daily, "GET" if name else "DELETE", "/rooms/")
    assert tries == [404, 404, 200]


async def test_a_create_that_commits_after_its_repetition_was_deleted(local_daily, monkeypatch):
    set_timings(monkeypatch, look_again=(0.0, 2.0))
    local_daily.fail("POST", "/rooms", delay=1.5)
    policy = RetryPolicy(attempts=4, backoff=0.01, timeout=0.5)
    async with watched() as errors, helper_of(local_daily, policy) as helper:
        async with provisioned_room(daily=helper):
            assert sent(local_daily, "POST", "/rooms") == [None, 200]
        assert errors == []
    assert happened(local_daily) == ["created", "deleted", "created", "deleted"]
    assert local_daily.rooms == {}


async def test_two_creates_that_commit_late(local_daily, monkeypatch):
    set_timings(monkeypatch, look_again=(0.75, 1.25))
    # Sent at 0 and 0.5 s, committed at 1.5 and 2 s; looked for at 1, 1.75 and 3 s.
    local_daily.fail("POST", "/rooms", delay=1.5, times=2)
    policy = RetryPolicy(attempts=2, backoff=0.0, timeout=0.5)
    async with watched() as errors, helper_of(local_daily, policy) as helper:
        with pytest.raises(DailyTimeoutError) as caught:
            async with provisioned_room(daily=helper):
                pass
        assert caught.value.attempts == 2
        assert errors == []
    assert happened(local_daily) == ["created", "deleted", "created", "deleted"]
    assert local_daily.rooms == {}


async def test_a_long_session_does_not_look_again(local_daily, monkeypatch):
    set_timings(monkeypatch, look_again=(0.01, 0.01))
    local_daily.fail("POST", "/rooms", drop="before")
    async with watched(), helper_of(local_daily) as helper:
        async with provisioned_room(daily=helper):
            await asyncio.sleep(0.05)
    assert sent(local_daily, "DELETE", "/rooms") == [200]
