# SPDX-License-Identifier: BSD-2-Clause
"""Every fault, at every request of a session, once and always: no room is left."""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime

import aiohttp
import pytest
from watching import HARMLESS, HASTY, POLICY, REQUESTS, TIMES, all_of, helper_of, watched

from pipecat_daily_rest import DailyMeetingTokenProperties, RetryPolicy, provisioned_room
from pipecat_daily_rest._rooms.provision import Bounds, provision
from pipecat_daily_rest._rooms.room_spec import RoomSpec
from pipecat_daily_rest.errors import DailyConnectionError, DailyError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rest.failures import KINDS
from sizes import pairs
from timings import set_timings


@pytest.fixture(autouse=True)
def _look_again_soon(monkeypatch: pytest.MonkeyPatch) -> None:
    set_timings(monkeypatch, look_again=(0.05, 0.2))


@dataclass
class Cell:
    """One fault at one request."""

    kind: str
    request: str
    times: str

    @property
    def passes(self) -> bool:
        """Whether the session comes about."""
        if self.times != "always" or self.kind in HARMLESS or self.request == "delete":
            return True
        return self.request == "create" and KINDS[self.kind].commits

    @property
    def leaves(self) -> bool:
        """Whether the room cannot be deleted."""
        failure = KINDS[self.kind]
        refused = not failure.commits and self.kind != "rate-limit"
        return self.request == "delete" and self.times == "always" and refused

    async def run(self, errors: list[str]) -> None:
        method, path = REQUESTS[self.request]
        policy = HASTY if "hang" in self.kind else POLICY
        async with LocalDaily() as daily, helper_of(daily, policy) as helper:
            if self.request == "look":
                daily.fail("POST", "/rooms", drop="after")
            fault = daily.fail(method, path, times=TIMES[self.times], **KINDS[self.kind].describe())
            source = "api" if self.request == "token" else "local"
            name, end = "", None
            try:
                async with provisioned_room(daily=helper, token_source=source) as room:
                    name, end = room.name, room.expires_at
                    assert list(daily.rooms) == [name]
                    daily.join(name, room.user_token)
                    raise ZeroDivisionError
            except ZeroDivisionError:
                assert self.passes, self
            except DailyError as exc:
                if self.passes:
                    raise AssertionError(self) from exc
            assert fault.hits, self
            assert list(daily.rooms) == ([name] if self.leaves else []), self
            told = [error for error in errors if name in error] if name else []
            assert len(told) == int(self.leaves), (self, told)
            if self.leaves:
                assert f"{end:%Y-%m-%d %H:%M:%S}" in told[0]


@pytest.mark.parametrize("kind", KINDS)
async def test_every_fault_at_every_request(kind):
    cells = [Cell(kind, request, times) for request in REQUESTS for times in TIMES]
    async with watched() as errors:
        await all_of(cell.run(errors) for cell in cells)
        assert len(errors) == sum(cell.leaves for cell in cells)


# -- Other responses of a server -----------------------------------------------------------

BODIES = [
    None,
    [],
    {},
    5,
    "",
    "[" * 100_000,
    "9" * 9999,
    b"\xff\xfe",
    '{"name": NaN}',
    {"name": None, "url": None, "token": None, "domain_id": None},
    {"name": 5, "url": [], "token": 5, "domain_id": {}},
    {"name": "another", "url": "http://x/another", "token": "", "domain_id": ""},
    {"error": 5, "info": None},
    {"error": {"code": "x"}},
]


@pytest.mark.large
@pytest.mark.parametrize(
    ("request_", "status"),
    [
        (request, status)
        for request in REQUESTS
        for status in (200, 302, 400, 404, 500)
        if (request, status) != ("delete", 404)  # a 404 counts as deleted
    ],
)
async def test_strange_bodies(request_, status):
    """Whatever comes back: success or a DailyError, and no room but one that is reported."""
    method, path = REQUESTS[request_]
    bodies = BODIES if status == 200 else BODIES[::3]

    async def one(body, times):
        async with LocalDaily() as daily, helper_of(daily) as helper:
            if request_ == "look":
                daily.fail("POST", "/rooms", drop="after")
            daily.fail(method, path, times=times, status=status, body=body)
            source = "api" if request_ == "token" else "local"
            try:
                async with provisioned_room(daily=helper, token_source=source):
                    pass
            except DailyError as exc:
                if request_ == "delete" or len(str(exc)) > 1000:
                    raise AssertionError(body, times) from exc
            told = [error for error in errors if any(name in error for name in daily.rooms)]
            assert len(told) == len(daily.rooms), (body, times)
            if request_ != "delete":
                assert daily.rooms == {}, (body, times)

    async with watched() as errors:
        await all_of(one(body, times) for body, times in pairs(bodies, (1, None)))


