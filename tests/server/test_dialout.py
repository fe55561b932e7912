# SPDX-License-Identifier: BSD-2-Clause
"""Calls that go out: who may ask for one, and whom a bot is told to call."""

from contextlib import AsyncExitStack
from pathlib import Path

import aiohttp
import pytest

from pipecat_daily_rest import DailyConfigError
from pipecat_daily_rest.server import numbers
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.keys import Keys
from pipecat_daily_rest.server.phone import NotAllowed, Phone
from serving import seen, served

pytestmark = pytest.mark.usefixtures("calls")

PHONED = Path(__file__).parent / "bots" / "phoned.py"
PUBLIC, PRIVATE = "public-key-of-a-page", "private-key-of-the-owner"
KEYS = Keys(public=(PUBLIC,), private=(PRIVATE,))
PHONE = Phone(dialout_prefixes=("+1415", "+44"), dialout_sip=("sip:*@pbx.example", "sip:desk@b.example"))  # fmt: skip
NUMBER = "+14155550100"


@pytest.fixture
async def web(serve):
    """Serves the bot, and gives what sends requests to it."""
    async with aiohttp.ClientSession() as session, AsyncExitStack() as stack:

        async def web(phone=PHONE, keys=KEYS, **options):
            sessions = await serve(PHONED, **options)
            app = create_app(sessions, phone=phone, keys=keys)
            _, port = await stack.enter_async_context(served(app))

            async def send(path, data, key=PRIVATE, **headers):
                given = {name.replace("_", "-"): value for name, value in headers.items()}
                if key is not None:
                    given["Authorization"] = f"Bearer {key}"
                url = f"http://127.0.0.1:{port}{path}"
                async with session.post(url, json=data, headers=given) as response:
                    return response.status, await response.json()

            return send

        yield web


async def test_a_bot_is_told_whom_to_call(web, local_daily, calls):
    send = await web()
    asked = {
        "phoneNumber": "+1 (415) 555-0100",
        "callerId": "id-1",
        "body": {"who": "Ana", "dialout_settings": "is replaced"},
    }
    status, answer = await send("/dial-out", asked)
    assert (status, list(answer)) == (200, ["dailyRoom", "dailyToken", "sessionId"])
    (room,) = local_daily.rooms.values()
    assert room.config["enable_dialout"]
    assert room.privacy == "private"
    called = [{"phoneNumber": NUMBER, "callerId": "id-1"}]
    assert await seen(calls, answer["sessionId"]) == {"who": "Ana", "dialout_settings": called}
    status, answer = await send("/dial-out", {"sipUri": "SIP:Desk@PBX.example?X-Id=7"})
    assert status == 200, answer
    called = [{"sipUri": "sip:Desk@pbx.example?X-Id=7"}]
    assert (await seen(calls, answer["sessionId"]))["dialout_settings"] == called


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ([{"phoneNumber": "0044 20 7946 0018"}], [{"phoneNumber": "+442079460018"}]),
        (
            [{"phoneNumber": NUMBER, "callerId": "x"}, {"sipUri": "sip:desk@b.example"}],
            [{"phoneNumber": NUMBER, "callerId": "x"}, {"sipUri": "sip:desk@b.example"}],
        ),
        ({"phone_number": "+1-415-555-0100"}, {"phone_number": NUMBER}),
        ({"sip_uri": "sip:a@PBX.example", "display_name": "A"}, {"sip_uri": "sip:a@pbx.example", "display_name": "A"}),
    ],
)  # fmt: skip
@pytest.mark.parametrize("path", ["/start", "/v1/public/any-name/start"])
async def test_a_start_with_dialout_settings(web, local_daily, calls, given, called, path):
    send = await web()
    data = {"createDailyRoom": True, "body": {"dialout_settings": given, "more": [1]}}
    data["dailyRoomProperties"] = {"enable_dialout": True, "lang": "de"}  # as Pipecat Cloud's apps
    status, answer = await send(path, data)
    assert status == 200, answer
    (room,) = local_daily.rooms.values()
    assert (room.config["enable_dialout"], room.config["lang"]) == (True, "de")
    assert await seen(calls, answer["sessionId"]) == {"dialout_settings": called, "more": [1]}


START = {"createDailyRoom": True, "body": {"dialout_settings": [{"phoneNumber": NUMBER}]}}
CALL = {"phoneNumber": NUMBER}
FORGED = {"createDailyRoom": True, "body": {"dialin_settings": {"From": NUMBER}}}


