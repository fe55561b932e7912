# SPDX-License-Identifier: BSD-2-Clause
"""Phone calls of the local Daily: dial-out, dial-in, transfers, numbers."""

import asyncio
import base64
import json
import time

import pytest

from helpers import asking
from pipecat_daily_rest import webhooks
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.webhooks import (
    CallProblem,
    CallTransferEvent,
    DialinCall,
    DialinEvent,
    DialinReady,
    DialoutEvent,
    WebhookProbe,
)
from receiver import read

SECRET = base64.b64encode(b"sixteen bytes...").decode()
NUMBER = "+12125550123"
START = "/rooms/demo/dialOut/start"
INVALID = "invalid-request-error"
OF_CALLS = [
    *(f"dialout.{what}" for what in ("connected", "answered", "stopped", "error")),
    *(f"dialin.{what}" for what in ("ready", "connected", "stopped")),
    *(f"calltransfer.{what}" for what in ("triggered", "initiated", "answered", "completed")),
]


@pytest.fixture
def told(call, receiver, local_daily):
    """Creates a webhook for calls, and gives the events that it got."""

    async def told():
        if not local_daily.webhooks.all:
            body = {"url": f"{receiver.url}/events", "hmac": SECRET, "eventTypes": OF_CALLS}
            assert (await call("POST", "/webhooks", body))[0] == 200
        await local_daily.webhooks.settled()
        posts = [post for post in receiver.posts if post.path == "/events"][1:]
        return [read(post, secret=SECRET) for post in posts]

    return told


async def room(call, name="demo", **properties):
    status, made = await call("POST", "/rooms", {"name": name, "properties": properties})
    assert status == 200, made
    return made


async def dialled(call, daily, **body):
    """Dial out of a room with somebody in it."""
    status, answer = await call("POST", START, {"phoneNumber": NUMBER, **body})
    assert status == 200, answer
    assert answer.keys() == {"ok", "sessionId"}
    made = daily.dialouts[-1]
    assert made.session_id == answer["sessionId"]
    return made


async def posted(http, daily, path, body):
    async with http.post(daily.api_url + path, json=body) as response:
        return response.status, await response.json()


# -- Out -----------------------------------------------------------------------------------------


async def test_a_call_out(call, local_daily, told):
    await told()
    await room(call, enable_dialout=True)
    bot = local_daily.join("demo", user_name="Bot")
    phone = await dialled(call, local_daily, userId="u1", displayName="The customer")
    assert (phone.state, phone.to) == ("ringing", NUMBER)
    joined = await bot.event("participant-joined")
    info = joined["participant"]["info"]
    assert joined["participant"]["id"] == phone.session_id
    assert (info["userName"], info["userId"], info["isOwner"]) == ("The customer", "u1", False)
    phone.answer()
    phone.answer()
    assert phone.state == "connected"
    assert await phone.connected() is phone.person
    phone.hang_up()
    phone.hang_up()
    assert (phone.state, await phone.ended()) == ("ended", "")
    assert (await bot.event("participant-left"))["participant"]["id"] == phone.session_id
    events = await told()
    assert [event.type for event in events] == [
        "dialout.connected",
        "dialout.answered",
        "dialout.stopped",
    ]
    for event in events:
        assert isinstance(event, DialoutEvent)
        assert event.payload.session_id == phone.session_id
        assert (event.payload.room, event.payload.user_id) == ("demo", "u1")
        assert event.payload.destination == NUMBER
        assert event.payload.domain_id == local_daily.state.domain.id
        assert event.payload.timestamp == pytest.approx(time.time(), abs=300)
    heard = [event["event"] for event in bot.events if event["event"].startswith("dialout-")]
    assert heard == ["dialout-connected", "dialout-answered", "dialout-stopped"]


async def test_phone_and_bot_hear_each_other(call, local_daily):
    await room(call, enable_dialout=True)
    bot = local_daily.join("demo")
    phone = await dialled(call, local_daily)
    phone.answer()
    phone.person.tone(500)
    await bot.hears(500)
    bot.tone(900)
    await phone.person.hears(900)


async def test_a_call_by_sip(call, local_daily):
    await room(call, enable_dialout=True)
    local_daily.join("demo")
    uri = "sip:ana@example.com?X-order=5"
    body = {
        "sipUri": uri,
        "video": True,
        "videoSettings": {"fps": 30},
        "codecs": {"audio": ["OPUS"]},
    }
    assert (await call("POST", START, body))[0] == 200
    [phone] = local_daily.dialouts
    assert phone.to == uri
    assert phone.person.participant.user_name == "ana"


