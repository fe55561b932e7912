# SPDX-License-Identifier: BSD-2-Clause
"""examples/phone: the six bots behind a server, with the telephones in the test's hand."""

import base64
import json
import os
import secrets
from pathlib import Path

import aiohttp
import pytest

from pipecat_daily_rest.local.scripted.hearing import tone_level
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.phone import Phone
from serving import served, until

EXAMPLES = Path(__file__).parents[2] / "examples" / "phone"
OPERATOR, NUMBER = "+14155550101", "+14155550100"
GREETING, PLEASE_WAIT, BRIEFING, CONNECTED, SORRY, MESSAGE = 660, 520, 900, 1100, 330, 780


@pytest.fixture
async def server(serve, local_daily, helper, monkeypatch):
    """Serves a bot, and gives its sessions and what asks it to call a number."""
    monkeypatch.setenv("OPERATOR_NUMBER", OPERATOR)
    # The bots' processes get this one's path: there the stand-in for `daily` comes first.
    monkeypatch.syspath_prepend(local_daily.env()["PYTHONPATH"].split(os.pathsep)[0])
    hmac = base64.b64encode(secrets.token_bytes(32)).decode()
    phone = Phone(dialin_secrets=(hmac,), dialout_prefixes=("+1415",))
    servers = []

    async def server(name):
        sessions = await serve(EXAMPLES / f"{name}.py", launcher="process")
        servers.append(served(create_app(sessions, phone=phone)))
        _, port = await servers[-1].__aenter__()
        url = f"http://127.0.0.1:{port}"

        async def dial_out(**data):
            asked = {"phoneNumber": "+1 415 555 0100", **data}
            async with aiohttp.ClientSession() as session:
                async with session.post(f"{url}/dial-out", json=asked) as response:
                    assert response.status == 200, await response.text()
                    return sessions.get(json.loads(await response.read())["sessionId"])

        async def dial_in():
            number = (await helper.buy_phone_number()).number
            await helper.create_dialin_config(
                phone_number=number, room_creation_api=f"{url}/daily-dialin-webhook", hmac=hmac
            )
            call = local_daily.dial_in(number)
            caller = await call.connected(timeout=60)
            await caller.hears(GREETING, timeout=60)
            (session,) = sessions.list()
            return call, caller, session

        return dial_out if name in ("outbound", "busy_retry", "voicemail") else dial_in

    yield server
    for each in servers:
        await each.__aexit__(None, None, None)


async def rings(local_daily, number=1):
    """Wait until a bot has made so many calls, and give the last."""
    await until(lambda: len(local_daily.dialouts) == number)
    return local_daily.dialouts[-1]


async def ended(session, local_daily, reason="finished"):
    assert (await session.wait()).reason == reason, session.end
    assert not local_daily.rooms


async def test_a_call_comes_in(server, local_daily):
    call, caller, session = await (await server("inbound"))()
    assert caller.participant.user_name == call.from_
    caller.forget()
    call.press("5")
    await caller.hears(CONNECTED, timeout=60)
    call.hang_up()
    await ended(session, local_daily)


async def test_a_call_goes_out(server, local_daily):
    session = await (await server("outbound"))()
    call = await rings(local_daily)
    assert call.to == NUMBER
    call.answer()
    callee = await call.connected()
    await callee.hears(GREETING, timeout=60)
    call.hang_up()
    await ended(session, local_daily)


async def test_a_call_that_fails_ends_the_session(server, local_daily):
    session = await (await server("outbound"))()
    (await rings(local_daily)).fail()
    await ended(session, local_daily)


async def test_who_is_busy_is_called_again(server, local_daily):
    dial_out = await server("busy_retry")
    session = await dial_out(body={"pause": 0})
    for attempt in (1, 2):
        (await rings(local_daily, attempt)).fail("busy")
    call = await rings(local_daily, 3)
    call.answer()
    await (await call.connected()).hears(GREETING, timeout=60)
    call.hang_up()
    await ended(session, local_daily)
    session = await dial_out(body={"pause": 0})
    for attempt in (4, 5, 6):
        (await rings(local_daily, attempt)).fail("busy")
    await ended(session, local_daily)
    assert len(local_daily.dialouts) == 6


async def test_a_cold_transfer(server, local_daily):
    call, caller, session = await (await server("cold_transfer"))()
    call.press("0")
    assert await caller.left(timeout=60) == "leftCall"
    assert (call.state, call.transferred_to) == ("transferred", OPERATOR)
    await ended(session, local_daily)
    assert call.state == "transferred"  # it outlives the room


async def test_a_warm_transfer(server, local_daily):
    call, customer, session = await (await server("warm_transfer"))()
    call.press("0")
    await customer.hears(PLEASE_WAIT, timeout=60)
    (await rings(local_daily)).fail("busy")
    await customer.hears(SORRY, timeout=60)
    call.press("0")
    operators = await rings(local_daily, 2)
    assert operators.to == OPERATOR
    operators.answer()
    operator = await operators.connected()
    await operator.hears(BRIEFING, timeout=60)
    customer.tone(500)
    assert tone_level(customer.heard, BRIEFING) == 0
    operators.press("1")
    await customer.hears(CONNECTED, timeout=60)
    operator.tone(600)
    await customer.hears(600, timeout=60)
    customer.tone(500)
    await operator.hears(500, timeout=60)
    assert session.state == "running"  # the bot stays, for the room's sake
    call.hang_up()
    await ended(session, local_daily)
    assert operators.over


@pytest.mark.parametrize(("seconds", "hears"), [(1.0, GREETING), (4.0, MESSAGE)])
async def test_an_answering_machine(server, local_daily, seconds, hears):
    session = await (await server("voicemail"))()
    call = await rings(local_daily)
    call.answer()
    callee = await call.connected()
    callee.tone(440, seconds)
    await callee.hears(hears, timeout=60)
    if hears == GREETING:
        call.hang_up()
    await ended(session, local_daily)
    assert call.over
