# SPDX-License-Identifier: BSD-2-Clause
"""Certificates, clocks, and borrowed aiohttp sessions."""

import asyncio
import ssl
import time

import aiohttp
import pytest
from aiohttp import web
from loguru import logger

from certificates import self_signed
from pipecat_daily_rest import (
    DailyConfigError,
    DailyConnectionError,
    DailyInvalidRequestError,
    DailyRESTHelper,
    DailyRoomParams,
    provisioned_room,
)
from raw_server import answer, raw_server


@pytest.fixture
def said():
    messages = []
    sink = logger.add(lambda message: messages.append(message.record["message"]), level="INFO")
    yield messages
    logger.remove(sink)


@pytest.mark.parametrize(("days", "says"), [(2, "SSL_CERT_FILE"), (-1, "this machine's clock")])
async def test_an_untrusted_certificate(tmp_path, monkeypatch, said, days, says):
    certificate, context = self_signed(tmp_path, days=days)
    trusting = ssl.create_default_context(cafile=certificate)
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "localhost", 0, ssl_context=context).start()
    url = f"https://localhost:{runner.addresses[0][1]}/v1"
    connector = aiohttp.TCPConnector(ssl=trusting if days < 0 else True)
    try:
        async with aiohttp.ClientSession(connector=connector) as session:
            with pytest.raises(DailyConnectionError, match=says) as caught:
                async with provisioned_room(api_key="key", api_url=url, aiohttp_session=session):
                    pass
    finally:
        await runner.cleanup()
    assert (caught.value.attempts, caught.value.sent, said) == (1, False, [])
    assert "certificate is not trusted" in str(caught.value)


async def test_a_server_without_tls(said):
    async def plain(reader, writer):
        await reader.read(100)
        writer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n")
        writer.close()

    server = await asyncio.start_server(plain, "127.0.0.1", 0)
    url = f"https://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"
    async with server, DailyRESTHelper(daily_api_key="key", daily_api_url=url) as helper:
        with pytest.raises(DailyConnectionError, match="does not speak TLS") as caught:
            await helper.get_room("demo")
    assert (caught.value.attempts, said) == (1, [])


async def test_an_error_tells_of_a_slow_clock(local_daily, helper):
    local_daily.advance(7200)
    with pytest.raises(DailyInvalidRequestError, match=r"clock is 7[12]\d\d s behind"):
        async with provisioned_room(daily=helper):
            pass
    exp = time.time() + 60
    room = DailyRoomParams(name="demo", properties={"exp": exp})
    with pytest.raises(DailyInvalidRequestError, match="clock is"):
        await helper.create_room(room)
    await helper.create_room(DailyRoomParams(name="taken"))
    with pytest.raises(DailyInvalidRequestError) as caught:
        await helper.create_room(DailyRoomParams(name="taken"))
    assert "clock" not in str(caught.value)


@pytest.mark.parametrize(
    ("date", "says"),
    [
        ("Date: Mon, 01 Jan 2001 00:00:00 GMT", "s ahead of the server's"),
        ("X: y", "is this machine's clock right?"),
        ("Date: nonsense", "is this machine's clock right?"),
    ],
)
async def test_an_error_compares_the_clock_with_the_servers(date, says):
    body = b'{"error": "invalid-request-error", "info": "exp was \'1\', which is in the past"}'
    async with raw_server(answer(body, date, status="400 Bad Request")) as raw:
        async with DailyRESTHelper(daily_api_key="key", daily_api_url=raw.url) as helper:
            with pytest.raises(DailyInvalidRequestError, match=says):
                await helper.get_room("demo")


async def test_a_borrowed_session_with_other_settings(local_daily, tmp_path, monkeypatch):
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login me password secret\n")
    (tmp_path / "netrc").chmod(0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    passed = []

    async def own(request, send):
        passed.append(request.url.path)
        return await send(request)

    with pytest.warns(DeprecationWarning, match="auth"):
        lent = aiohttp.ClientSession(auth=aiohttp.BasicAuth("me", "secret"), middlewares=(own,))
    sessions = [
        lent,
        aiohttp.ClientSession(trust_env=True),
        aiohttp.ClientSession(base_url="https://other.example/"),
        aiohttp.ClientSession(headers={"Authorization": "Bearer other", "Content-Type": "a/b"}),
        aiohttp.ClientSession(auto_decompress=False),
    ]
    for session in sessions:
        async with session:
            lending = {"api_key": local_daily.api_key, "api_url": local_daily.api_url}
            async with provisioned_room(**lending, aiohttp_session=session):
                pass
    assert local_daily.rooms == {}
    assert "/v1/rooms" in passed


async def test_a_borrowed_session_of_another_loop(local_daily):
    async def make():
        return aiohttp.ClientSession()

    session = await asyncio.to_thread(asyncio.run, make())
    helper = DailyRESTHelper(
        daily_api_key=local_daily.api_key,
        daily_api_url=local_daily.api_url,
        aiohttp_session=session,
    )
    with pytest.raises(DailyConfigError, match="another event loop"):
        await helper.get_room("demo")
    session.detach()
