# SPDX-License-Identifier: BSD-2-Clause
import asyncio
import base64
from contextlib import asynccontextmanager

import pytest

from pipecat_daily_rest import DailyConnectionError, DailyRESTHelper, RetryPolicy

KEY = "k" * 32
ANSWER = b'{"domain_id": "d", "domain_name": "far", "config": {}}'


@asynccontextmanager
async def proxy(status=200):
    """A proxy that answers by itself: gives its port and the heads of the requests."""
    heads = []

    async def serve(reader, writer):
        heads.append((await reader.readuntil(b"\r\n\r\n")).decode())
        writer.write(b"HTTP/1.1 %d Said\r\nContent-Length: %d\r\n\r\n" % (status, len(ANSWER)))
        writer.write(ANSWER)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(serve, "127.0.0.1")
    async with server:
        yield server.sockets[0].getsockname()[1], heads


@pytest.fixture(autouse=True)
def _no_proxy_of_the_developers(monkeypatch):
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "DAILY_TRUST_ENV"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)


def helper_of(url, *, key=KEY, **options):
    retry = RetryPolicy(attempts=1, timeout=60, deadline=60)
    return DailyRESTHelper(daily_api_key=key, daily_api_url=url, retry=retry, **options)


@pytest.mark.parametrize(("variable", "argument"), [("1", None), ("", True)])
async def test_a_proxy_is_used_when_it_is_wanted(monkeypatch, tmp_path, variable, argument):
    netrc = tmp_path / "netrc"
    netrc.write_text("machine far.invalid login ann password s3cret\n")
    monkeypatch.setenv("NETRC", str(netrc))
    async with proxy() as (port, heads):
        monkeypatch.setenv("HTTP_PROXY", f"http://bob:pa55word@127.0.0.1:{port}")
        monkeypatch.setenv("DAILY_TRUST_ENV", variable)
        async with helper_of("http://far.invalid/v1", trust_env=argument) as helper:
            assert (await helper.get_domain()).domain_name == "far"
    (head,) = heads
    assert head.startswith("GET http://far.invalid/v1/ HTTP/1.1\r\n")
    assert f"Authorization: Bearer {KEY}\r\n" in head
    assert base64.b64encode(b"bob:pa55word").decode() in head


async def test_a_refused_tunnel_names_the_proxy_without_its_password(monkeypatch):
    async with proxy(status=403) as (port, heads):
        monkeypatch.setenv("HTTPS_PROXY", f"http://bob:pa55word@127.0.0.1:{port}")
        async with helper_of("https://far.invalid/v1", trust_env=True) as helper:
            with pytest.raises(DailyConnectionError) as raised:
                await helper.get_domain()
    assert heads[0].startswith("CONNECT far.invalid:443 ")
    assert f"through the proxy 127.0.0.1:{port} (HTTPS_PROXY)" in str(raised.value)
    assert "pa55word" not in f"{raised.value!r} {raised.value.__cause__!r}"


@pytest.mark.parametrize(("variable", "argument"), [("", None), ("0", None), ("1", False)])
async def test_a_proxy_that_is_not_used_is_named(monkeypatch, variable, argument):
    monkeypatch.setenv("HTTPS_PROXY", "http://bob:pa55word@127.0.0.1:1")
    monkeypatch.setenv("DAILY_TRUST_ENV", variable)
    async with helper_of("https://far.invalid/v1", trust_env=argument) as helper:
        with pytest.raises(DailyConnectionError) as raised:
            await helper.get_domain()
    assert "HTTPS_PROXY is set and not used: DAILY_TRUST_ENV=1" in str(raised.value)
    assert "pa55word" not in str(raised.value)


async def test_no_proxy_for_a_local_daily(local_daily, monkeypatch):
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    async with helper_of(local_daily.api_url, key=local_daily.api_key, trust_env=True) as helper:
        assert (await helper.get_domain()).domain_name == "local"
