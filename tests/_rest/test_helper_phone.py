# SPDX-License-Identifier: BSD-2-Clause
"""DailyRESTHelper on calls, telephone numbers and dial-in configurations."""

import base64

import pytest

from canary import Net, leaks
from pipecat_daily_rest import (
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
)
from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest.answers import DailyDialinConfig, DailyPhoneNumber
from pipecat_daily_rest.errors import (
    DailyConfigError,
    DailyConnectionError,
    DailyInvalidRequestError,
    DailyNotFoundError,
    DailyResponseError,
    DailyServerError,
)
from pipecat_daily_rest.local.outside.numbers import Number
from pipecat_daily_rest.webhooks import read_dialin

NUMBER = "+12125550123"
SECRET = Secret(base64.b64encode(b"sixteen bytes...").decode())


@pytest.fixture
async def bot(local_daily, helper):
    """Somebody in a room that can call and be called."""
    properties = DailyRoomProperties(enable_dialout=True, sip=DailyRoomSipParams())
    room = await helper.create_room(DailyRoomParams(name="demo", properties=properties))
    local_daily.requests.clear()
    bot = local_daily.join("demo")
    bot.room = room
    return bot


def bodies(daily):
    return [request.body for request in daily.requests]


# -- Out -----------------------------------------------------------------------------------------


async def test_a_dial_out_to_a_number(local_daily, helper, bot):
    session_id = await helper.start_dialout(
        "demo",
        phone_number=NUMBER,
        display_name="Ana",
        user_id="u1",
        extension="123",
        wait_before_extension_dial_sec=0,
        codecs={"audio": ["OPUS"]},
    )
    [phone] = local_daily.dialouts
    assert session_id == phone.session_id
    phone.answer()
    assert await helper.send_dtmf("demo", session_id, "1#", digit_duration_ms=50) is None
    assert phone.tones == ["1#"]
    assert await helper.stop_dialout("demo", session_id) is True
    assert phone.state == "ended"
    assert await helper.stop_dialout("demo", session_id) is True  # it is over already
    assert bodies(local_daily) == [
        {
            "phoneNumber": NUMBER,
            "displayName": "Ana",
            "userId": "u1",
            "extension": "123",
            "waitBeforeExtensionDialSec": 0,
            "codecs": {"audio": ["OPUS"]},
        },
        {"sessionId": session_id, "tones": "1#", "digitDurationMs": 50},
        {"sessionId": session_id},
        {"sessionId": session_id},
    ]


async def test_a_dial_out_to_a_sip_uri(local_daily, helper, bot):
    await helper.start_dialout(
        "demo", sip_uri="sip:ana@example.com?X-a=1", video=True, video_settings={"fps": 30}
    )
    assert bodies(local_daily) == [
        {"sipUri": "sip:ana@example.com?X-a=1", "video": True, "videoSettings": {"fps": 30}}
    ]


async def test_a_caller_id(local_daily, helper, bot):
    bought = await helper.buy_phone_number()
    await helper.start_dialout("demo", phone_number=NUMBER, caller_id=bought.id)
    assert local_daily.dialouts[0].settings["callerId"] == bought.id


@pytest.mark.parametrize("refer", [True, False])
async def test_a_transfer(local_daily, helper, bot, refer):
    session_id = await helper.start_dialout("demo", phone_number=NUMBER)
    to = "sip:agent@example.com" if refer else "+12125550177"
    if refer:
        await helper.sip_refer("demo", session_id, to)
        assert bodies(local_daily)[-1] == {"sessionId": session_id, "toEndPoint": to}
    else:
        await helper.sip_call_transfer(
            "demo", session_id, to, extension="5", wait_before_extension_dial_sec=60
        )
        assert bodies(local_daily)[-1] == {
            "sessionId": session_id,
            "toEndPoint": to,
            "extension": "5",
            "waitBeforeExtensionDialSec": 60,
        }
    [phone] = local_daily.dialouts
    assert (phone.state, phone.transferred_to, phone.by_refer) == ("transferred", to, refer)