async def test_a_number_that_is_not_answered(call, local_daily, told):
    await told()
    await room(call, enable_dialout=True)
    bot = local_daily.join("demo")
    phone = await dialled(call, local_daily)
    assert repr(phone) == f"<DialOut to {phone.to!r}, ringing>"
    phone.fail("busy")
    assert repr(phone) == f"<DialOut to {phone.to!r}, failed (busy)>"
    assert (phone.state, phone.reason) == ("failed", "busy")
    with pytest.raises(ConnectionError, match="busy"):
        await phone.connected()
    last = (await told())[-1]
    assert isinstance(last, CallProblem)
    assert (last.type, last.payload.error_msg) == ("dialout.error", "busy")
    assert last.payload.session_id == phone.session_id
    assert [event.type for event in await told()] == ["dialout.connected", "dialout.error"]
    error = await bot.event("dialout-error")
    assert error["data"]["errorMsg"] == "busy"
    assert len(local_daily.rooms["demo"].participants) == 1


async def test_a_room_without_dial_out(call, local_daily):
    await room(call)
    local_daily.join("demo")
    status, body = await call("POST", START, {"phoneNumber": NUMBER})
    info = "dial-out not enabled for room. add enable_dialout property to room"
    assert (status, body) == (400, {"error": INVALID, "info": info})


async def test_dial_out_from_an_empty_room_needs_allow_room_start(call, local_daily):
    await room(call, enable_dialout=True)
    status, body = await call("POST", START, {"phoneNumber": NUMBER})
    assert (status, "allow_room_start" in body["info"]) == (400, True)
    await call("DELETE", "/rooms/demo")
    await room(call, enable_dialout=True, dialout_config={"allow_room_start": True})
    phone = await dialled(call, local_daily)
    local_daily.advance(3600)
    assert phone.state == "ringing"
    bot = local_daily.join("demo")
    phone.answer()
    bot.leave()
    await phone.ended()  # the last participant who was not a phone has left


async def test_a_phone_alone_in_the_room(call, local_daily):
    config = {"allow_room_start": True, "max_idle_timeout_sec": 60}
    await room(call, enable_dialout=True, dialout_config=config)
    phone = await dialled(call, local_daily)
    local_daily.advance(50)
    bot = local_daily.join("demo")
    local_daily.advance(50)
    assert phone.state == "ringing"
    phone.answer()
    bot.leave()
    local_daily.advance(50)
    assert phone.state == "connected"
    local_daily.advance(11)
    assert phone.state == "ended"
    assert local_daily.rooms["demo"].participants == {}


async def test_a_room_has_a_limit_of_calls(call, local_daily):
    await room(call, enable_dialout=True)
    local_daily.join("demo")
    phones = [await dialled(call, local_daily) for _ in range(5)]
    status, body = await call("POST", START, {"phoneNumber": NUMBER})
    assert (status, "5" in body["info"]) == (400, True)
    phones[2].hang_up()
    await dialled(call, local_daily)


@pytest.mark.parametrize(
    ("choices", "number", "words"),
    [
        (
            Choices(dialout_to_numbers=False),
            NUMBER,
            "dial-out to PhoneNumber is not enabled for domain. "
            "Contact support to enable it for your domain",
        ),
        (
            Choices(dialout_abroad=False),
            "+493012345678",
            "International dialout not supported. Contact sales to enable it for your domain",
        ),
    ],
)
async def test_calls_that_the_domain_may_not_make(choices, number, words):
    async with LocalDaily(choices=choices) as daily, asking(daily) as http:
        properties = {"enable_dialout": True}
        await posted(http, daily, "/rooms", {"name": "demo", "properties": properties})
        daily.join("demo")
        status, body = await posted(http, daily, START, {"phoneNumber": number})
        assert (status, body["info"]) == (400, words)
        assert (await posted(http, daily, START, {"sipUri": "sip:a@b.example"}))[0] == 200


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "missing"),
        ({"phoneNumber": NUMBER, "sipUri": "sip:a@b.c"}, "missing"),
        ({"phoneNumber": "030 1234"}, "phoneNumber was '030 1234'"),
        ({"sipUri": "a@b.c"}, "sip:"),
        ({"phoneNumber": NUMBER, "extension": "1" * 21}, "1 to 20"),
        ({"phoneNumber": NUMBER, "waitBeforeExtensionDialSec": 61}, "from 0 to 60"),
        ({"phoneNumber": NUMBER, "userId": "u" * 37}, "36"),
        ({"phoneNumber": NUMBER, "callerId": "nobody"}, "callerId nobody"),
        ({"phoneNumber": NUMBER, "phone_number": NUMBER}, "unknown property"),
        ({"sipUri": "sip:a@b.c", "videoSettings": {"fps": 31}}, "from 1 to 30"),
        ({"sipUri": "sip:a@b.c", "codecs": {"audio": ["MP3"]}}, "OPUS"),
    ],
)
async def test_wrong_requests_for_a_call(call, local_daily, body, words):
    await room(call, enable_dialout=True)
    local_daily.join("demo")
    status, answer = await call("POST", START, body)
    assert (status, words in answer["info"]) == (400, True)
    assert local_daily.dialouts == []


