# SPDX-License-Identifier: BSD-2-Clause
"""Webhooks of the local Daily: created, tested, delivered, retried, given up."""

import asyncio
import base64
import json
import time
import uuid

import pytest

from helpers import asking
from pipecat_daily_rest import webhooks
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.webhooks import (
    MeetingEnded,
    MeetingStarted,
    ParticipantJoined,
    ParticipantLeft,
    WebhookProbe,
)
from receiver import Receiver
from receiver import read as read_event

SECRET = base64.b64encode(b"sixteen bytes...").decode()
OTHER = base64.b64encode(b"another sixteen.").decode()


@pytest.fixture
def made(call, receiver):
    """Creates a webhook, and drops the test request to its endpoint."""

    async def made(**more):
        body = {"url": f"{receiver.url}/events", "hmac": SECRET, **more}
        status, hook = await call("POST", "/webhooks", body)
        assert status == 200, hook
        await receiver.next()
        return hook

    return made


def read(post, secret=SECRET):
    return read_event(post, secret=secret)


def types(receiver):
    return [json.loads(post.body).get("type") for post in receiver.posts]


async def room(call, name="demo", **body):
    assert (await call("POST", "/rooms", {"name": name, **body}))[0] == 200


# -- Configuring ---------------------------------------------------------------------------------


async def test_a_webhook_is_created_once_its_endpoint_has_passed_the_test(
    call, local_daily, receiver
):
    url = f"{receiver.url}/events"
    status, hook = await call("POST", "/webhooks", {"url": url})
    assert status == 200
    post = await receiver.next()
    assert json.loads(post.body) == {"test": "test"}
    assert isinstance(read(post), WebhookProbe)
    webhooks.verify(post.body, post.headers, secret=hook["hmac"])
    assert str(uuid.UUID(hook["uuid"])) == hook["uuid"]
    assert len(base64.b64decode(hook["hmac"], validate=True)) == 32
    assert hook["url"] == url
    assert (hook["state"], hook["failedCount"]) == ("ACTIVE", 0)
    assert (hook["lastMomentPushed"], hook["basicAuth"]) == (None, None)
    assert hook["retryType"] == "circuit-breaker"
    assert {"participant.joined", "dialin.ready", "recording.error"} < set(hook["eventTypes"])
    assert hook["domainId"] == local_daily.state.domain.id
    assert await call("GET", "/webhooks") == (200, [hook])
    assert await call("GET", f"/webhooks/{hook['uuid']}") == (200, [hook])


async def test_a_webhook_with_all_properties(call, made):
    wished = {
        "basicAuth": "me:pass",
        "retryType": "exponential",
        "eventTypes": ["participant.left", "meeting.ended"],
    }
    hook = await made(**wished)
    assert {name: hook[name] for name in wished} == wished
    assert hook["hmac"] == SECRET


@pytest.mark.parametrize("answer", [500, 404, 201, 307])
async def test_an_endpoint_that_fails_the_test_gets_no_webhook(call, receiver, answer):
    receiver.answers.append(answer)
    status, body = await call("POST", "/webhooks", {"url": receiver.url})
    assert status == 400
    assert body["error"] == "invalid-request-error"
    assert "200" in body["info"]
    assert await call("GET", "/webhooks") == (200, [])
    assert len(receiver.posts) == 1  # a redirect is not followed


async def test_an_endpoint_that_is_slow_fails_the_test(receiver):
    receiver.answers.append("hang")
    async with (
        LocalDaily(choices=Choices(webhook_timeout=0.05)) as daily,
        asking(daily) as http,
        http.post(f"{daily.api_url}/webhooks", json={"url": receiver.url}) as response,
    ):
        assert response.status == 400
        assert daily.webhooks.all == []