async def test_refusals_of_a_dial_out(local_daily, helper, bot):
    await helper.create_room(DailyRoomParams(name="quiet"))
    local_daily.join("quiet")
    with pytest.raises(DailyInvalidRequestError, match="add enable_dialout property") as caught:
        await helper.start_dialout("quiet", phone_number=NUMBER)
    assert "quiet" in str(caught.value)
    with pytest.raises(DailyNotFoundError):
        await helper.start_dialout("nowhere", phone_number=NUMBER)
    with pytest.raises(DailyNotFoundError):
        await helper.send_dtmf("demo", "nobody", "1")


BAD = [
    ("start_dialout", {}, "phone_number or sip_uri"),
    ("start_dialout", {"phone_number": NUMBER, "sip_uri": "sip:a@b.c"}, "phone_number or sip_uri"),
    ("start_dialout", {"phone_number": "030 1234"}, "E.164"),
    ("start_dialout", {"phone_number": "+0123456"}, "E.164"),
    ("start_dialout", {"phone_number": 12125550123}, "E.164"),
    ("start_dialout", {"phone_number": NUMBER + "\n"}, "E.164"),
    ("start_dialout", {"sip_uri": "a@b.c"}, "sip:"),
    ("start_dialout", {"sip_uri": "sip:nobody"}, "sip:"),
    ("start_dialout", {"phone_number": NUMBER, "extension": ""}, "extension"),
    ("start_dialout", {"phone_number": NUMBER, "extension": "1" * 21}, "extension"),
    ("start_dialout", {"sip_uri": "sip:a@b.c", "extension": "1"}, "extension"),
    ("start_dialout", {"phone_number": NUMBER, "video": True}, "video"),
    ("start_dialout", {"phone_number": NUMBER, "user_id": "u" * 37}, "user_id has 37"),
    (
        "start_dialout",
        {"phone_number": NUMBER, "wait_before_extension_dial_sec": 61},
        "wait_before_extension_dial_sec must be a whole number from 0 to 60",
    ),
    (
        "start_dialout",
        {"phone_number": NUMBER, "wait_before_extension_dial_sec": True},
        "whole number",
    ),
    ("stop_dialout", {"session_id": " "}, "session_id"),
    ("stop_dialout", {"session_id": None}, "session_id"),
    ("send_dtmf", {"session_id": "s", "tones": ""}, "1 to 20"),
    ("send_dtmf", {"session_id": "s", "tones": "1" * 21}, "1 to 20"),
    ("send_dtmf", {"session_id": "s", "tones": "1,2"}, "tones"),
    ("send_dtmf", {"session_id": "s", "tones": "1", "digit_duration_ms": 49}, "50 to 2000"),
    ("send_dtmf", {"session_id": "s", "tones": "1", "digit_duration_ms": 2001}, "50 to 2000"),
    ("send_dtmf", {"session_id": "s", "tones": "1", "digit_duration_ms": 0.5}, "whole number"),
    ("sip_call_transfer", {"session_id": "s", "to": "agent"}, "E.164"),
    ("sip_call_transfer", {"session_id": "s", "to": "sip:agent"}, "sip:"),
    ("sip_call_transfer", {"session_id": "", "to": NUMBER}, "session_id"),
    ("sip_refer", {"session_id": "s", "to": None}, "E.164"),
]


@pytest.mark.parametrize(("method", "arguments", "words"), BAD)
async def test_wrong_arguments_are_not_sent(local_daily, helper, method, arguments, words):
    with pytest.raises(DailyConfigError, match=words):
        await getattr(helper, method)("demo", **arguments)
    with pytest.raises(DailyConfigError):
        await getattr(helper, method)("de/mo", **arguments)
    assert local_daily.requests == []


ONCE = [
    ("start_dialout", {"phone_number": NUMBER}, "dialOut/start"),
    ("send_dtmf", {"session_id": "s", "tones": "1"}, "dialOut/sendDTMF"),
    ("sip_call_transfer", {"session_id": "s", "to": NUMBER}, "sipCallTransfer"),
    ("sip_refer", {"session_id": "s", "to": "sip:a@b.c"}, "sipRefer"),
]