async def test_an_unknown_and_a_full_room(call, local_daily):
    assert (await call("POST", START, {"phoneNumber": NUMBER}))[0] == 404
    await room(call, enable_dialout=True, max_participants=1)
    local_daily.join("demo")
    status, body = await call("POST", START, {"phoneNumber": NUMBER})
    assert (status, "full" in body["info"]) == (400, True)


async def test_a_private_room_accepts_a_phone(call, local_daily):
    properties = {"enable_dialout": True, "dialout_config": {"allow_room_start": True}}
    await call("POST", "/rooms", {"name": "demo", "privacy": "private", "properties": properties})
    await dialled(call, local_daily)


async def test_the_end_of_the_room_is_the_end_of_the_call(call, local_daily, told):
    await told()
    await room(call, enable_dialout=True)
    local_daily.join("demo")
    phone = await dialled(call, local_daily)
    await call("DELETE", "/rooms/demo")
    assert (phone.state, phone.person.left_reason) == ("ended", "room-deleted")
    assert (await told())[-1].type == "dialout.stopped"


async def test_tones_reach_the_phone(call, local_daily):
    await room(call, enable_dialout=True)
    local_daily.join("demo")
    phone = await dialled(call, local_daily)
    path = "/rooms/demo/dialOut/sendDTMF"
    id = phone.session_id
    body = {"sessionId": id, "tones": "12*#A", "digitDurationMs": 50}
    status, answer = await call("POST", path, body)
    assert (status, answer["sessionId"]) == (200, id)
    assert (await call("POST", path, {"sessionId": id, "tones": "9"}))[0] == 200
    assert phone.tones == ["12*#A", "9"]
    for wrong in (
        {"tones": "1" * 21},
        {"tones": ""},
        {"tones": "abc"},
        {"tones": "1", "digitDurationMs": 49},
        {"tones": "1", "digitDurationMs": 2001},
        {},
    ):
        assert (await call("POST", path, {"sessionId": id, **wrong}))[0] == 400
    assert (await call("POST", path, {"tones": "1"}))[0] == 400
    assert phone.tones == ["12*#A", "9"]


async def test_stopping_a_call(call, local_daily):
    await room(call, enable_dialout=True)
    bot = local_daily.join("demo")
    phone = await dialled(call, local_daily)
    path = "/rooms/demo/dialOut/stop"
    body = {"sessionId": phone.session_id}
    assert await call("POST", path, body) == (200, {"status": "sent"})
    assert phone.state == "ended"
    status, answer = await call("POST", path, body)
    assert (status, answer["error"]) == (404, "not-found")
    assert (await call("POST", path, {"sessionId": bot.id}))[0] == 404  # the bot is not a phone
    assert (await call("POST", path, {}))[0] == 400


# -- Transfers -----------------------------------------------------------------------------------


async def test_a_call_is_transferred(call, local_daily, told):
    await told()
    await room(call, enable_dialout=True)
    local_daily.join("demo")
    phone = await dialled(call, local_daily)
    phone.answer()
    meeting = local_daily.rooms["demo"].meeting_id
    body = {"sessionId": phone.session_id, "toEndPoint": "+12125550177", "extension": "12"}
    assert (await call("POST", "/rooms/demo/sipCallTransfer", body))[0] == 200
    assert (phone.state, phone.transferred_to) == ("transferred", "+12125550177")
    assert len(local_daily.rooms["demo"].participants) == 1
    phone.answer()
    phone.hang_up()
    assert await phone.ended() == ""
    events = (await told())[2:]
    assert [event.type.partition(".")[2] for event in events] == [
        "triggered",
        "initiated",
        "answered",
        "completed",
    ]
    for event in events:
        assert isinstance(event, CallTransferEvent)
        assert event.payload.session_id == phone.session_id
        assert event.payload.mtg_session_id == meeting
        assert (event.payload.to_endpoint, event.payload.from_endpoint) == ("+12125550177", NUMBER)
    assert [event.payload.is_sip_refer for event in events] == [False, False, None, None]


