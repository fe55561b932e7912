# SPDX-License-Identifier: BSD-2-Clause
"""Calls that come in: Daily's request for a room, by raw requests and by a local Daily's own."""

import asyncio
import base64
import io
import json
import secrets
import sys
import time
from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from canary import Net, leaks
from pipecat_daily_rest import DailyConfigError, DailyRoomParams
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.models import DailyRoomProperties, DailyRoomSipParams
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.keys import Keys
from pipecat_daily_rest.server.phone import Phone
from pipecat_daily_rest.webhooks import sign
from serving import seen, served, until

pytestmark = pytest.mark.usefixtures("calls")

PHONED = Path(__file__).parent / "bots" / "phoned.py"
HMAC, OTHER = (base64.b64encode(each * 32).decode() for each in (b"a", b"b"))
CALL = {"To": "+14155550100", "From": "+12125550199", "callId": "c-1", "callDomain": "d-1"}
WEBHOOK = "/daily-dialin-webhook"
SIGNED = Phone(dialin_secrets=(HMAC,))


@pytest.fixture
async def web(serve):
    """Serves the bot, and gives what sends requests to it."""
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:

        async def web(phone=SIGNED, bot=PHONED, keys=Keys(), **options):  # noqa: B008 - frozen
            sessions = await serve(bot, **options)
            app = create_app(sessions, phone=phone, keys=keys)
            _, port = await stack.enter_async_context(served(app))

            async def send(data, path=WEBHOOK, hmac=HMAC, headers=None, now=None, method="POST"):
                raw = data if isinstance(data, bytes) else json.dumps(data).encode()
                given = sign(raw, secret=hmac, source="pinless", now=now) if hmac else {}
                url = f"http://127.0.0.1:{port}{path}"
                all_headers = {**given, **(headers or {})}
                async with session.request(
                    method, url, data=io.BytesIO(raw), headers=all_headers
                ) as response:
                    return response.status, json.loads(await response.read())

            send.port, send.sessions = port, sessions
            return send

        yield web


async def test_a_call_gets_a_sip_room_and_a_bot_that_knows_it(web, local_daily, calls):
    send = await web()
    status, answer = await send({**CALL, "sipHeaders": {"X-Desk": 7}})
    assert (status, list(answer)) == (200, ["dailyRoom", "dailyToken", "sessionId"])
    (room,) = local_daily.rooms.values()
    assert answer["dailyRoom"].endswith(f"/{room.name}")
    assert room.privacy == "private"
    assert room.config["sip_uri"]["endpoint"]
    assert "enable_dialout" not in room.config
    (made,) = [each for each in local_daily.requests if each.path.endswith("/rooms")]
    assert made.body["properties"]["sip"]["display_name"] == CALL["From"]
    assert made.body["properties"]["sip"]["num_endpoints"] == 1
    assert await seen(calls, answer["sessionId"]) == {
        "dialin_settings": {
            "call_id": "c-1",
            "call_domain": "d-1",
            "To": CALL["To"],
            "From": CALL["From"],
            "sip_headers": {"X-Desk": "7"},
        },
        "daily_api_key": local_daily.api_key,
        "daily_api_url": local_daily.api_url,
    }


@pytest.mark.parametrize(
    ("given", "shown"), [(None, "Caller"), (" \n\x1b[31mAna ", "[31mAna"), ("x" * 500, "x" * 100)]
)
async def test_a_callers_name(web, local_daily, given, shown):
    send = await web()
    assert (await send({**CALL, "From": given}))[0] == 200
    (made,) = [each for each in local_daily.requests if each.path.endswith("/rooms")]
    assert made.body["properties"]["sip"]["display_name"] == shown


async def test_how_rooms_are_called_is_the_owners_to_say(web, local_daily):
    sip = DailyRoomSipParams(num_endpoints=2, codecs={"audio": ["OPUS"]})
    params = DailyRoomParams(properties=DailyRoomProperties(sip=sip, enable_dialout=True))
    send = await web(params=params)
    assert (await send(CALL))[0] == 200
    (room,) = local_daily.rooms.values()
    assert len(room.config["sip_uri"]["extra_endpoints"]) == 1
    assert room.config["enable_dialout"]
    (made,) = [each for each in local_daily.requests if each.path.endswith("/rooms")]
    assert made.body["properties"]["sip"]["codecs"] == {"audio": ["OPUS"]}
    assert made.body["properties"]["sip"]["display_name"] == CALL["From"]


