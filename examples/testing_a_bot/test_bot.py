# SPDX-License-Identifier: BSD-2-Clause
import asyncio

from bot import BELL, bot

from pipecat_daily_rest import provisioned_room


async def test_it_rings_and_says_who_came(local_daily):
    async with provisioned_room() as room, asyncio.TaskGroup() as running:
        running.create_task(bot(room.runner_args()))
        await local_daily.wait_for("bot joined")
        ana = local_daily.join(room.url, room.user_token, user_name="Ana")
        await ana.hears(BELL)
        bo = local_daily.join(room.url, room.user_token, user_name="Bo")
        await bo.hears(BELL)
        await ana.message(lambda message: message == {"came": "Bo"})
        ana.leave()
        bo.leave()  # and the bot ends
