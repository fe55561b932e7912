"""Loads a .env of its own over everything at import, as Pipecat's templates do."""

import os

from dotenv import find_dotenv, load_dotenv

load_dotenv(find_dotenv(usecwd=True), override=True)
LOADED = os.environ["DAILY_API_KEY"]


async def bot(runner_args):
    print("loaded", LOADED, flush=True)
    print("room", runner_args.room_url, flush=True)
    print("url", os.environ["DAILY_API_URL"], os.environ["DAILY_ROOM_URL"] or "none", flush=True)
