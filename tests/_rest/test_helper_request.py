# SPDX-License-Identifier: BSD-2-Clause
"""DailyRESTHelper.request: the door to whatever has no method of its own."""

from urllib.parse import quote

import pytest

from canary import Net, leaks
from helpers import QUICK, calls
from pipecat_daily_rest import DailyMeetingTokenProperties, DailyRESTHelper
from pipecat_daily_rest.errors import (
    DailyAPIError,
    DailyConfigError,
    DailyConnectionError,
    DailyError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyRateLimitError,
    DailyResponseError,
    DailyServerError,
    DailyTimeoutError,
)

REPEATED = ["GET", "PUT", "DELETE"]
ONCE = ["POST", "PATCH"]


@pytest.mark.parametrize("method", [*REPEATED, *ONCE])
async def test_every_method_is_sent_with_its_body(local_daily, helper, method):
    local_daily.fail(method, "/things/*", body={"done": True})
    given = {"name": "é", "more": [1, None, {"a": 1.5}]}
    body = None if method == "GET" else given
    assert await helper.request(method.lower(), "/things/a", json=body) == {"done": True}
    [request] = local_daily.requests
    assert (request.method, request.path, request.body) == (method, "/things/a", body)


@pytest.mark.parametrize("method", [*REPEATED, *ONCE])
@pytest.mark.parametrize("path", ["/rooms/none/at/all", "/nothing"])
async def test_errors_have_the_packages_types(local_daily, helper, method, path):
    with pytest.raises(DailyNotFoundError) as caught:
        await helper.request(method, path)
    error = caught.value
    assert (error.status, error.code, error.method, error.path) == (404, "not-found", method, path)
    assert str(error).startswith(f"{method} {path} (status: 404)")
    assert error.attempts == 1


@pytest.mark.parametrize("method", REPEATED)
@pytest.mark.parametrize(
    "fault", [{"status": 500}, {"truncate": True, "body": "{}"}, {"html": True}]
)
async def test_idempotent_methods_are_sent_again(local_daily, helper, method, fault):
    local_daily.fail(method, "/things", times=2, **fault)
    with pytest.raises(DailyNotFoundError) as caught:
        await helper.request(method, "/things")
    assert caught.value.attempts == 3
    assert calls(local_daily) == [(method, "/things")] * 3


@pytest.mark.parametrize("method", REPEATED)
async def test_the_policy_limits_the_attempts(local_daily, helper, method):
    local_daily.fail(method, "/things", times=None, status=503)
    with pytest.raises(DailyServerError) as caught:
        await helper.request(method, "/things")
    assert caught.value.attempts == 3
    assert "unknown" not in str(caught.value)


@pytest.mark.parametrize("method", ONCE)
@pytest.mark.parametrize(
    ("fault", "error"),
    [
        ({"status": 500}, DailyServerError),
        ({"drop": "after"}, DailyConnectionError),
        ({"truncate": True, "body": "{}"}, DailyConnectionError),
        ({"html": True}, DailyResponseError),
    ],
)
async def test_post_and_patch_are_not_sent_again(local_daily, helper, method, fault, error):
    local_daily.fail(method, "/things", times=None, **fault)
    with pytest.raises(error, match="Whether it took effect is unknown") as caught:
        await helper.request(method, "/things", json={})
    assert caught.value.attempts == 1
    assert calls(local_daily) == [(method, "/things")]


@pytest.mark.parametrize("method", [*REPEATED, *ONCE])
async def test_after_a_429_every_method_is_sent_again(local_daily, helper, method):
    local_daily.fail(method, "/things", times=2, status=429)
    local_daily.fail(method, "/things", times=1, body={})
    assert await helper.request(method, "/things") == {}
    assert len(local_daily.requests) == 3
    local_daily.fail(method, "/things", times=None, retry_after=5)
    with pytest.raises(DailyRateLimitError) as caught:
        await helper.request(method, "/things", deadline=2.0)
    assert caught.value.retry_after == 5