async def test_an_endpoint_without_a_server_fails_the_test(call, receiver):
    async with Receiver() as gone:
        pass
    assert (await call("POST", "/webhooks", {"url": gone.url}))[0] == 400


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com/hook",
        "http://10.0.0.1/hook",
        "http://127.0.0.1.example.com/hook",
        "http://169.254.169.254/latest",
        "http://0.0.0.0:80/",
        "http://[::ffff:8.8.8.8]/",
        "ftp://127.0.0.1/hook",
    ],
)
async def test_only_this_machine_gets_requests(call, made, url):
    status, body = await call("POST", "/webhooks", {"url": url})
    assert status == 400
    assert "this machine" in body["info"]
    hook = await made()
    status, body = await call("POST", f"/webhooks/{hook['uuid']}", {"url": url})
    assert (status, "this machine" in body["info"]) == (400, True)
    assert await call("GET", "/webhooks") == (200, [hook])


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "missing"),
        ({"url": "nowhere"}, "url was 'nowhere'"),
        ({"url": 5}, "url was '5'"),
        ({"eventTypes": ["participant.exploded"]}, "eventTypes[0]"),
        ({"eventTypes": "participant.joined"}, "array"),
        ({"retryType": "never"}, "circuit-breaker, exponential"),
        ({"endpoint": "x"}, "unknown property 'endpoint'"),
        ({"hmac": "not base64!"}, "base64"),
        ({"hmac": ""}, "base64"),
    ],
)
async def test_wrong_webhooks(call, receiver, body, words):
    body = body if body == {} else {"url": receiver.url, **body}
    status, answer = await call("POST", "/webhooks", body)
    assert status == 400
    assert words in answer["info"]
    assert "not base64!" not in answer["info"]
    assert receiver.posts == []


async def test_one_webhook_for_the_domain(call, made, receiver):
    await made()
    status, body = await call("POST", "/webhooks", {"url": receiver.url})
    assert (status, "1 webhook" in body["info"]) == (400, True)


async def test_an_update_changes_what_it_names_and_is_tested_too(call, made, receiver, local_daily):
    hook = await made(basicAuth="me:pass", eventTypes=["meeting.ended"])
    local_daily.advance(60)
    url = f"{receiver.url}/new"
    path = f"/webhooks/{hook['uuid']}"
    status, updated = await call("POST", path, {"url": url, "hmac": OTHER})
    assert status == 200
    post = await receiver.next()
    assert (post.path, json.loads(post.body)) == ("/new", {"test": "test"})
    webhooks.verify(post.body, post.headers, secret=OTHER)
    assert updated["updatedAt"] > hook["updatedAt"]
    assert updated == {**hook, "url": url, "hmac": OTHER, "updatedAt": updated["updatedAt"]}
    receiver.answers.append(500)
    assert (await call("POST", path, {"eventTypes": []}))[0] == 400
    assert await call("GET", path) == (200, [updated])


async def test_a_webhook_that_does_not_exist(call, made):
    hook = await made()
    assert (await call("DELETE", f"/webhooks/{hook['uuid']}"))[0] == 200
    for method in ("GET", "POST", "DELETE"):
        status, body = await call(method, f"/webhooks/{hook['uuid']}")
        assert (status, body["error"]) == (404, "not-found")


async def test_without_a_card_there_are_no_webhooks():
    choices = Choices(card_on_file=False, no_card_status=403)
    async with LocalDaily(choices=choices) as daily, asking(daily) as http:
        async with http.get(f"{daily.api_url}/webhooks") as response:
            body = await response.json()
            assert (response.status, body["error"]) == (403, "invalid-plan-type")
            assert body["info"].startswith("This feature is only available to paid accounts")


async def test_secrets_are_in_no_request_log(call, local_daily, made):
    await made(basicAuth="me:hunter2")
    body = {"properties": {"pinless_dialin": [{"hmac": SECRET}]}, "not": "taken"}
    await call("POST", "/", body)  # the request log has it nevertheless
    shown = repr(local_daily.requests) + "".join(map(str, local_daily.requests))
    assert shown.count("'hmac': '***'") == 2
    assert SECRET not in shown
    assert "hunter2" not in shown
    assert SECRET not in repr(local_daily.webhooks.all)
    assert "hunter2" not in repr(local_daily.webhooks.all)


