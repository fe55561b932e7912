# SPDX-License-Identifier: BSD-2-Clause
"""A FastAPI app with a login of its own around the session router.

    pipecat-daily-rest local -- uvicorn app:app --app-dir examples/server    # on this machine
    uvicorn app:app --app-dir examples/server                                # on Daily

Open http://127.0.0.1:8000 and log in as ana, with the password secret.
"""

import secrets
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated

from dotenv import find_dotenv, load_dotenv
from fastapi import Depends, FastAPI, HTTPException
from fastapi.responses import FileResponse
from fastapi.security import HTTPBasic, HTTPBasicCredentials

from pipecat_daily_rest.server import Sessions
from pipecat_daily_rest.server.app import OriginGuard
from pipecat_daily_rest.server.router import session_router

HERE = Path(__file__).parent
USERS = {"ana": "secret"}  # in your app: a database, with hashed passwords

load_dotenv(find_dotenv(usecwd=True))
sessions = Sessions(HERE / "bot.py", max_sessions=20, drain=5)


def login(given: Annotated[HTTPBasicCredentials, Depends(HTTPBasic())]) -> str:
    password = USERS.get(given.username, secrets.token_hex())
    if not secrets.compare_digest(given.password.encode(), password.encode()):
        raise HTTPException(401, headers={"WWW-Authenticate": "Basic"})
    return given.username


@asynccontextmanager
async def lifespan(app: FastAPI):
    async with sessions:  # a signal begins the drain
        yield


app = FastAPI(lifespan=lifespan)
# A browser sends a login along with what another site's page asks for.
app.add_middleware(OriginGuard)
app.include_router(session_router(sessions, dependencies=[Depends(login)]), prefix="/bots")


@app.get("/", dependencies=[Depends(login)])
async def page() -> FileResponse:
    return FileResponse(HERE / "page.html")