@pytest.mark.parametrize(
    ("path", "data"), [("/dial-out", CALL), ("/start", START), ("/start", FORGED)]
)
async def test_it_needs_a_private_key(web, local_daily, path, data):
    send = await web()
    assert (await send(path, data, key=None))[0] == 401
    assert (await send(path, data, key="k" * 20))[0] == 401
    assert (await send(path, data, key=PUBLIC))[0] == 403
    assert not local_daily.rooms
    assert (await send(path, data))[0] == 200
    assert (await send("/start", {"createDailyRoom": True}, key=PUBLIC))[0] == 200


@pytest.mark.parametrize(
    ("path", "data"), [("/dial-out", CALL), ("/start", START), ("/start", FORGED)]
)
async def test_without_private_keys_it_is_this_machines(web, local_daily, path, data):
    send = await web(keys=Keys())
    status, answer = await send(path, data, key=None, X_Forwarded_For="203.0.113.9")
    assert status == 403
    assert "PIPECAT_DAILY_PRIVATE_KEYS" in answer["info"]
    assert not local_daily.rooms
    assert (await send(path, data, key=None))[0] == 200
    send = await web(keys=Keys(public=(PUBLIC,)))
    assert (await send(path, data, key=PUBLIC))[0] == 403


async def test_it_is_off_by_default(web, local_daily):
    send = await web(Phone())
    for path, data in (("/dial-out", CALL), ("/start", START)):
        status, answer = await send(path, data)
        assert (status, answer["code"]) == (403, "dialout-not-allowed")
        assert "PIPECAT_DAILY_DIALOUT_PREFIXES" in answer["info"]
    only_sip = await web(Phone(dialout_sip=("sip:desk@b.example",)))
    assert (await only_sip("/dial-out", CALL))[0] == 403
    only_numbers = await web(Phone(dialout_prefixes=("+",)))
    assert (await only_numbers("/dial-out", {"sipUri": "sip:desk@b.example"}))[0] == 403
    assert not local_daily.rooms


@pytest.mark.parametrize(
    ("call", "status", "field"),
    [
        ({}, 400, "body.dialout_settings[0]"),
        ({"phoneNumber": NUMBER, "sipUri": "sip:desk@b.example"}, 400, "body.dialout_settings[0]"),
        ({"phoneNumber": NUMBER, "phone_number": "+15005550100"}, 400, "body.dialout_settings[0]"),
        ({"phoneNumber": NUMBER, "to": "+15005550100"}, 400, "body.dialout_settings[0].to"),
        ({"phoneNumber": 14155550100}, 400, "body.dialout_settings[0].phoneNumber"),
        ({"phoneNumber": "4155550100"}, 400, "body.dialout_settings[0].phoneNumber"),
        ({"phoneNumber": ["+14155550100"]}, 400, "body.dialout_settings[0].phoneNumber"),
        ({"sipUri": "desk@b.example"}, 400, "body.dialout_settings[0].sipUri"),
        ({"phoneNumber": "+15005550100"}, 403, None),
        ({"sipUri": "sip:other@b.example"}, 403, None),
        ({"phoneNumber": NUMBER, "body": []}, 400, "body"),
        ({"phoneNumber": NUMBER, "agent": 7}, 400, "agent"),
        ({"phoneNumber": NUMBER, "agent": "nobody"}, 404, None),
    ],
)
async def test_whom_a_bot_is_not_told_to_call(web, local_daily, call, status, field):
    send = await web()
    answered, answer = await send("/dial-out", call)
    assert (answered, answer.get("field")) == (status, field)
    if {"phoneNumber", "sipUri"} & call.keys() and not {"agent", "body"} & call.keys():
        # What is said of a start with the same settings.
        start = {"createDailyRoom": True, "body": {"dialout_settings": [call]}}
        answered, answer = await send("/start", start)
        assert (answered, answer.get("field")) == (status, field)
        # One that may be called does not let another one through.
        start["body"]["dialout_settings"] = [CALL, call]
        assert (await send("/start", start))[0] == status
    assert not local_daily.rooms


async def test_starts_that_make_no_sense(web, local_daily):
    send = await web()
    for settings in ([], "x", 7, None, [[]], [None]):
        data = {"createDailyRoom": True, "body": {"dialout_settings": settings}}
        status, answer = await send("/start", data)
        assert (status, answer["code"]) == (400, "invalid-properties"), settings
    status, answer = await send("/start", {"body": START["body"]})
    assert (status, answer["field"]) == (400, "body.dialout_settings")
    wrong = {**START, "dailyRoomProperties": {"sip": {}}}
    assert (await send("/start", wrong))[1]["field"] == "dailyRoomProperties.sip"
    wrong = {**START, "dailyRoomProperties": [1]}
    assert (await send("/start", wrong))[1]["field"] == "dailyRoomProperties"
    for data in ([], "x", 7):
        assert (await send("/dial-out", data))[0] == 400
    assert not local_daily.rooms