async def test_no_event_follows_a_refer(call, local_daily, told):
    await told()
    await room(call, enable_dialout=True)
    local_daily.join("demo")
    phone = await dialled(call, local_daily)
    body = {"sessionId": phone.session_id, "toEndPoint": "sip:agent@example.com"}
    assert (await call("POST", "/rooms/demo/sipRefer", body))[0] == 200
    phone.answer()
    phone.hang_up()
    events = (await told())[1:]
    assert [(e.type, e.payload.is_sip_refer) for e in events] == [
        ("calltransfer.triggered", True),
        ("calltransfer.initiated", True),
    ]
    for path in ("sipRefer", "sipCallTransfer"):
        assert (await call("POST", f"/rooms/demo/{path}", body))[0] == 404
        wrong = {**body, "toEndPoint": "somewhere"}
        assert (await call("POST", f"/rooms/demo/{path}", wrong))[0] == 400
        assert (await call("POST", f"/rooms/demo/{path}", {"sessionId": "x"}))[0] == 400


# -- In ------------------------------------------------------------------------------------------


@pytest.fixture
def answering(call, receiver):
    """Creates a dial-in configuration, and drops the test request to its endpoint."""

    async def answering(**more):
        body = {
            "type": "pinless_dialin",
            "room_creation_api": f"{receiver.url}/calls",
            "name_prefix": "support",
            "hmac": SECRET,
            "phone_number": (await call("POST", "/buy-phone-number", {}))[1]["number"],
            **more,
        }
        status, config = await call("POST", "/domain-dialin-config", body)
        assert status == 200, config
        post = await receiver.next()
        assert webhooks.read_dialin(post.body, post.headers, secret=SECRET) == WebhookProbe(
            Test="test"
        )
        return config

    return answering


def incoming(post):
    got = webhooks.read_dialin(post.body, post.headers, secret=SECRET)
    assert isinstance(got, DialinCall)
    return got


def connecting(got, uri):
    return {"callId": got.call_id, "callDomain": got.call_domain, "sipUri": uri}


UPDATE = "/dialin/pinlessCallUpdate"
SIP = {"display_name": "Caller", "sip_mode": "dial-in", "num_endpoints": 2}


async def test_a_call_in(call, local_daily, receiver, answering, told):
    await told()
    await receiver.next()
    config = await answering()
    number = config["config"]["phone_number"]
    headers = {"X-order": "5"}
    phone = local_daily.dial_in(number, from_="+12125550111", sip_headers=headers)
    post = await receiver.next()
    assert len(post.headers["X-Pinless-Timestamp"]) == 13
    got = incoming(post)
    assert (got.To, got.From, got.sip_headers) == (number, "+12125550111", headers)
    assert (got.call_id, got.call_domain) == (phone.id, phone.domain)
    assert (phone.state, phone.room) == ("on-hold", None)

    made = await room(call, sip=SIP)
    uris = made["config"]["sip_uri"]
    bot = local_daily.join("demo")
    ready = [(await bot.event("dialin-ready"))["sipEndpoint"] for _ in range(2)]
    assert ready == [f"sip:{uris['endpoint']}", f"sip:{uris['extra_endpoints'][0]}"]
    assert (await call("POST", UPDATE, connecting(got, ready[0])))[0] == 200
    caller = await phone.connected()
    assert caller.id == phone.session_id
    assert phone.room is local_daily.rooms["demo"]
    assert caller.participant.user_name == "+12125550111"
    caller.tone(500)
    await bot.hears(500)
    phone.hang_up()
    assert await phone.ended() == ""

    events = await told()
    assert [type(event) for event in events] == [
        DialinReady,
        DialinReady,
        DialinEvent,
        DialinEvent,
    ]
    assert [event.payload.sip_endpoint for event in events[:2]] == ready
    connected, stopped = events[2:]
    assert (connected.type, stopped.type) == ("dialin.connected", "dialin.stopped")
    assert connected.payload.session_id == stopped.payload.session_id == caller.id
    assert (connected.payload.sip_from, connected.payload.room) == ("+12125550111", "demo")
    assert connected.payload.sip_headers == headers
    assert connected.payload.display_name == "+12125550111"
    assert [
        entry.what for entry in local_daily.state.log.entries if entry.what.startswith("dialin")
    ] == [
        "dialin ready",
        "dialin ready",
        "dialin connected",
        "dialin stopped",
    ]