async def test_a_bot_of_a_call_may_dial_out_where_the_server_may(web, local_daily):
    send = await web(Phone(dialin_secrets=(HMAC,), dialout_prefixes=("+1",)))
    assert (await send(CALL))[0] == 200
    (room,) = local_daily.rooms.values()
    assert room.config["enable_dialout"]


async def test_a_repeated_call_is_the_same_session(web, local_daily):
    send = await web()
    answers = await asyncio.gather(*(send(CALL) for _ in range(5)))
    assert {json.dumps(each) for each in answers} == {json.dumps((200, answers[0][1]))}
    assert (await send({**CALL, "callId": "c-2"}))[1] != answers[0][1]
    assert (await send({**CALL, "callDomain": "d-2"}))[1]["sessionId"] != answers[0][1]["sessionId"]
    assert len(local_daily.rooms) == 3
    status, answer = await send({**CALL, "To": "+14155550101"})
    assert (status, answer["code"]) == (409, "idempotency-conflict")


async def test_nobody_elses_idempotency_key_is_a_calls(web, local_daily):
    send = await web()
    _, called = await send(CALL)
    key = send.sessions._history._keys_of[called["sessionId"]][1]
    start = {"createDailyRoom": True}
    _, started = await send(start, "/start", headers={"Idempotency-Key": str(key)})
    assert started["sessionId"] != called["sessionId"]


@pytest.mark.parametrize(
    ("more", "code"),
    [
        (lambda _: {"hmac": None}, "no-signature"),
        (lambda _: {"hmac": OTHER}, "wrong-signature"),
        (lambda now: {"now": now - 310}, "outside-window"),
        (lambda now: {"now": now + 400}, "outside-window"),
        (lambda _: {"headers": {"X-Pinless-Timestamp": "soon"}}, "bad-timestamp"),
        (lambda now: {"headers": {"X-Pinless-Timestamp": str(int(now) - 60)}}, "wrong-signature"),
    ],
)
async def test_what_daily_did_not_sign_just_now(web, local_daily, more, code):
    send = await web()
    status, answer = await send(CALL, **more(time.time()))
    assert (status, answer["code"]) == (401, code)
    assert not local_daily.rooms


async def test_each_number_has_its_own_secret(web, local_daily):
    send = await web(Phone(dialin_secrets=(OTHER, HMAC)))
    for number, hmac in enumerate((HMAC, OTHER)):
        assert (await send({**CALL, "callId": f"c-{number}"}, hmac=hmac))[0] == 200
    late = {"now": time.time() - 310}
    assert (await send(CALL, hmac=HMAC, **late))[1]["code"] == "outside-window"
    assert (await send(CALL, hmac=OTHER, **late))[1]["code"] == "outside-window"


@pytest.mark.parametrize(
    ("data", "status", "code"),
    [
        (b"{", 400, "invalid-call"),
        (b"[]", 400, "invalid-call"),
        ({**CALL, "callId": ""}, 400, "invalid-call"),
        ({**CALL, "callId": None}, 400, "invalid-call"),
        ({"callId": "c", "From": "+1"}, 400, "invalid-call"),
        ({**CALL, "pad": "x" * (1 << 20)}, 413, "413"),
    ],
)
async def test_what_is_no_call(web, local_daily, data, status, code):
    for phone, hmac in ((SIGNED, HMAC), (Phone(), None)):
        send = await web(phone)
        assert (await send(data, hmac=hmac))[0] == status
        assert (await send(data, hmac=hmac))[1]["code"] == code
    assert not local_daily.rooms


@pytest.mark.parametrize("phone", [SIGNED, Phone(), Phone(unsigned_dialin=True)])
async def test_dailys_probe(web, local_daily, phone):
    send = await web(phone)
    away = {"X-Forwarded-For": "203.0.113.9"}
    for probe in ({"test": "test"}, {"Test": "test"}, {"To": "+14155550100"}):
        for hmac in (HMAC, None):
            assert await send(probe, hmac=hmac, headers=away) == (200, {"status": "OK"})
    assert not local_daily.rooms
    assert not send.sessions.taken