@pytest.mark.parametrize("method", [*REPEATED, *ONCE])
async def test_a_refused_connection_is_tried_again(local_daily, method):
    key, url = local_daily.api_key, local_daily.api_url
    await local_daily.aclose()
    async with DailyRESTHelper(daily_api_key=key, daily_api_url=url, retry=QUICK) as helper:
        with pytest.raises(DailyConnectionError) as caught:
            await helper.request(method, "/things")
    assert (caught.value.attempts, caught.value.sent) == (3, False)


@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_a_501_is_not_sent_again(local_daily, helper, method):
    """A 501 is no failure that passes, and nothing has happened."""
    local_daily.fail(method, "/things", times=None, status=501, code="not-supported-locally")
    with pytest.raises(DailyAPIError) as caught:
        await helper.request(method, "/things")
    assert not isinstance(caught.value, DailyServerError)
    assert (caught.value.attempts, caught.value.retryable) == (1, False)
    assert "unknown" not in str(caught.value)
    local_daily.state.rooms.create("demo", "public", {})
    with pytest.raises(DailyAPIError, match="stores nothing") as caught:
        await helper.request("POST", "/rooms/demo/transcription/start", json={})
    assert caught.value.status == 501


async def test_an_answer_without_a_body(local_daily, helper):
    local_daily.fail("DELETE", "/things", body=b"", times=1)
    assert await helper.request("DELETE", "/things") is None
    local_daily.fail("POST", "/things", body=b"", status=204, times=1)
    assert await helper.request("POST", "/things") is None
    local_daily.fail("GET", "/things", body=b"", times=None)
    with pytest.raises(DailyResponseError, match="not JSON"):
        await helper.request("GET", "/things")


async def test_a_deadline(local_daily, helper):
    local_daily.fail("GET", "/things", hang=True)
    with pytest.raises(DailyTimeoutError):
        await helper.request("GET", "/things", deadline=0.2)


# -- Paths -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "id", ["a/b", "a b", "ä", "a?b=c", "a#b", "a%2Fb", "%", "...", "a;b", "a+b", "\n", "a\\b", ":"]
)
async def test_an_id_with_odd_characters(local_daily, helper, id):
    local_daily.stored.recordings[id] = local_daily.add_recording("demo")
    path = f"/recordings/{quote(id, safe='')}"
    assert (await helper.request("GET", path))["room_name"] == "demo"
    assert (await helper.request("DELETE", path))["deleted"] is True


@pytest.mark.parametrize(
    ("path", "why"),
    [
        ("", "begin with a slash"),
        ("rooms", "begin with a slash"),
        ("https://x.daily.co/v1/rooms", "begin with a slash"),
        ("/rooms?limit=1", "have no query"),
        ("/rooms#a", "have no query"),
        (None, "begin with a slash"),
        (5, "begin with a slash"),
        ("/rooms/a b", "a path cannot have"),
        ("/rooms/ä", "a path cannot have"),
        ("/rooms/a%", "a path cannot have"),
        ("/rooms/a%2", "a path cannot have"),
        ("/rooms/a\n", "a path cannot have"),
        ("/rooms\\a", "a path cannot have"),
        ("/rooms/..", "another endpoint"),
        ("/rooms/../presence", "another endpoint"),
        ("/rooms/%2e%2E/presence", "another endpoint"),
        ("/./rooms", "another endpoint"),
    ],
)
async def test_a_wrong_path_is_not_sent(local_daily, helper, path, why):
    with pytest.raises(DailyConfigError, match=why):
        await helper.request("DELETE", path)
    assert not local_daily.requests


@pytest.mark.parametrize("method", ["", "HEAD", "FETCH", "GET /v1", "GET\r\n", None, 5])
async def test_a_wrong_method_is_not_sent(local_daily, helper, method):
    with pytest.raises(DailyConfigError, match="one of GET, POST, PUT, PATCH, DELETE"):
        await helper.request(method, "/rooms")
    assert not local_daily.requests