# -- Delivery ------------------------------------------------------------------------------------


async def test_a_call_from_beginning_to_end(call, made, receiver, local_daily):
    await made()
    exp = local_daily.state.clock.now() + 1000
    properties = {"exp": exp, "eject_at_room_exp": True}
    await room(call, privacy="public", properties=properties)
    token = (
        await call(
            "POST",
            "/meeting-tokens",
            {"properties": {"user_id": "u1", "user_name": "Ana", "is_owner": True}},
        )
    )[1]["token"]
    ana = local_daily.join("demo", token)
    bob = local_daily.join("demo", user_name="Bob")
    local_daily.advance(30)
    ana.leave()
    bob.leave()
    await local_daily.webhooks.settled()
    events = [read(post) for post in receiver.posts[1:]]
    by_kind = {}
    for event in events:
        by_kind.setdefault(type(event), []).append(event.payload)
    assert len(events) == 6
    [started], [ended] = by_kind[MeetingStarted], by_kind[MeetingEnded]
    assert (started.room, started.meeting_id) == ("demo", ended.meeting_id)
    assert ended.end_ts - ended.start_ts == pytest.approx(30, abs=5)
    joined, left = by_kind[ParticipantJoined], by_kind[ParticipantLeft]
    assert [payload.session_id for payload in joined] == [ana.id, bob.id]
    assert [payload.session_id for payload in left] == [ana.id, bob.id]
    first = joined[0]
    assert (first.user_id, first.user_name, first.owner) == ("u1", "Ana", True)
    assert first.will_eject_at == exp
    assert first.permissions["hasPresence"] is True
    assert (joined[1].user_id, joined[1].owner) == (None, False)
    assert left[0].duration == pytest.approx(30, abs=5)
    assert [event.type for event in events][-1] == "meeting.ended"
    assert events[0].version == "1.0.0"
    assert len({event.id for event in events}) == 6
    assert events[0].event_ts == pytest.approx(started.start_ts, abs=5)
    [hook] = (await call("GET", "/webhooks"))[1]
    assert hook["lastMomentPushed"] is not None


async def test_each_delivery_is_signed_with_the_time_of_this_machine(
    call, made, receiver, local_daily
):
    await made(basicAuth="me:pass")
    await room(call)
    local_daily.advance(10 * 86_400)  # the receiver's clock does not move
    local_daily.join("demo")
    post = await receiver.next()
    webhooks.verify(post.body, post.headers, secret=SECRET)
    timestamp = post.headers["X-Webhook-Timestamp"]
    assert len(timestamp) == 10
    assert abs(int(timestamp) - time.time()) < 300
    assert post.headers["Content-Type"] == "application/json"
    credentials = base64.b64encode(b"me:pass").decode()
    assert post.headers["Authorization"] == f"Basic {credentials}"
    with pytest.raises(webhooks.WebhookVerificationError):
        read(post, OTHER)
    with pytest.raises(webhooks.WebhookVerificationError):
        webhooks.read_webhook(post.body + b" ", post.headers, secret=SECRET, reserialized=False)


async def test_only_what_it_subscribed_to(call, made, receiver, local_daily):
    await made(eventTypes=["participant.left"])
    await room(call)
    local_daily.join("demo").leave()
    await local_daily.webhooks.settled()
    assert types(receiver)[1:] == ["participant.left"]