FORWARDED = [
    {"X-Forwarded-For": "203.0.113.9"},
    {"Forwarded": "for=203.0.113.9"},
    {"X-Forwarded-For": "127.0.0.1"},
    {"X-Real-IP": "203.0.113.9"},
    {"X-Forwarded-Proto": "https"},
    {"CF-Connecting-IP": "203.0.113.9"},
    {"ngrok-trace-id": "1"},
]


async def test_without_a_secret_calls_come_from_this_machine_only(web, local_daily, said):
    send = await web(Phone())
    for headers in FORWARDED:
        status, answer = await send(CALL, hmac=None, headers=headers)
        assert (status, answer["code"]) == (403, "dialin-unsigned")
        assert "PIPECAT_DAILY_DIALIN_SECRET" in answer["info"]
    assert sum("A call was refused" in each["message"] for each in said) == len(FORWARDED)
    assert not local_daily.rooms
    assert (await send(CALL, hmac=None))[0] == 200
    send = await web(Phone(unsigned_dialin=True))
    assert (await send(CALL, hmac=None, headers=FORWARDED[0]))[0] == 200


async def test_the_name_under_which_a_tunnel_is_reached_is_not_this_machines(serve, local_daily):
    """An app of one's own has no guard of hosts before the router."""
    from fastapi import FastAPI

    from pipecat_daily_rest.server.router import session_router

    sessions = await serve(PHONED)
    app = FastAPI()
    app.include_router(session_router(sessions, phone=Phone()), prefix="/bots")
    async with served(app) as (_, port), aiohttp.ClientSession() as session:
        url = f"http://127.0.0.1:{port}/bots{WEBHOOK}"
        for headers in ({"Host": "tunnel.example"}, {"Origin": "https://evil.example"}):
            async with session.post(url, json=CALL, headers=headers) as response:
                assert response.status == 403
        async with session.post(url, json=CALL) as response:
            assert response.status == 200
    assert len(local_daily.rooms) == 1


async def test_pipecat_clouds_path_chooses_the_bot(web, local_daily, calls):
    send = await web(bot={"a": PHONED, "b": PHONED})
    for path, agent in (
        (WEBHOOK, "a"),
        ("/v1/public/webhooks/my-org/b/dialin", "b"),
    ):
        status, answer = await send({**CALL, "callId": agent}, path)
        assert status == 200, answer
        assert send.sessions.get(answer["sessionId"]).agent == agent
    status, answer = await send({**CALL, "callId": "c"}, "/v1/public/webhooks/o/c/dialin")
    assert (status, answer["code"]) == (404, "404")
    send = await web()
    assert (await send(CALL, "/v1/public/webhooks/o/any-name/dialin"))[0] == 200


async def test_a_call_for_which_daily_makes_no_room(web, local_daily):
    send = await web(max_sessions=1)
    local_daily.fail("POST", "/rooms", status=400)
    assert (await send(CALL))[0] == 500  # nobody's properties are at fault
    local_daily.fail("POST", "/rooms", status=403)
    assert (await send(CALL))[0] == 502
    assert not send.sessions.taken


async def test_a_full_server_refuses_a_call(web, local_daily, said):
    send = await web(max_sessions=1)
    assert (await send(CALL))[0] == 200
    status, answer = await send({**CALL, "callId": "c-2"})
    assert (status, answer["code"]) == (429, "PCC-AGENT-AT-CAPACITY")
    assert any("A call was refused: All 1 sessions" in each["message"] for each in said)
    await send.sessions.drain()
    assert (await send({**CALL, "callId": "c-3"}))[0] == 503