@pytest.mark.parametrize(("method", "arguments", "path"), ONCE)
@pytest.mark.parametrize(
    ("failure", "error"),
    [({"drop": "after"}, DailyConnectionError), ({"status": 500}, DailyServerError)],
)
async def test_what_would_ring_twice_is_sent_once(
    local_daily, helper, bot, method, arguments, path, failure, error
):
    fault = local_daily.fail("POST", f"/rooms/demo/{path}", times=None, **failure)
    with pytest.raises(error, match="Whether it took effect is unknown"):
        await getattr(helper, method)("demo", **arguments)
    assert fault.hits == 1
    assert len(local_daily.dialouts) == (
        1 if failure == {"drop": "after"} and "start" in path else 0
    )


async def test_a_request_without_effect_is_sent_again(local_daily, helper, bot):
    local_daily.fail("POST", "/rooms/demo/dialOut/start", status=429)
    await helper.start_dialout("demo", phone_number=NUMBER)
    assert len(local_daily.dialouts) == 1


async def test_a_stop_is_sent_again(local_daily, helper, bot):
    session_id = await helper.start_dialout("demo", phone_number=NUMBER)
    fault = local_daily.fail("POST", "/rooms/demo/dialOut/stop", drop="after")
    assert await helper.stop_dialout("demo", session_id) is True
    assert fault.hits == 1
    assert len(local_daily.requests) == 3


@pytest.mark.parametrize("body", [{"ok": "true"}, {"ok": True, "sessionId": 5}, [], None])
async def test_an_answer_without_a_session_id(local_daily, helper, bot, body):
    local_daily.fail("POST", "/rooms/demo/dialOut/start", body=body)
    with pytest.raises(DailyResponseError, match="no sessionId"):
        await helper.start_dialout("demo", phone_number=NUMBER)


# -- In ------------------------------------------------------------------------------------------


async def test_a_dial_in(local_daily, helper, bot, receiver):
    bought = await helper.buy_phone_number()
    config = await helper.create_dialin_config(
        phone_number=bought.number, room_creation_api=f"{receiver.url}/calls", name_prefix="support"
    )
    await receiver.next()
    phone = local_daily.dial_in(bought.number, from_="+12125550111")
    post = await receiver.next()
    got = read_dialin(post.body, post.headers, secret=config.hmac)
    await helper.pinless_call_update(
        call_id=got.call_id, call_domain=got.call_domain, sip_uri=bot.room.config.sip_endpoint
    )
    caller = await phone.connected()
    assert (await bot.event("participant-joined"))["participant"]["id"] == caller.id
    with pytest.raises(DailyNotFoundError):
        await helper.pinless_call_update(
            call_id=got.call_id, call_domain=got.call_domain, sip_uri=bot.room.config.sip_endpoint
        )


async def test_connecting_a_call_is_sent_once(local_daily, helper):
    fault = local_daily.fail("POST", "/dialin/pinlessCallUpdate", times=None, drop="before")
    with pytest.raises(DailyConnectionError, match="Whether it took effect is unknown"):
        await helper.pinless_call_update(call_id="c", call_domain="d", sip_uri="sip:a@b.c")
    assert fault.hits == 1


@pytest.mark.parametrize(
    "wrong", [{"call_id": ""}, {"call_id": None}, {"call_domain": ""}, {"sip_uri": "demo"}]
)
async def test_a_call_that_cannot_be_connected(local_daily, helper, wrong):
    given = {"call_id": "c", "call_domain": "d", "sip_uri": "sip:a@b.c", **wrong}
    [name] = wrong
    with pytest.raises(DailyConfigError, match=name):
        await helper.pinless_call_update(**given)
    assert local_daily.requests == []


# -- Numbers -------------------------------------------------------------------------------------


async def test_numbers(local_daily, helper):
    offers = await helper.list_available_numbers(region="NY", city="New York")
    assert {offer.region for offer in offers} == {"NY"}
    assert [
        o.phoneNumber for o in await helper.list_available_numbers(ends_with="0104", areacode="212")
    ] == ["+12125550104"]
    bought = await helper.buy_phone_number("+12125550104")
    assert isinstance(bought, DailyPhoneNumber)
    assert bought.number == "+12125550104"
    [listed] = [each async for each in helper.list_phone_numbers()]
    assert (listed.id, listed.number, listed.verified) == (bought.id, bought.number, True)
    assert [each async for each in helper.list_phone_numbers(number="999")] == []
    local_daily.advance(14 * 86_400)
    assert await helper.release_phone_number(bought.id) is True
    with pytest.raises(DailyNotFoundError):
        await helper.release_phone_number(bought.id)