# -- The rate limit ------------------------------------------------------------------------


@pytest.mark.parametrize("request_", ["create", "look", "domain", "token"])
@pytest.mark.parametrize("retry_after", [0.2, 3600, "date"])
async def test_retry_after_is_honoured_and_capped(local_daily, request_, retry_after):
    method, path = REQUESTS[request_]
    if retry_after == "date":
        retry_after = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    policy = RetryPolicy(attempts=4, backoff=0.001, max_backoff=0.2)
    if request_ == "look":
        local_daily.fail("POST", "/rooms", drop="after")
    fault = local_daily.fail(method, path, retry_after=retry_after)
    source = "api" if request_ == "token" else "local"
    bot = DailyMeetingTokenProperties(user_name="bot")
    async with watched(), helper_of(local_daily, policy) as helper:
        async with provisioned_room(daily=helper, token_source=source, bot=bot):
            assert fault.hits == 1
    assert local_daily.rooms == {}
    if request_ == "token":  # two of them, at the same time: the one that was refused
        refused = next(each.body for each in local_daily.requests if each.status == 429)
        asked = [each.at for each in local_daily.requests if each.body == refused]
    else:
        kind = (method, path.replace("*", ""))
        asked = [
            each.at
            for each in local_daily.requests
            if each.method == kind[0] and (each.path == path or each.path.startswith(kind[1]))
            if request_ != "domain" or each.path == "/"
        ]
    assert len(asked) == 2
    assert asked[1] - asked[0] >= 0.19  # time.time() against the loop's clock


@pytest.mark.parametrize("times", [1, None])
async def test_a_delete_that_is_refused_for_the_rate_goes_out_in_a_batch(local_daily, times):
    local_daily.fail("DELETE", "/rooms/*", retry_after=60, times=times)
    async with watched() as errors, helper_of(local_daily) as helper:
        async with provisioned_room(daily=helper) as room:
            pass
        assert errors == []
    assert local_daily.rooms == {}
    deletes = [each for each in local_daily.requests if each.method == "DELETE"]
    assert [(each.path, each.status) for each in deletes] == [
        (f"/rooms/{room.name}", 429),
        ("/batch/rooms", 200),
    ]
    assert deletes[1].body == {"room_names": [room.name]}
    assert deletes[1].at - deletes[0].at < 30


@pytest.mark.parametrize("kind", [kind for kind in KINDS if "hang" not in kind])
async def test_the_batch_may_fail_too(kind):
    async def one(times):
        async with LocalDaily() as daily, helper_of(daily) as helper:
            daily.fail("DELETE", "/rooms/*", status=429, times=None)
            daily.fail("DELETE", "/batch/rooms", times=times, **KINDS[kind].describe())
            with pytest.raises(ZeroDivisionError):
                async with provisioned_room(daily=helper) as room:
                    raise ZeroDivisionError
            leaves = times is None and not KINDS[kind].commits
            assert list(daily.rooms) == ([room.name] if leaves else [])
            told = [error for error in errors if room.name in error]
            assert len(told) == int(leaves)

    async with watched() as errors:
        await all_of(one(times) for times in (1, 2, None))


# -- The end ---------------------------------------------------------------------------------


class Hurried(Bounds):
    def delete(self) -> float:
        return 0.2


async def test_a_deletion_that_takes_too_long_is_reported_once(local_daily):
    local_daily.fail("DELETE", "/rooms/*", hang=True, times=None)
    async with watched() as errors, helper_of(local_daily) as helper:
        with pytest.raises(ZeroDivisionError):
            async with provision(RoomSpec(daily=helper), Hurried()) as room:
                raise ZeroDivisionError
    [error] = errors
    assert room.name in error
    assert f"{room.expires_at:%Y-%m-%d %H:%M:%S}" in error


async def test_every_look_for_a_lost_create_counts(local_daily):
    """The first fails with all of its attempts; the next one finds the room."""
    local_daily.fail("POST", "/rooms", drop="after", times=None)
    local_daily.fail("GET", "/rooms/*", times=None)
    local_daily.fail("DELETE", "/rooms/*", times=POLICY.attempts)
    async with watched() as errors, helper_of(local_daily) as helper:
        with pytest.raises(DailyConnectionError):
            async with provisioned_room(daily=helper):
                pass
        assert errors == []
    assert local_daily.rooms == {}


async def test_the_error_keeps_its_cause_and_its_attempts(local_daily):
    local_daily.fail("GET", "/", drop="before", times=None)
    async with watched(), helper_of(local_daily) as helper:
        with pytest.raises(DailyConnectionError) as caught:
            async with provisioned_room(daily=helper):
                pass
    assert caught.value.attempts == POLICY.attempts
    assert isinstance(caught.value.__cause__, aiohttp.ClientError)