async def test_a_call_is_connected_once_and_only_with_its_own_ids(
    call, local_daily, receiver, answering
):
    config = await answering()
    phone = local_daily.dial_in(config["config"]["phone_number"])
    got = incoming(await receiver.next())
    uri = (await room(call, sip=SIP))["config"]["sip_uri"]["endpoint"]
    local_daily.join("demo")
    right = connecting(got, uri)
    for wrong in ({"callId": "x"}, {"callDomain": "x"}):
        status, body = await call("POST", UPDATE, {**right, **wrong})
        assert (status, body["error"]) == (404, "not-found")
    for wrong in ({"sipUri": "sip:other@example.com"}, {"sipUri": None}, {"callId": None}):
        assert (await call("POST", UPDATE, {**right, **wrong}))[0] == 400
    assert phone.state == "on-hold"
    named = {**right, "sipUri": f"sip:{uri}?x-daily_display_name=Ana%20B"}
    assert (await call("POST", UPDATE, named))[0] == 200
    assert phone.person.participant.user_name == "Ana B"
    assert (await call("POST", UPDATE, right))[0] == 404


async def test_a_room_accepts_calls_once_somebody_is_in(call, local_daily, receiver, answering):
    config = await answering()
    phone = local_daily.dial_in(config["config"]["phone_number"])
    got = incoming(await receiver.next())
    uri = (await room(call, sip=SIP))["config"]["sip_uri"]["endpoint"]
    status, body = await call("POST", UPDATE, connecting(got, uri))
    assert (status, "dialin-ready" in body["info"]) == (400, True)
    assert phone.state == "on-hold"
    local_daily.join("demo")
    assert (await call("POST", UPDATE, connecting(got, uri)))[0] == 200


async def test_a_room_that_accepts_calls_at_once():
    async with LocalDaily(choices=Choices(sip_needs_session=False)) as daily:
        async with asking(daily) as http:
            body = {"name": "demo", "properties": {"sip": SIP}}
            _, made = await posted(http, daily, "/rooms", body)
        phone = daily.dial_in(made["config"]["sip_uri"]["endpoint"])
        assert phone.state == "connected"


async def test_a_room_that_has_enough_calls(call, local_daily):
    uri = (await room(call, sip=SIP))["config"]["sip_uri"]["endpoint"]
    local_daily.join("demo")
    assert [local_daily.dial_in(uri).state for _ in range(6)] == ["connected"] * 5 + ["failed"]


async def test_a_room_is_called_by_its_own_sip_uri(call, local_daily):
    uri = (await room(call, sip=SIP))["config"]["sip_uri"]["extra_endpoints"][0]
    early = local_daily.dial_in(uri)
    assert (early.state, "nobody is in room demo" in early.reason) == ("failed", True)
    local_daily.join("demo")
    phone = local_daily.dial_in(f"sip:{uri}", from_="sip:ana@example.com")
    assert (await phone.connected()).participant.user_name == "sip:ana@example.com"
    await call("DELETE", "/rooms/demo")
    assert phone.state == "ended"
    with pytest.raises(DailyConfigError, match="Nobody has the number"):
        local_daily.dial_in(uri)


async def test_each_name_of_a_configuration_reaches_it(local_daily, receiver, answering):
    config = await answering()
    fields = config["config"]
    names = [config["id"], *(fields[n] for n in ("sip_uri", "name_prefix", "room_creation_api"))]
    for name in names:
        phone = local_daily.dial_in(name, to="+18005550100")
        assert incoming(await receiver.next()).call_id == phone.id
        assert phone.to == "+18005550100"
    with pytest.raises(DailyConfigError, match="domain-dialin-config"):
        local_daily.dial_in("+15005550100")


@pytest.mark.parametrize(("answer", "words"), [(500, "answered 500"), (307, "answered 307")])
async def test_an_endpoint_that_fails_loses_the_caller(
    local_daily, receiver, answering, answer, words
):
    await answering()
    receiver.answers.append(answer)
    phone = local_daily.dial_in("support")
    assert words in await phone.ended()
    assert (phone.state, phone.answer_status) == ("failed", answer)
    with pytest.raises(ConnectionError, match=words):
        await phone.connected()


