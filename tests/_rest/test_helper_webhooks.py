# SPDX-License-Identifier: BSD-2-Clause
"""DailyRESTHelper on webhooks."""

import base64

import pytest

from canary import Net, leaks
from helpers import helper_of
from pipecat_daily_rest import DailyRoomParams
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest.answers import DailyWebhook
from pipecat_daily_rest.errors import (
    DailyAPIError,
    DailyConfigError,
    DailyConnectionError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyResponseError,
)
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.webhooks import ParticipantJoined, WebhookProbe, read_webhook

SECRET = Secret(base64.b64encode(b"sixteen bytes...").decode())
PASSWORD = Secret("me:correct horse battery staple")


async def test_a_webhook_is_created_changed_and_deleted(local_daily, helper, receiver):
    made = await helper.create_webhook(receiver.url, event_types=["participant.joined"])
    assert isinstance(made, DailyWebhook)
    post = await receiver.next()
    assert isinstance(read_webhook(post.body, post.headers, secret=made.hmac), WebhookProbe)
    assert (made.url, made.eventTypes) == (receiver.url, ["participant.joined"])
    assert (made.state, made.failed, made.failedCount) == ("ACTIVE", False, 0)
    assert (made.retryType, made.basicAuth, made.lastMomentPushed) == ("circuit-breaker", "", "")
    assert await helper.list_webhooks() == [made]
    assert await helper.get_webhook(made.uuid) == made

    await helper.create_room(DailyRoomParams(name="demo"))
    ana = local_daily.join("demo", user_name="Ana")
    post = await receiver.next()
    event = read_webhook(post.body, post.headers, secret=made.hmac)
    assert isinstance(event, ParticipantJoined)
    assert (event.payload.session_id, event.payload.user_name) == (ana.id, "Ana")

    changed = await helper.update_webhook(
        made.uuid,
        url=f"{receiver.url}/new",
        event_types=["meeting.ended"],
        hmac=SECRET,
        basic_auth=PASSWORD,
        retry_type="exponential",
    )
    assert (changed.url, changed.hmac) == (f"{receiver.url}/new", SECRET)
    assert (changed.basicAuth, changed.retryType) == (PASSWORD, "exponential")
    assert changed.eventTypes == ["meeting.ended"]
    assert await helper.delete_webhook(made.uuid) is True
    assert await helper.delete_webhook(made.uuid) is True  # it is gone already
    assert await helper.list_webhooks() == []
    for missing in (helper.get_webhook, helper.update_webhook):
        with pytest.raises(DailyNotFoundError):
            await missing(made.uuid)


async def test_a_stopped_webhook_is_active_again_after_an_update(local_daily, helper, receiver):
    made = await helper.create_webhook(receiver.url)
    receiver.answers.extend([500] * 3)
    await helper.create_room(DailyRoomParams(name="demo"))
    local_daily.join("demo").leave()
    await local_daily.webhooks.settled()
    given_up = await helper.get_webhook(made.uuid)
    assert (given_up.failed, given_up.failedCount) == (True, 3)
    revived = await helper.update_webhook(made.uuid)
    assert (revived.failed, revived.failedCount) == (False, 0)


async def test_both_forms_of_the_answer_are_read(receiver):
    choices = Choices(webhook_info_in_array=False)
    async with LocalDaily(choices=choices) as daily, helper_of(daily) as helper:
        made = await helper.create_webhook(receiver.url)
        assert await helper.get_webhook(made.uuid) == made


async def test_an_endpoint_that_does_not_answer_the_test(helper, receiver):
    receiver.answers.append(500)
    with pytest.raises(DailyInvalidRequestError, match="did not answer the test"):
        await helper.create_webhook(receiver.url)


@pytest.mark.parametrize("status", [400, 403])
async def test_an_account_without_a_payment_card(status):
    choices = Choices(card_on_file=False, no_card_status=status)
    async with LocalDaily(choices=choices) as daily, helper_of(daily) as helper:
        with pytest.raises(DailyAPIError, match="only available to paid accounts") as caught:
            await helper.list_webhooks()
        assert (caught.value.status, caught.value.code) == (status, "invalid-plan-type")


