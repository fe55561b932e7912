# SPDX-License-Identifier: BSD-2-Clause
"""Switches of webhooks and calls that no other test sets."""

import aiohttp

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices

START = "/rooms/demo/dialOut/start"
CALL = {"phoneNumber": "+12125550123"}


def caller(daily):
    """Sends requests to the REST API; gives the status and the ``info`` of each response."""
    http = aiohttp.ClientSession(headers={"Authorization": f"Bearer {daily.api_key}"})

    async def call(method, path, json=None):
        async with http.request(method, daily.api_url + path, json=json) as response:
            return response.status, (await response.json()).get("info")

    return http, call


async def test_texts_of_webhooks(receiver):
    choices = Choices(
        max_webhooks=1,
        too_many_webhooks_info="not more than {limit}",
        webhook_failed_info="it failed",
    )
    async with LocalDaily(choices=choices) as daily:
        http, call = caller(daily)
        async with http:
            receiver.answers.append(500)
            refused = await call("POST", "/webhooks", {"url": receiver.url})
            assert refused == (400, "it failed")
            assert (await call("POST", "/webhooks", {"url": receiver.url}))[0] == 200
            refused = await call("POST", "/webhooks", {"url": receiver.url})
            assert refused == (400, "not more than 1")


async def test_the_pauses_of_a_webhook(receiver):
    choices = Choices(webhook_pauses=(7.0,))
    async with LocalDaily(choices=choices) as daily:
        http, call = caller(daily)
        async with http:
            hook = {"url": receiver.url, "retryType": "exponential"}
            hook["eventTypes"] = ["participant.joined"]
            assert (await call("POST", "/webhooks", hook))[0] == 200
            assert (await call("POST", "/rooms", {"name": "demo"}))[0] == 200
            receiver.answers.extend([500, 500])
            daily.join("demo")
            await daily.webhooks.settled()
            tries = [len(receiver.posts)]
            for seconds in (6, 2, 6, 2):  # the last pause holds for all further tries
                daily.advance(seconds)
                await daily.webhooks.settled()
                tries.append(len(receiver.posts))
            assert tries == [2, 2, 3, 3, 4]


async def test_the_number_and_the_texts_of_calls():
    choices = Choices(
        max_phone_sessions=2,
        too_many_phone_sessions_info="not more than {limit}",
        empty_room_info="nobody is there",
    )
    async with LocalDaily(choices=choices) as daily:
        http, call = caller(daily)
        async with http:
            body = {"name": "demo", "properties": {"enable_dialout": True}}
            assert (await call("POST", "/rooms", body))[0] == 200
            assert await call("POST", START, CALL) == (400, "nobody is there")
            daily.join("demo")
            assert [(await call("POST", START, CALL))[0] for _ in range(2)] == [200, 200]
            assert await call("POST", START, CALL) == (400, "not more than 2")