@pytest.mark.parametrize("told", [True, False])
async def test_webhooks_of_hidden_participants_are_a_choice(receiver, told):
    choices = Choices(hidden_in_webhooks=told)
    async with LocalDaily(choices=choices) as daily, asking(daily) as http:
        hook = {"url": receiver.url, "eventTypes": ["participant.joined", "participant.left"]}
        async with http.post(f"{daily.api_url}/webhooks", json=hook) as response:
            assert response.status == 200
        body = {"name": "demo", "properties": {"permissions": {"hasPresence": False}}}
        async with http.post(f"{daily.api_url}/rooms", json=body) as response:
            assert response.status == 200
        daily.join("demo").leave()
        await daily.webhooks.settled()
    assert len(receiver.posts[1:]) == (2 if told else 0)


async def test_a_hanging_receiver_delays_no_room(call, made, receiver, local_daily):
    await made()
    await room(call)
    receiver.answers.append("hang")
    ana = local_daily.join("demo", user_name="Ana")
    await receiver.next()
    bob = local_daily.join("demo", user_name="Bob")
    await ana.event("participant-joined")
    assert (await call("GET", "/rooms/demo/presence"))[1]["total_count"] == 2
    bob.leave()
    assert len(receiver.posts) == 2
    receiver.release()
    await local_daily.webhooks.settled()
    assert types(receiver)[1:] == [
        "meeting.started",
        "participant.joined",
        "participant.joined",
        "participant.left",
    ]


async def test_the_meeting_of_somebody_left_alone_ends_and_another_starts(
    call, made, receiver, local_daily
):
    await made(eventTypes=["meeting.started", "meeting.ended"])
    await room(call)
    local_daily.join("demo")
    local_daily.join("demo").leave()
    local_daily.advance(minutes=11)
    await local_daily.webhooks.settled()
    assert types(receiver)[1:] == ["meeting.started", "meeting.ended", "meeting.started"]
    _, meetings = await call("GET", "/meetings")
    told = [json.loads(post.body)["payload"]["meeting_id"] for post in receiver.posts[1:]]
    assert told[0] == told[1]
    assert [told[0], told[2]] == [each["id"] for each in reversed(meetings["data"])]


async def test_three_failures_in_a_row_break_the_circuit(call, made, receiver, local_daily):
    hook = await made(eventTypes=["participant.joined"])
    path = f"/webhooks/{hook['uuid']}"
    await room(call)

    async def join(answer=200):
        receiver.answers.append(answer)
        local_daily.join("demo")
        await local_daily.webhooks.settled()
        [state] = (await call("GET", path))[1]
        return state

    assert (await join(500))["failedCount"] == 1
    assert (await join(404))["failedCount"] == 2
    recovered = await join(200)
    assert (recovered["failedCount"], recovered["state"]) == (0, "ACTIVE")
    for count in (1, 2):
        state = await join(503)
        assert (state["failedCount"], state["state"]) == (count, "ACTIVE")
    broken = await join(503)
    assert (broken["failedCount"], broken["state"]) == (3, "FAILED")
    seen = len(receiver.posts)
    receiver.answers.clear()
    local_daily.join("demo")
    await local_daily.webhooks.settled()
    assert len(receiver.posts) == seen
    status, revived = await call("POST", path, {})
    assert (status, revived["state"], revived["failedCount"]) == (200, "ACTIVE", 0)
    local_daily.join("demo")
    await local_daily.webhooks.settled()
    assert len(receiver.posts) == seen + 2  # the test, and the participant who joined after it