async def test_an_endpoint_that_connects_before_it_answers(call, local_daily, receiver, answering):
    await answering()
    uri = (await room(call, sip=SIP))["config"]["sip_uri"]["endpoint"]
    local_daily.join("demo")
    receiver.answers.append("hang")
    phone = local_daily.dial_in("support")
    got = incoming(await receiver.next())
    assert (await call("POST", UPDATE, connecting(got, uri)))[0] == 200
    await phone.connected()
    receiver.release()


async def test_a_caller_does_not_wait_for_ever(local_daily, receiver, answering):
    await answering()
    phone = local_daily.dial_in("support")
    await receiver.next()
    local_daily.advance(80)
    assert phone.state == "on-hold"
    local_daily.advance(41)
    assert (phone.state, phone.reason) == ("failed", "no pinlessCallUpdate connected it in time")
    patient = local_daily.dial_in("support")
    patient.hang_up()
    assert patient.state == "ended"
    with pytest.raises(ConnectionError):
        await patient.connected()


async def test_waiting_for_a_call_has_an_end(local_daily, receiver, answering):
    await answering()
    phone = local_daily.dial_in("support")
    with pytest.raises(TimeoutError, match="on-hold"):
        await phone.connected(timeout=0.01)
    waiting = asyncio.create_task(phone.ended())
    await receiver.next()
    phone.hang_up()
    assert await waiting == ""


async def test_the_end_of_the_local_daily_does_not_wait_for_an_endpoint(receiver):
    async with LocalDaily() as daily, asking(daily) as http:
        url = f"{receiver.url}/calls"
        body = {"type": "pinless_dialin", "name_prefix": "x", "room_creation_api": url}
        assert (await posted(http, daily, "/domain-dialin-config", body))[0] == 200
        await receiver.next()
        receiver.answers.append("hang")
        daily.dial_in("x")
        await receiver.next()
    assert len(receiver.posts) == 2


# -- Dial-in configurations ----------------------------------------------------------------------

CONFIG = "/domain-dialin-config"


async def test_configurations_are_created_updated_listed_and_deleted(
    call, local_daily, receiver, answering
):
    pinless = await answering(hmac=SECRET, timeout_config={"message": "later"})
    fields = pinless["config"]
    assert pinless["type"] == "pinless_dialin"
    assert fields["hmac"] == SECRET
    assert fields["timeout_config"] == {"message": "later"}
    assert "@" in fields["sip_uri"]
    number = (await call("POST", "/buy-phone-number", {}))[1]["number"]
    body = {"type": "pin_dialin", "phone_number": number, "ivr_greeting": {"message": "Hi"}}
    pin = (await call("POST", CONFIG, body))[1]
    assert pin["config"] == {"sip_uri": None, **{k: v for k, v in body.items() if k != "type"}}
    assert await call("GET", f"{CONFIG}/{pin['id']}") == (200, pin)
    everything = {"total_count": 2, "data": [pin, pinless]}
    assert await call("GET", CONFIG) == (200, everything)
    user = fields["sip_uri"].partition("@")[0]
    for query, found in (
        ({"type": "pin_dialin"}, [pin]),
        ({"phone_number": number}, [pin]),
        ({"name_prefix": "support"}, [pinless]),
        ({"phone_numbers": f"{number[3:]},777"}, [pin]),
        ({"sip_username": user}, [pinless]),
        ({"limit": "1"}, [pin]),
        ({"starting_after": pin["id"]}, [pinless]),
    ):
        assert (await call("GET", CONFIG, params=query))[1]["data"] == found, query
    path = f"{CONFIG}/{pinless['id']}"
    status, updated = await call("PUT", path, {"name_prefix": "sales"})
    assert status == 200
    assert updated == {**pinless, "config": {**fields, "name_prefix": "sales"}}
    new = f"{receiver.url}/new"
    await call("PUT", path, {"room_creation_api": new, "phone_number": fields["phone_number"]})
    assert (await receiver.next()).path == "/new"
    assert await call("DELETE", path) == (200, {"status": "ok"})
    for method in ("GET", "PUT", "DELETE"):
        status, body = await call(method, path)
        assert (status, body["error"]) == (404, "not-found")


async def test_a_secret_is_generated(call, receiver):
    url = f"{receiver.url}/calls"
    body = {"type": "pinless_dialin", "room_creation_api": url}
    status, config = await call("POST", CONFIG, body)
    assert status == 200
    secret = config["config"]["hmac"]
    assert len(base64.b64decode(secret, validate=True)) == 32
    post = await receiver.next()
    webhooks.verify(post.body, post.headers, secret=secret, source="pinless")
    assert json.loads(post.body) == {"Test": "test"}