# -- Queries and bodies ------------------------------------------------------------------------


async def test_a_query(local_daily, helper):
    for name in ("a&b=c", "ä ö", "a+b%20", "#?/"):
        made = local_daily.add_transcript("demo", meeting_id=name)
        query = {"mtgSessionId": name, "limit": 1, "roomId": None}
        found = await helper.request("GET", "/transcript", query=query)
        assert [each["transcriptId"] for each in found["data"]] == [made.id]
        assert found["total_count"] == 1
    query = {"mtgSessionId": "x", "includeLogs": False, "includeMetrics": False, "limit": 5}
    assert await helper.request("GET", "/logs", query=query) == {}
    with pytest.raises(DailyInvalidRequestError, match=r"startTime was '1\.5'"):
        await helper.request("GET", "/logs", query={**query, "startTime": 1.5})


@pytest.mark.parametrize("value", [[], {}, b"x", float("nan"), float("inf"), "\ud800", object()])
async def test_a_wrong_query_is_not_sent(local_daily, helper, value):
    with pytest.raises(DailyConfigError, match=r"query\['room'\] must be a string, a number"):
        await helper.request("GET", "/meetings", query={"room": value})
    assert not local_daily.requests


async def test_a_query_that_is_not_a_mapping_is_not_sent(local_daily, helper):
    with pytest.raises(DailyConfigError, match="query must be a mapping"):
        await helper.request("GET", "/rooms", query="limit=1")
    assert not local_daily.requests


def circle():
    value = []
    value.append(value)
    return value


@pytest.mark.parametrize("body", [{"a": object()}, {1, 2}, {"exp": float("nan")}, b"x", circle()])
async def test_a_body_that_is_not_json_is_not_sent(local_daily, helper, body):
    with pytest.raises(DailyConfigError, match="json must be what JSON can hold"):
        await helper.request("POST", "/rooms", json=body)
    assert not local_daily.requests


async def test_the_callers_objects_are_not_changed(local_daily, helper):
    body, query = {"data": {"a": [1]}}, {"limit": 1, "starting_after": None}
    local_daily.fail("PUT", "*", body={})
    await helper.request("PUT", "/things", json=body, query=query)
    assert (body, query) == ({"data": {"a": [1]}}, {"limit": 1, "starting_after": None})


# -- Secrets -----------------------------------------------------------------------------------


@pytest.mark.parametrize("method", [*REPEATED, *ONCE])
async def test_secrets_are_masked_in_every_argument(local_daily, helper, method):
    key = local_daily.api_key
    token = await helper.create_token(DailyMeetingTokenProperties(room_name="demo"))
    net, failed = Net(), 0
    with net:
        for secret in (key, token):
            for attempt in (
                lambda s=secret: helper.request(method, f"/things/{s}"),
                lambda s=secret: helper.request(method, f"things/{s}"),
                lambda s=secret: helper.request(method, f"/things/{s} x"),
                lambda s=secret: helper.request(method, f"/{s}/.."),
                lambda s=secret: helper.request(f"{s}", "/things"),
                lambda s=secret: helper.request(method, "/things", query={"token": f"{s}"}),
                lambda s=secret: helper.request(method, "/things", query={f"{s}": []}),
                lambda s=secret: helper.request(method, "/things", query=[f"{s}"]),
                lambda s=secret: helper.request(method, "/things", json={f"{s}": [f"a {s}"]}),
                lambda s=secret: helper.request(method, "/things", json={f"{s}": object()}),
            ):
                try:
                    await attempt()
                except DailyError as exc:
                    net.tell(exc)
                    failed += 1
        net.show(local_daily.requests)
    assert failed == 20
    assert not leaks(net.said, key, token, key.upper(), token.upper())