async def test_exponential_repeats_a_message_five_times_and_never_gives_up(
    call, made, receiver, local_daily
):
    hook = await made(eventTypes=["participant.joined"], retryType="exponential")
    await room(call)
    receiver.answers.extend([500] * 5)
    local_daily.join("demo")
    await local_daily.webhooks.settled()
    for tries, pause in enumerate((15, 60, 240, 900), start=1):
        assert len(receiver.posts) == 1 + tries
        local_daily.advance(pause - 5)
        await local_daily.webhooks.settled()
        assert len(receiver.posts) == 1 + tries, "it came too early"
        local_daily.advance(6)
        await local_daily.webhooks.settled()
    assert len({post.body for post in receiver.posts[1:]}) == 1
    local_daily.advance(86_400)
    await local_daily.webhooks.settled()
    assert len(receiver.posts) == 6
    [state] = (await call("GET", f"/webhooks/{hook['uuid']}"))[1]
    assert (state["state"], state["failedCount"]) == ("ACTIVE", 5)
    local_daily.join("demo")
    await local_daily.webhooks.settled()
    assert len(receiver.posts) == 7
    [state] = (await call("GET", f"/webhooks/{hook['uuid']}"))[1]
    assert state["failedCount"] == 0


async def test_a_deleted_webhook_gets_nothing_more(call, made, receiver, local_daily):
    hook = await made(retryType="exponential")
    await room(call)
    receiver.answers.append(500)
    local_daily.join("demo")
    await local_daily.webhooks.settled()
    seen = len(receiver.posts)
    receiver.answers.append("hang")
    local_daily.join("demo")
    local_daily.join("demo")
    while len(receiver.posts) == seen:
        await receiver.next()
    settled = asyncio.create_task(local_daily.webhooks.settled())
    await asyncio.sleep(0)
    await call("DELETE", f"/webhooks/{hook['uuid']}")
    await settled
    local_daily.join("demo")
    local_daily.advance(86_400)
    receiver.release()
    await call("GET", "/webhooks")
    assert len(receiver.posts) == seen + 1


async def test_the_end_does_not_wait_for_a_receiver(receiver):
    async with LocalDaily() as daily, asking(daily) as http:
        async with http.post(f"{daily.api_url}/webhooks", json={"url": receiver.url}) as response:
            assert response.status == 200
        async with http.post(f"{daily.api_url}/rooms", json={"name": "demo"}) as response:
            assert response.status == 200
        receiver.answers.append("hang")
        daily.join("demo")
        while len(receiver.posts) < 2:
            await receiver.next()
    assert len(receiver.posts) == 2


# -- Unconfirmed points --------------------------------------------------------------------------


async def first_event(receiver, choices, **hook):
    async with LocalDaily(choices=choices) as daily, asking(daily) as http:
        body = {"url": receiver.url, "hmac": SECRET, **hook}
        async with http.post(f"{daily.api_url}/webhooks", json=body) as response:
            made = await response.json()
        async with http.post(f"{daily.api_url}/rooms", json={"name": "demo"}) as response:
            assert response.status == 200
        daily.join("demo")
        await daily.webhooks.settled()
        return made, receiver.posts[1:]


async def test_timestamps_may_be_in_milliseconds(receiver):
    _, posts = await first_event(receiver, Choices(webhook_milliseconds=True))
    assert len(posts[0].headers["X-Webhook-Timestamp"]) == 13
    webhooks.verify(posts[0].body, posts[0].headers, secret=SECRET)


async def test_a_webhook_without_types_may_get_nothing(receiver):
    made, posts = await first_event(receiver, Choices(webhook_without_types="none"))
    assert (made["eventTypes"], posts) == ([], [])


@pytest.mark.parametrize(
    ("most", "statuses"), [(1, [200, 400]), (2, [200, 200]), (None, [200] * 2)]
)
async def test_webhooks_that_are_created_at_the_same_time(receiver, most, statuses):
    choices = Choices(max_webhooks=most)
    async with LocalDaily(choices=choices) as daily, asking(daily) as http:
        receiver.answers.extend(["hang"] * 2)

        async def make():
            async with http.post(f"{daily.api_url}/webhooks", json={"url": receiver.url}) as got:
                return got.status

        makers = [asyncio.create_task(make()) for _ in range(2)]
        for _ in makers:
            await receiver.next()
        receiver.release()
        assert sorted(await asyncio.gather(*makers)) == statuses
        assert len(daily.webhooks.all) == statuses.count(200)