async def test_the_accounts_key_reaches_the_bot_and_nothing_else(monkeypatch, serve, web, calls):
    """It is in the body, by Pipecat's format: the bot prints it all, logs it, and raises it."""
    async with LocalDaily(api_key=secrets.token_hex(32)) as daily:
        for name, value in daily.env().items():
            monkeypatch.setenv(name, value)
        monkeypatch.delenv("DAILY_API_KEY")  # it is an argument, in no variable
        private = secrets.token_hex(16)
        with Net() as net:
            given = {"api_key": daily.api_key, "api_url": daily.api_url}
            send = await web(keys=Keys(private=(private,)), **given)
            answers = []
            for number, caller in enumerate(("+12125550199", "+12125550113")):
                call = {**CALL, "callId": f"c-{number}", "From": caller}
                answers.append((await send(call))[1])
                body = await seen(calls, answers[-1]["sessionId"])
                assert body["daily_api_key"] == daily.api_key
            (ended,) = [
                each for each in send.sessions.list() if each.id == answers[-1]["sessionId"]
            ]
            assert (await ended.wait()).reason == "error"
            answers.append(await send({**CALL, "callId": "c-0", "To": "+1"}))
            answers.append(await send({**CALL, "callId": "c-3"}, hmac=OTHER))
            daily.fail("POST", "/rooms", status=400)
            answers.append(await send({**CALL, "callId": "c-4"}))
            daily.fail("POST", "/rooms", status=403)
            answers.append(await send({**CALL, "callId": "c-5"}))
            owner = {"Authorization": f"Bearer {private}"}
            paths = ("/sessions", f"/sessions/{ended.id}", "/status", "/openapi.json")
            for path in paths:
                answers.append(await send(b"", path, headers=owner, method="GET"))
            net.show(*send.sessions.list(), SIGNED)
            await send.sessions.drain()
        assert "no line ***" in net.said
        for answer in answers[:2]:
            del answer["dailyToken"]  # which is due
        assert leaks(json.dumps(answers), daily.api_key, HMAC, private) == []
        assert leaks(net.said, daily.api_key, HMAC, private) == []


async def test_a_local_daily_calls_a_server(start, local_daily, helper, calls):
    """The probe, then the call: as Daily sends them, to the command."""
    hmac = base64.b64encode(secrets.token_bytes(32)).decode()
    env = {**local_daily.env(), "CALLS": str(calls), "PIPECAT_DAILY_DIALIN_SECRET": hmac}
    server = await start(
        *(sys.executable, "-m", "pipecat_daily_rest", "serve", PHONED, "--port", "0"),
        *("--log-level", "TRACE"),
        env=env,
    )
    url = await server.says(r"^(http://\S+)$")
    number = (await helper.buy_phone_number()).number
    await helper.create_dialin_config(
        phone_number=number, room_creation_api=f"{url}{WEBHOOK}", hmac=hmac
    )
    assert not local_daily.rooms  # the probe starts nothing
    phone = local_daily.dial_in(number)
    await until(lambda: list(calls.iterdir()))
    await until(lambda: phone.answer_status)
    assert phone.answer_status == 200
    (file,) = calls.iterdir()
    body = await seen(calls, file.name)
    assert body["dialin_settings"]["call_id"] == phone.id
    assert body["daily_api_key"] == local_daily.api_key
    server.signal()
    assert await server.ended() == 0
    assert not local_daily.rooms
    assert leaks(server.out + server.err, local_daily.api_key, hmac) == []


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"dialin_secrets": ("not base64!",)}, "must be base64"),
        ({"dialin_secrets": (HMAC,), "unsigned_dialin": True}, "Calls are signed or not"),
        ({"dialout_prefixes": ("415",)}, "'415' is no beginning of a number"),
        ({"dialout_prefixes": ("00",)}, "'00' is no beginning"),
        ({"dialout_sip": ("desk@example.com",)}, "is no SIP URI"),
        ({"dialout_sip": ("sip:*x@example.com",)}, "allows no SIP URI"),
        ({"dialout_sip": ("sip:a@example.com;transport=tls",)}, "allows no SIP URI"),
    ],
)
def test_settings_that_are_wrong_are_a_sentence(given, words):
    with pytest.raises(DailyConfigError, match=words) as caught:
        Phone(**given)
    assert "not base64" not in str(caught.value)


def test_settings_of_the_environment():
    env = {
        "PIPECAT_DAILY_DIALIN_SECRET": f"{HMAC}, {OTHER}",
        "PIPECAT_DAILY_DIALOUT_PREFIXES": "+1 415,+44",
        "PIPECAT_DAILY_DIALOUT_SIP": "SIP:desk@Example.com, sip:*@pbx.example:5061",
    }
    assert Phone.from_env(env) == Phone(
        dialin_secrets=(HMAC, OTHER),
        dialout_prefixes=("+1415", "+44"),
        dialout_sip=("sip:desk@example.com", "sip:*@pbx.example:5061"),
    )
    assert Phone.from_env({"PIPECAT_DAILY_NO_DIALIN_SECRET": "1"}).unsigned_dialin
    assert not Phone.from_env({}).dials_out
    assert repr(HMAC) not in repr(Phone.from_env(env))