async def test_numbers_of_all_pages(local_daily, helper):
    purchased = local_daily.telephony.numbers.purchased
    for n in range(250):
        number = Number(f"+1999{n:07}", 0.0, n)
        purchased[number.id] = number
    found = [each.number async for each in helper.list_phone_numbers()]
    assert len(found) == len(set(found)) == 250


async def test_a_number_that_is_not_for_sale(helper):
    await helper.buy_phone_number("+12125550104")
    with pytest.raises(DailyInvalidRequestError) as caught:
        await helper.buy_phone_number("+12125550104")
    error = caught.value
    assert (error.status, error.code, error.info) == (422, "", "Number is invalid.")
    assert "Unable to buy +12125550104 (status: 422)" in str(error)


async def test_a_number_that_is_too_new(helper):
    bought = await helper.buy_phone_number()
    with pytest.raises(DailyInvalidRequestError) as caught:
        await helper.release_phone_number(bought.id)
    error = caught.value
    assert (error.status, error.code) == (422, "")
    assert error.info == "Failed to release new number, try again in 14 days"


async def test_a_number_is_not_bought_twice(local_daily, helper):
    local_daily.fail("POST", "/buy-phone-number", drop="after")
    with pytest.raises(DailyConnectionError, match="Whether it took effect is unknown"):
        await helper.buy_phone_number()
    assert len([each async for each in helper.list_phone_numbers()]) == 1


async def test_a_release_whose_response_was_lost(local_daily, helper):
    bought = await helper.buy_phone_number()
    local_daily.advance(14 * 86_400)
    local_daily.fail("DELETE", "/release-phone-number/*", status=500, commit=True)
    assert await helper.release_phone_number(bought.id) is True


@pytest.mark.parametrize(
    "arguments",
    [
        {"areacode": "212", "region": "CA"},
        {"city": "Austin"},
        {"region": "TX", "city": "Austin", "contains": "555"},
        {"starts_with": "555", "ends_with": "555"},
        {"contains": "55"},
        {"contains": "12345678"},
        {"contains": "abc"},
        {"contains": "²³⁴"},
    ],
)
async def test_search_arguments_that_daily_does_not_combine(local_daily, helper, arguments):
    with pytest.raises(DailyConfigError):
        await helper.list_available_numbers(**arguments)
    assert local_daily.requests == []


# -- Dial-in configurations ----------------------------------------------------------------------


async def test_configurations(local_daily, helper, receiver):
    bought = await helper.buy_phone_number()
    made = await helper.create_dialin_config(
        phone_number=bought.number,
        name_prefix="support",
        room_creation_api=receiver.url,
        hmac=SECRET,
        hold_music_url="https://example.com/music.mp3",
        timeout_message="later",
    )
    assert isinstance(made, DailyDialinConfig)
    assert (made.type, made.phone_number, made.hmac) == ("pinless_dialin", bought.number, SECRET)
    assert (made.timeout_message, made.ivr_message) == ("later", "")
    assert made.hold_music_url == "https://example.com/music.mp3"
    assert "@" in made.sip_uri
    assert SECRET not in repr(made)
    pin = await helper.create_dialin_config(type="pin_dialin", ivr_message="Hi")
    assert (pin.type, pin.ivr_message, pin.hmac, pin.sip_uri) == ("pin_dialin", "Hi", "", "")
    assert await helper.get_dialin_config(made.id) == made
    assert [each async for each in helper.list_dialin_configs()] == [pin, made]
    user = made.sip_uri.partition("@")[0]
    for query, found in (
        ({"type": "pin_dialin"}, pin),
        ({"phone_number": bought.number}, made),
        ({"name_prefix": "support"}, made),
        ({"sip_username": user}, made),
    ):
        assert [each async for each in helper.list_dialin_configs(**query)] == [found]
    updated = await helper.update_dialin_config(made.id, name_prefix="sales")
    assert updated == made.model_copy(update={"name_prefix": "sales"})
    assert await helper.delete_dialin_config(made.id) is True
    assert await helper.delete_dialin_config(made.id) is True  # it is gone already
    for missing in (helper.get_dialin_config, helper.update_dialin_config):
        with pytest.raises(DailyNotFoundError):
            await missing(made.id)