async def test_it_takes_a_slot_and_may_be_repeated(web, local_daily):
    send = await web(max_sessions=1)
    first = await send("/dial-out", CALL, Idempotency_Key="k" * 20)
    assert first == await send("/dial-out", CALL, Idempotency_Key="k" * 20)
    assert (first[0], len(local_daily.rooms)) == (200, 1)
    other = {"phoneNumber": "+442079460018"}
    assert (await send("/dial-out", other, Idempotency_Key="k" * 20))[0] == 409
    status, answer = await send("/dial-out", CALL)
    assert (status, answer["code"]) == (429, "PCC-AGENT-AT-CAPACITY")


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("+14155550100", "+14155550100"),
        (" +1 (415) 555-0100 ", "+14155550100"),
        ("+1.415.555.0100", "+14155550100"),
        ("tel:+1-415-555-0100", "+14155550100"),
        ("+44 (0)20 7946 0018", "+442079460018"),
        ("0044 20 7946 0018", "+442079460018"),
        ("+49/30/23125 000", "+493023125000"),
        ("\uff0b1\u00a0415\u2011555\u20130100", "+14155550100"),  # signs of a word processor
        ("\uff0b\uff11\uff14\uff11\uff15\uff15\uff15\uff15\uff10\uff11\uff10\uff10", NUMBER),
        ("+683 4000", "+6834000"),
        *((wrong, None) for wrong in ("", "+", "911", "+911", "4155550100", "+0415", "tel:911")),
        *((wrong, None) for wrong in ("+1415555010x", "+1-800-FLOWERS", "+1415555010\u0661")),
        *((wrong, None) for wrong in ("+1415555010012345", "+14155550100;ext=1", "++14155550100")),
        *((wrong, None) for wrong in ("+1415+5550100", "+" + "1" * 600, None, 14155550100, b"+1")),
        ("+14155550100,+15005550100", None),
    ],
)
def test_numbers(written, number):
    if number is None:
        with pytest.raises(DailyConfigError, match="is no telephone number"):
            numbers.e164(written)
    else:
        assert numbers.e164(written) == number


@pytest.mark.parametrize(
    ("written", "uri"),
    [
        ("sip:desk@pbx.example", "sip:desk@pbx.example"),
        ("SIP:+1415@PBX.Example:5061", "sip:+1415@pbx.example:5061"),
        ("sip:a@b.example;transport=TLS?X-A=1&x-b=%20", "sip:a@b.example;transport=TLS?X-A=1&x-b=%20"),
        *((wrong, None) for wrong in ("", "sip:", "desk@pbx.example", "sips:a@pbx.example")),
        *((wrong, None) for wrong in ("sip:a@pbx.example@evil.example", "sip:a:b@pbx.example")),
        *((wrong, None) for wrong in ("sip:a@evil.example;maddr=1.2.3.4", "sip:a@pbx.example;lr")),
        *((wrong, None) for wrong in ("sip:a@pbx.example?Route=%3Csip:e%3E", "sip:a@pbx.example?")),
        *((wrong, None) for wrong in ("sip:a@pbx.example?X-A=1&Route=x", "sip:a @pbx.example")),
        *((wrong, None) for wrong in ("sip:a%40evil.example@b", "sip:a@b\r\nX: y", "sip:a@[::1]")),
        *((f"sip:a@b.example?X-A={wrong}", None) for wrong in ("%0d%0aRoute:x", "%0A", "%7f", "%8", "1;maddr=x", "<sip:e>", "1,", "\x00", "\ud800", "é")),
        *((wrong, None) for wrong in ("sip:a@b.example;tran\u017fport=tcp", "\u017fip:a@b.example")),
        *((wrong, None) for wrong in ("sip:a@b.example#x", "<sip:a@b.example>", None, 7)),
    ],
)  # fmt: skip
def test_sip_uris(written, uri):
    if uri is None:
        with pytest.raises(DailyConfigError, match="is no SIP URI"):
            numbers.sip_uri(written)
    else:
        assert numbers.sip_uri(written) == uri


def test_the_allowlists():
    phone = Phone(dialout_prefixes=("+1415",), dialout_sip=("sip:*@pbx.example:5061",))
    assert phone.number("+1 415 555 0100") == NUMBER
    assert phone.sip_uri("sip:a@pbx.example:5061;transport=tls")
    with pytest.raises(NotAllowed):
        phone.number("+1416 555 0100")
    for uri in ("sip:a@pbx.example", "sip:a@evil.pbx.example:5061", "sip:a@pbx.example:5062"):
        with pytest.raises(NotAllowed):
            phone.sip_uri(uri)
    everybody = Phone(dialout_prefixes=("+",))
    assert everybody.number("+442079460018")
    with pytest.raises(NotAllowed):
        everybody.sip_uri("sip:a@pbx.example:5061")