@pytest.mark.parametrize("keeps", [True, False])
async def test_an_update_without_a_secret(receiver, keeps):
    choices = Choices(dialin_update_keeps_hmac=keeps, dialin_probe=None)
    async with LocalDaily(choices=choices) as daily, asking(daily) as http:
        body = {"type": "pinless_dialin", "room_creation_api": receiver.url, "hmac": SECRET}
        _, config = await posted(http, daily, CONFIG, body)
        url = f"{daily.api_url}{CONFIG}/{config['id']}"
        async with http.put(url, json={"name_prefix": "x"}) as response:
            after = (await response.json())["config"]["hmac"]
    assert (after == SECRET) is keeps
    assert receiver.posts == []


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({}, "missing"),
        ({"type": "other"}, "pin_dialin, pinless_dialin"),
        ({"phone_number": "5"}, "E.164"),
        ({"phone_number": "+12125550199"}, "12125550199 not associated with domain: local"),
        ({"hmac": "not base64!"}, "base64"),
        ({"room_creation_api": "https://example.com/api"}, "this machine"),
        ({"timeout_config": {"massage": "x"}}, "unknown property 'timeout_config.massage'"),
        ({"sip_uri": "x"}, "unknown property 'sip_uri'"),
    ],
)
async def test_wrong_configurations(call, receiver, body, words):
    body = {"type": "pinless_dialin", **body} if body else {}
    status, answer = await call("POST", CONFIG, body)
    assert (status, words in answer["info"]) == (400, True)
    assert "not base64!" not in answer["info"]
    assert (await call("GET", CONFIG))[1]["total_count"] == 0


async def test_a_number_has_one_configuration(call, answering):
    config = await answering()
    number = config["config"]["phone_number"]
    status, body = await call("POST", CONFIG, {"type": "pin_dialin", "phone_number": number})
    assert (status, number in body["info"]) == (400, True)


async def test_a_number_may_be_required():
    async with LocalDaily(choices=Choices(dialin_needs_number=True)) as daily:
        async with asking(daily) as http:
            assert (await posted(http, daily, CONFIG, {"type": "pinless_dialin"}))[0] == 400
            assert (await posted(http, daily, CONFIG, {"type": "pin_dialin"}))[0] == 200


# -- Numbers -------------------------------------------------------------------------------------

AVAILABLE = "/list-available-numbers"


async def test_numbers_that_can_be_bought(call):
    async def found(**query):
        status, body = await call("GET", AVAILABLE, params=query)
        assert status == 200, body
        assert body["total_count"] == len(body["data"])
        return {each["phoneNumber"]: each["region"] for each in body["data"]}

    everything = await found()
    assert len(everything) == 40
    assert set(everything.values()) == {"CA", "FL", "NY", "TX"}
    assert set((await found(region="CA")).values()) == {"CA"}
    assert all(number.startswith("+1212") for number in await found(areacode="212"))
    assert len(await found(region="TX", city="Austin")) == 10
    assert len(await found(starts_with="305555")) == 10
    assert len(await found(ends_with="0107")) == 4
    assert len(await found(contains="5550109")) == 4
    assert await found(areacode="999") == {}


@pytest.mark.parametrize(
    "query",
    [
        {"areacode": "212", "region": "CA"},
        {"city": "Austin"},
        {"region": "TX", "city": "Austin", "contains": "555"},
        {"starts_with": "555", "ends_with": "555"},
        {"contains": "55"},
        {"contains": "12345678"},
        {"contains": "abc"},
    ],
)
async def test_search_terms_that_exclude_each_other(call, query):
    status, body = await call("GET", AVAILABLE, params=query)
    assert (status, body) == (400, {"error": "validation-error", "info": "invalid path parameter"})


