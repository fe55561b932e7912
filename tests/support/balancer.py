# SPDX-License-Identifier: BSD-2-Clause
"""A small load balancer on 127.0.0.1: one request to one server after the other, none to a dead one."""

import itertools
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

import aiohttp
from aiohttp import web


@asynccontextmanager
async def balanced(urls: Sequence[str]) -> AsyncIterator[str]:
    """Give the URL of a balancer in front of servers."""
    turns = itertools.count()

    async def forward(request: web.Request) -> web.Response:
        body = await request.read()
        first = next(turns)
        for number in range(len(urls)):
            url = urls[(first + number) % len(urls)] + request.path_qs
            try:
                async with client.request(
                    request.method, url, data=body, headers=request.headers
                ) as answer:
                    kind = answer.content_type
                    return web.Response(
                        status=answer.status, body=await answer.read(), content_type=kind
                    )
            except aiohttp.ClientConnectorError:
                continue
            except aiohttp.ClientError:  # it died meanwhile: nobody repeats what it may have done
                break
        return web.Response(status=502)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", forward)
    runner = web.AppRunner(app)
    async with aiohttp.ClientSession() as client:
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        try:
            yield f"http://{host}:{port}"
        finally:
            await runner.cleanup()
