# SPDX-License-Identifier: BSD-2-Clause
"""A room that can be called by SIP.

    python examples/dialin_room.py                               # on Daily, with DAILY_API_KEY
    pipecat-daily-rest local -- python examples/dialin_room.py   # on this machine, without telephones

It prints the SIP address and a join link for a browser, and runs until Ctrl-C. On Daily a SIP room
needs a card on file. A local room has no telephone network behind it; there a test makes the call,
once somebody is in the room: ``caller = await local_daily.dial_in(sip_address).connected()``.
"""

import asyncio
import signal
import sys

from dotenv import find_dotenv, load_dotenv

from pipecat_daily_rest import (
    DailyError,
    DailyRoomParams,
    DailyRoomProperties,
    DailyRoomSipParams,
    provisioned_room,
)


async def main() -> None:
    load_dotenv(find_dotenv(usecwd=True))
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    params = DailyRoomParams(
        properties=DailyRoomProperties(
            sip=DailyRoomSipParams(display_name="Caller", num_endpoints=1),
            start_video_off=True,
        )
    )
    async with provisioned_room(params, lifetime=600, name_prefix="dialin") as room:
        print(f"Call it: {room.sip_endpoint}", flush=True)
        print(f"Or join: {room.join_url}", flush=True)
        await stop.wait()
    print(f"Room {room.name} deleted", flush=True)


if __name__ == "__main__":
    try:
        asyncio.run(main())
    except DailyError as exc:
        sys.exit(f"Error: {exc}")
