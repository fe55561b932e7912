"""An app of somebody's own around the router."""

import os
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI

from pipecat_daily_rest.server import Sessions
from pipecat_daily_rest.server.router import session_router

sessions = Sessions(
    Path(__file__).parent / "bots" / "behave.py",
    max_sessions=5,
    launcher=os.environ.get("LAUNCHER", "task"),
)


@asynccontextmanager
async def lifespan(app):
    async with sessions:
        yield


app = FastAPI(lifespan=lifespan)
app.include_router(session_router(sessions), prefix="/bots")
