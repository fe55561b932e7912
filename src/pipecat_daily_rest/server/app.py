# SPDX-License-Identifier: BSD-2-Clause
"""A whole app around `session_router`: origins, errors, the page."""

import os
import re
from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.openapi.docs import get_swagger_ui_html
from fastapi.responses import HTMLResponse, JSONResponse
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from pipecat_daily_rest._core.loopback import is_loopback
from pipecat_daily_rest._core.settings import listed
from pipecat_daily_rest.server import keys as api_keys
from pipecat_daily_rest.server.http_errors import HTTPError, answer, answer_of
from pipecat_daily_rest.server.keys import Keys
from pipecat_daily_rest.server.phone import Phone
from pipecat_daily_rest.server.router import session_router
from pipecat_daily_rest.server.sessions import Sessions
from pipecat_daily_rest.server.this_machine import hostname

_PAGE = Path(__file__).with_name("page.html")
_LOOPBACK = r"https?://(localhost|127\.0\.0\.1|\[::1\])(:\d+)?"
_BASIC = 'Basic realm="a private key as the password", charset="UTF-8"'
_ORIGINS = "PIPECAT_ALLOWED_ORIGINS"  # of Pipecat's own runner


def create_app(
    sessions: Sessions,
    *,
    keys: Keys | None = None,
    allowed_origins: Sequence[str] = (),
    allowed_properties: Collection[str] = (),
    host: str = "127.0.0.1",
    phone: Phone | None = None,
    registry: Any = None,
) -> FastAPI:
    """Make an app that serves sessions.

    Args:
        sessions: The sessions; the app's lifespan enters and drains them, unless that was done.
        keys: Who may start and who may manage; from the environment when None.
        allowed_origins: Origins of web pages that may start sessions, beside the app's own;
            ``PIPECAT_ALLOWED_ORIGINS`` when empty. On loopback, loopback origins may.
        allowed_properties: Room properties that a browser may set beside the harmless ones.
        host: Where the app will listen.
        phone: Whose calls come in and whom bots may call; from the environment when None.
        registry: The ``prometheus_client.CollectorRegistry`` that ``GET /metrics`` shows; one with
            the sessions' numbers alone when None.

    Returns:
        The app.
    """
    keys = Keys.from_env() if keys is None else keys
    given = allowed_origins or listed(os.environ.get(_ORIGINS, ""))
    origins = [_origin(each) for each in given]
    local = is_loopback(host)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        if sessions.opened:
            yield
        else:
            async with sessions:
                yield

    app = FastAPI(
        title="pipecat-daily-rest",
        lifespan=lifespan,
        docs_url=None,
        redoc_url=None,
        openapi_url=None,
    )
    app.include_router(
        session_router(
            sessions,
            keys=keys,
            allowed_properties=allowed_properties,
            phone=phone,
            registry=registry,
        ),
        tags=["sessions"],
    )
    _add_pages(app, keys)
    _add_errors(app)
    app.add_middleware(
        CORSMiddleware,
        allow_origins=origins,
        allow_origin_regex=_LOOPBACK if local else None,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["Retry-After"],
    )
    app.add_middleware(OriginGuard, origins=origins, local=local)
    return app


class OriginGuard:
    """Refuses what a web page of a stranger sends: no website starts bots on somebody's laptop."""

    def __init__(self, app: ASGIApp, *, origins: Collection[str] = (), local: bool = False) -> None:
        """Initialize.

        Args:
            app: The app that it guards.
            origins: Origins of web pages that may use it, beside its own.
            local: Whether the app listens on loopback only; then loopback origins may, too.
        """
        self._app = app
        self._origins = {_origin(each) for each in origins}
        self._hosts = {hostname(each.partition("://")[2]) for each in self._origins - {"*"}}
        self._local = local

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it."""
        if scope["type"] == "http" and (refused := self.refused(scope)) is not None:
            await refused(scope, receive, send)
            return
        await self._app(scope, receive, send)

    def refused(self, scope: Scope) -> Response | None:
        """Give the answer to a request that is refused; None for any other."""
        request = Request(scope)
        host = request.headers.get("host", "")
        # A name of a stranger's that resolves to 127.0.0.1 is in the Host header; a proxy on this
        # machine passes on a name of the owner's.
        name = hostname(host)
        if self._local and not (is_loopback(name) or name in self._hosts):
            msg = f"Host {host!r} is not this server: use localhost, or see --allowed-origins."
            return answer(403, msg)
        if (origin := request.headers.get("origin")) is None:
            return None
        plain = _origin(origin)
        if "*" in self._origins or plain in self._origins:
            return None
        if self._local and re.fullmatch(_LOOPBACK, plain):
            return None
        if plain == _origin(f"{plain.partition('://')[0]}://{host}"):
            return None
        return answer(
            403,
            f"Web pages of {origin} may not use this server: see --allowed-origins.",
            code="403",
        )


def _origin(given: str) -> str:
    """Give an origin as a browser sends it: lower case, without the usual port."""
    scheme, separator, host = given.lower().rstrip("/").partition("://")
    if not separator:
        return given.lower()
    port = re.search(r":\d+$", host)
    usual = port is None or port[0] == {"http": ":80", "https": ":443"}.get(scheme)
    return f"{scheme}://{hostname(host)}{'' if usual or port is None else port[0]}"


def _add_pages(app: FastAPI, keys: Keys) -> None:
    async def may_read(request: Request) -> None:
        given = request.headers.get("authorization")
        if not keys.may_manage(api_keys.bearer(given) or api_keys.basic(given)):
            msg = "A private key is needed, in a browser as the password; any name will do."
            raise HTTPError(401, msg, challenge=_BASIC)

    @app.get("/", include_in_schema=False)
    async def page() -> HTMLResponse:
        text = _PAGE.read_text(encoding="utf-8")
        return HTMLResponse(text.replace("{{needs_key}}", "yes" if keys else "no"))

    @app.get("/openapi.json", include_in_schema=False, dependencies=[Depends(may_read)])
    async def openapi() -> JSONResponse:
        return JSONResponse(app.openapi())

    @app.get("/docs", include_in_schema=False, dependencies=[Depends(may_read)])
    async def docs() -> HTMLResponse:
        return get_swagger_ui_html(openapi_url="openapi.json", title="pipecat-daily-rest")


def _add_errors(app: FastAPI) -> None:
    async def known(request: Request, exc: Exception) -> Response:
        return answer_of(exc)

    for kind in (HTTPException, RequestValidationError, HTTPError, Exception):
        app.add_exception_handler(kind, known)