async def test_which_configuration_requests_are_sent_again(local_daily, helper):
    local_daily.fail("POST", "/domain-dialin-config", drop="after")
    local_daily.fail("PUT", "/domain-dialin-config/*", drop="after")
    local_daily.fail("DELETE", "/domain-dialin-config/*", drop="after")
    with pytest.raises(DailyConnectionError, match="Whether it took effect is unknown"):
        await helper.create_dialin_config(name_prefix="a")
    [made] = [each async for each in helper.list_dialin_configs()]
    assert (await helper.update_dialin_config(made.id, name_prefix="b")).name_prefix == "b"
    assert await helper.delete_dialin_config(made.id) is True
    assert [each async for each in helper.list_dialin_configs()] == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({"type": "other"}, "pinless_dialin, pin_dialin"),
        ({"phone_number": "5"}, "phone_number '5' must be in E.164"),
        ({"room_creation_api": "example.com/api"}, "room_creation_api must be a full URL"),
        ({"hold_music_url": "file:///music.mp3"}, "hold_music_url must be a full URL"),
        ({"hmac": "not base64!"}, "hmac must be base64"),
        ({"hmac": ""}, "hmac must be base64"),
    ],
)
async def test_wrong_configurations_are_not_sent(local_daily, helper, arguments, words):
    with pytest.raises(DailyConfigError, match=words) as caught:
        await helper.create_dialin_config(**arguments)
    assert "not base64!" not in str(caught.value)
    assert local_daily.requests == []


async def test_an_error_of_dailys_that_quotes_a_secret_is_masked(local_daily, helper):
    local_daily.fail("POST", "/domain-dialin-config", status=400, info=f"hmac was '{SECRET}'")
    local_daily.fail("PUT", "/domain-dialin-config/*", status=400, info=f"hmac was '{SECRET}'")
    with Net() as net:
        for work in (
            helper.create_dialin_config(hmac=str(SECRET)),
            helper.update_dialin_config("x", hmac=str(SECRET)),
        ):
            with pytest.raises(DailyInvalidRequestError) as caught:
                await work
            error = caught.value
            net.tell(error)
            assert error.info == "hmac was '***'"
            assert not leaks(f"{error} {error!r}", SECRET)
    assert not leaks(net.said, SECRET)


@pytest.mark.parametrize("odd", ["a/b", "a?b", "ä b", "..", ""])
async def test_an_id_never_leads_to_another_endpoint(local_daily, helper, odd):
    for method in (
        helper.get_dialin_config,
        helper.update_dialin_config,
        helper.release_phone_number,
    ):
        with pytest.raises((DailyConfigError, DailyNotFoundError)):
            await method(odd)
    assert all(request.path.count("/") == 2 for request in local_daily.requests)


async def test_answers_are_read_leniently(local_daily, helper):
    body = {
        "total_count": 1,
        "data": [
            {"id": "c1", "type": "new_dialin", "config": {"hmac": None, "new": 1, "name_prefix": 5}}
        ],
    }
    local_daily.fail("GET", "/domain-dialin-config", body=body)
    local_daily.fail("GET", "/domain-dialin-config", body={"data": []})
    [config] = [each async for each in helper.list_dialin_configs()]
    assert (config.id, config.type, config.hmac, config.new) == ("c1", "new_dialin", "", 1)
    local_daily.fail("GET", "/list-available-numbers", body={"data": None})
    with pytest.raises(DailyResponseError, match="no list"):
        await helper.list_available_numbers()
    local_daily.fail(
        "POST", "/buy-phone-number", body={"id": "n1", "number": "+1", "verified": "true"}
    )
    assert (await helper.buy_phone_number()).verified is True
