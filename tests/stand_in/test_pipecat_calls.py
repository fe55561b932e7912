# SPDX-License-Identifier: BSD-2-Clause
"""Pipecat's own DailyTransport with telephones: a call that comes in, and one that goes out."""

from typing import Any

from pipecat_daily_rest import (
    DailyRESTHelper,
    DailyRoomObject,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
)
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.webhooks import DialinCall, read_dialin
from receiver import Receiver


async def room(helper: DailyRESTHelper) -> DailyRoomObject:
    properties = DailyRoomProperties(enable_dialout=True, sip=DailyRoomSipParams())
    params = DailyRoomParams(name="demo", privacy="private", properties=properties)
    return await helper.create_room(params)


async def test_a_call_comes_in_and_the_bot_picks_it_up(
    local_daily: LocalDaily, helper: DailyRESTHelper, start: Any
) -> None:
    async with Receiver() as receiver:
        number = (await helper.buy_phone_number()).number
        config = await helper.create_dialin_config(
            phone_number=number, room_creation_api=f"{receiver.url}/call"
        )
        await receiver.next()
        phone = local_daily.dial_in(number, from_="+12125550111")
        post = await receiver.next()
        call = read_dialin(post.body, post.headers, secret=config.hmac)
    assert isinstance(call, DialinCall)
    made = await room(helper)
    token = await helper.get_token(made.url)
    bot = await start(made.url, token, f"call={call.call_id},{call.call_domain}")
    assert (await bot.tells("on_dialin_ready"))[0] == made.config.sip_endpoint
    # Pipecat itself has requested the call.
    caller = await phone.connected()
    (connected,) = await bot.tells("on_dialin_connected")
    assert (connected["sessionId"], connected["sipFrom"]) == (caller.id, "+12125550111")
    caller.tone(500, 4)
    await bot.tells("heard", lambda hz, who: abs(hz - 500) < 10 and who == caller.id)
    caller.send({"do": "tone", "hz": 700, "seconds": 3})
    await caller.hears(700)
    phone.hang_up()
    (stopped,) = await bot.tells("on_dialin_stopped")
    assert stopped["sessionId"] == caller.id


async def test_a_call_goes_out_and_the_bot_is_told(
    local_daily: LocalDaily, helper: DailyRESTHelper, start: Any
) -> None:
    made = await room(helper)
    bot = await start(made.url, await helper.get_token(made.url))
    await local_daily.state.log.wait_for("bot joined")
    session = await helper.start_dialout("demo", phone_number="+12125550123")
    [phone] = local_daily.dialouts
    for what, act in (("connected", None), ("answered", phone.answer), ("stopped", phone.hang_up)):
        if act is not None:
            act()
        assert (await bot.tells(f"on_dialout_{what}"))[0]["sessionId"] == session