async def test_which_requests_are_sent_again(local_daily, helper, receiver):
    local_daily.fail("POST", "/webhooks", drop="after")
    local_daily.fail("POST", "/webhooks/*", drop="after")
    local_daily.fail("DELETE", "/webhooks/*", drop="after")
    with pytest.raises(DailyConnectionError, match="Whether it took effect is unknown"):
        await helper.create_webhook(receiver.url)
    [made] = await helper.list_webhooks()
    updated = await helper.update_webhook(made.uuid, event_types=["meeting.ended"])
    assert updated.eventTypes == ["meeting.ended"]
    assert await helper.delete_webhook(made.uuid) is True
    assert [(each.method, each.status) for each in local_daily.requests] == [
        ("POST", None),
        ("GET", 200),
        ("POST", None),
        ("POST", 200),
        ("DELETE", None),
        ("DELETE", 404),
    ]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"url": "example.com/hook"}, "url must be a full URL"),
        ({"url": None}, "url must be a full URL"),
        ({"url": "http://[x"}, "url must be a full URL"),
        ({"hmac": "not base64!"}, "hmac must be base64"),
        ({"hmac": ""}, "hmac must be base64"),
        ({"hmac": b"AAAA="}, "hmac must be base64"),
        ({"retry_type": "never"}, "circuit-breaker, exponential"),
        ({"event_types": "joined"}, "event_types must be a list"),
        ({"event_types": ["joined"]}, "event_types must be a list"),
        ({"event_types": [None]}, "event_types must be a list"),
    ],
)
async def test_wrong_webhooks_are_not_sent(local_daily, helper, arguments, words):
    with pytest.raises(DailyConfigError, match=words) as caught:
        await helper.create_webhook(**{"url": "http://127.0.0.1/hook", **arguments})
    assert "not base64!" not in str(caught.value)
    if arguments.get("url", "") is not None:
        with pytest.raises(DailyConfigError, match=words):
            await helper.update_webhook("x", **arguments)
    assert local_daily.requests == []


async def test_secrets_are_masked_everywhere(local_daily, helper, receiver):
    quoting = f"hmac was '{SECRET}', basicAuth was '{PASSWORD}'"
    with Net() as net:
        made = await helper.create_webhook(receiver.url, hmac=SECRET, basic_auth=PASSWORD)
        assert (made.hmac, made.basicAuth) == (SECRET, PASSWORD)
        assert not leaks(f"{made!r} {made} {made.model_dump()}", SECRET, PASSWORD)
        local_daily.fail("POST", "/webhooks/*", status=400, info=quoting)
        local_daily.fail("POST", "/webhooks", status=400, info=quoting)
        for work in (
            helper.create_webhook(receiver.url, hmac=str(SECRET), basic_auth=str(PASSWORD)),
            helper.update_webhook(made.uuid, hmac=str(SECRET), basic_auth=str(PASSWORD)),
        ):
            with pytest.raises(DailyInvalidRequestError) as caught:
                await work
            error = caught.value
            net.tell(error)
            assert error.info == "hmac was '***', basicAuth was '***'"
            assert not leaks(f"{error} {error!r}", SECRET, PASSWORD)
        local_daily.fail("POST", "/webhooks", body={"hmac": SECRET})
        with pytest.raises(DailyResponseError) as unreadable:
            await helper.create_webhook(receiver.url, hmac=SECRET)
        net.tell(unreadable.value)
    assert not leaks(net.said, SECRET, PASSWORD)


async def test_answers_are_read_leniently(local_daily, helper):
    webhook = {"uuid": "w1", "state": 0, "failedCount": "many", "eventTypes": None, "new": {"a": 1}}
    local_daily.fail("GET", "/webhooks", body=[webhook])
    [read] = await helper.list_webhooks()
    assert (read.uuid, read.failedCount, read.eventTypes, read.new) == ("w1", "many", [], {"a": 1})
    for body in ({"data": []}, None):
        local_daily.fail("GET", "/webhooks", body=body)
        with pytest.raises(DailyResponseError, match="no list"):
            await helper.list_webhooks()
    for body in ([], {}, [webhook, webhook], {"uuid": ""}):
        local_daily.fail("GET", "/webhooks/*", body=body)
        with pytest.raises(DailyResponseError):
            await helper.get_webhook("w1")
