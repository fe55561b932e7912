# SPDX-License-Identifier: BSD-2-Clause
from bot import BELL, bot


async def test_it_rings_and_says_who_came(local_room):
    async with local_room(bot) as room:
        ana = await room.person("Ana")
        await ana.hears(BELL)
        bo = await room.person("Bo")
        await bo.hears(BELL)
        await ana.hears({"came": "Bo"})
        ana.leave()
        bo.leave()
        await room.ended()