async def test_numbers_are_bought_once_and_kept_for_14_days(call, local_daily):
    status, bought = await call("POST", "/buy-phone-number", {"number": "+12125550104"})
    assert (status, bought["number"]) == (200, "+12125550104")
    any_status, other = await call("POST", "/buy-phone-number")
    assert (any_status, other["number"][:5]) == (200, "+1415")
    for taken in ("+12125550104", "+19995550100", "five"):
        status, body = await call("POST", "/buy-phone-number", {"number": taken})
        assert status == 422
        assert body["status"] == 422
        assert body["errors"][0]["detail"] == "Number is invalid."
    _, listed = await call("GET", "/purchased-phone-numbers")
    assert [each["id"] for each in listed["data"]] == [other["id"], bought["id"]]
    assert listed["total_count"] == 2
    assert (listed["data"][0]["status"], listed["data"][0]["verified"]) == ("verified", True)
    filtered = await call("GET", "/purchased-phone-numbers", params={"filter_number": "5550104"})
    assert [each["id"] for each in filtered[1]["data"]] == [bought["id"]]
    path = f"/release-phone-number/{bought['id']}"
    status, body = await call("DELETE", path)
    assert (status, body) == (422, {"error": "Failed to release new number, try again in 14 days"})
    local_daily.advance(14 * 86_400)
    assert await call("DELETE", path) == (200, {"status": "ok"})
    assert (await call("DELETE", path))[0] == 404


async def test_the_called_phone_sees_the_bought_number(call, local_daily, told):
    await told()
    _, bought = await call("POST", "/buy-phone-number")
    await room(call, enable_dialout=True)
    local_daily.join("demo")
    await dialled(call, local_daily, callerId=bought["id"])
    payload = (await told())[0].payload
    assert (payload.origin, payload.caller_id) == (bought["number"], bought["id"])


# -- Unconfirmed points --------------------------------------------------------------------------


@pytest.mark.parametrize("decides", [True, False])
@pytest.mark.parametrize("answer", [500, 404, 204, "nobody"])
async def test_a_dialin_config_whose_endpoint_fails_the_test(receiver, decides, answer):
    refused = decides and answer != "nobody"
    choices = Choices(dialin_probe_decides=decides)
    async with LocalDaily(choices=choices) as daily, asking(daily) as http:
        fine = {"type": "pinless_dialin", "room_creation_api": receiver.url, "name_prefix": "x"}
        _, config = await posted(http, daily, CONFIG, fine)
        url = f"{daily.api_url}{CONFIG}"
        wrong = receiver.url + "/wrong" if answer != "nobody" else "http://127.0.0.1:9/"
        if answer != "nobody":
            receiver.answers.extend((answer, answer))
        status, made = await posted(http, daily, CONFIG, {**fine, "room_creation_api": wrong})
        if refused:
            assert (status, made["error"]) == (400, "invalid-request-error")
            assert "the test request" in made["info"]
        else:
            assert (status, made["config"]["room_creation_api"]) == (200, wrong)
        change = {"room_creation_api": wrong, "name_prefix": "y", "hmac": SECRET}
        async with http.put(f"{url}/{config['id']}", json=change) as changed:
            assert changed.status == (400 if refused else 200)
        async with http.get(url) as found:
            configs = {each["id"]: each for each in (await found.json())["data"]}
        assert len(configs) == (1 if refused else 2)
        assert (configs[config["id"]] == config) is refused


async def test_the_other_choices(receiver):
    choices = Choices(
        unknown_call=400,
        phone_timestamps_as_text=False,
        pinless_milliseconds=False,
        dialin_probe="test",
        dialout_starts_without_limit=False,
        dialin_hold=10,
    )
    async with LocalDaily(choices=choices) as daily, asking(daily) as http:
        url = f"{receiver.url}/events"
        hook = {"url": url, "hmac": SECRET, "eventTypes": ["dialout.connected"]}
        assert (await posted(http, daily, "/webhooks", hook))[0] == 200
        await receiver.next()
        body = {"type": "pinless_dialin", "room_creation_api": receiver.url, "name_prefix": "x"}
        assert (await posted(http, daily, CONFIG, {**body, "hmac": SECRET}))[0] == 200
        assert json.loads((await receiver.next()).body) == {"test": "test"}

        properties = {"enable_dialout": True, "dialout_config": {"allow_room_start": True}}
        await posted(http, daily, "/rooms", {"name": "demo", "properties": properties})
        status, _ = await posted(http, daily, "/rooms/demo/dialOut/stop", {"sessionId": "x"})
        assert status == 400
        assert (await posted(http, daily, START, {"phoneNumber": NUMBER}))[0] == 200
        assert await daily.dialouts[0].ended() == ""  # the room was empty
        event = json.loads((await receiver.next()).body)
        assert isinstance(event["payload"]["timestamp"], int)

        phone = daily.dial_in("x")
        post = await receiver.next()
        assert len(post.headers["X-Pinless-Timestamp"]) == 10
        assert incoming(post).call_id == phone.id
        daily.advance(11)
        assert phone.state == "failed"
