# SPDX-License-Identifier: BSD-2-Clause
"""Lets other processes inject faults into a local Daily that was started with ``control=True``.

Every request needs the API key, as for the REST API::

    POST   /.faults     {"method": "POST", "path": "/rooms", "status": 500, "times": 2}
    POST   /.faults     {"chaos": {"seed": 1, "rate": 0.2}}
    GET    /.faults     lists the faults, and how many requests each met
    DELETE /.faults     removes them all
"""

import dataclasses
import json
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

from aiohttp import web

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.rest.failures import Failure
from pipecat_daily_rest.local.rest.faults import Chaos, Fault, Faults
from pipecat_daily_rest.local.rest.routes import authenticate, read_json
from pipecat_daily_rest.local.rules.schema import Refusal, invalid

PATH = "/.faults"  # no room can have this name

_dumps = partial(json.dumps, default=str)  # a fault of this process may hold bytes
_WHICH = ("method", "path", "times")
_CHAOS = ("seed", *_WHICH, "rate", "kinds")
_FAULT = (*_WHICH, *(field.name for field in dataclasses.fields(Failure)))


def guarded(api_key: str, does: Callable[[Any], Any]) -> Callable[[web.Request], Any]:
    """Give a handler that asks for the key, and answers what is done with the body as JSON."""

    async def handler(request: web.Request) -> web.Response:
        try:
            authenticate(request, api_key)
            body = await read_json(request)
            if isinstance(body, Refusal):
                raise body
            return web.json_response(does(body), dumps=_dumps)
        except Refusal as exc:
            return web.json_response(exc.body, status=exc.status)
        except DailyConfigError as exc:
            refusal = invalid(str(exc))
            return web.json_response(refusal.body, status=refusal.status)

    return handler


def routes(api_key: str, faults: Faults) -> list[web.RouteDef]:
    """List the routes that add, list and remove faults."""

    def add(body: Any) -> Any:
        return faults.add(_read(body)).describe()

    def listed(body: Any) -> Any:
        return {"data": [fault.describe() for fault in faults.added]}

    def clear(body: Any) -> Any:
        faults.clear()
        return {"deleted": True}

    return [
        web.post(PATH, guarded(api_key, add)),
        web.get(PATH, guarded(api_key, listed), allow_head=False),
        web.delete(PATH, guarded(api_key, clear)),
    ]


def _read(body: Any) -> Fault:
    if isinstance(body, dict) and body.keys() == {"chaos"}:
        options = checked("a fault", body["chaos"], _CHAOS, "seed")
        return Chaos(options.pop("seed"), **options)
    given = checked("a fault", body, _FAULT, "method", "path")
    method, path, times = given.pop("method"), given.pop("path"), given.pop("times", 1)
    return Fault(method, path, Failure(**given), times=times)


def checked(what: str, given: Any, known: Sequence[str], *required: str) -> dict[str, Any]:
    """Give an object of a body, if it has the required members and no unknown ones."""
    if not isinstance(given, dict):
        raise invalid(f"{what} must be a JSON object")
    for name in given:
        if name not in known:
            raise invalid(f"{what} has no '{name}'; it can have {', '.join(known)}")
    if missing := [name for name in required if name not in given]:
        raise invalid(f"{missing[0]} is missing")
    return given
