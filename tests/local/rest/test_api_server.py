# SPDX-License-Identifier: BSD-2-Clause
"""LocalDaily as a program uses it: addresses, environment, time, starting and stopping."""

import asyncio
import gc
import os
import socket
import weakref
from pathlib import Path

import aiohttp
import pytest

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.server import STAND_IN


async def answers(url: str, daily: LocalDaily) -> bool:
    headers = {"Authorization": f"Bearer {daily.api_key}"}
    async with aiohttp.ClientSession() as http, http.get(url, headers=headers) as response:
        return response.status == 200 and "domain_id" in await response.json()


@pytest.mark.parametrize(
    ("host", "url", "api_url"),
    [
        ("127.0.0.1", "http://localhost:{}", "http://127.0.0.1:{}/v1"),
        ("localhost", "http://localhost:{}", "http://127.0.0.1:{}/v1"),
        ("127.0.0.2", "http://127.0.0.2:{}", "http://127.0.0.2:{}/v1"),
        ("0.0.0.0", "http://localhost:{}", "http://127.0.0.1:{}/v1"),  # noqa: S104
        ("::1", "http://[::1]:{}", "http://[::1]:{}/v1"),
        ("[::1]", "http://[::1]:{}", "http://[::1]:{}/v1"),
        ("::", "http://[::1]:{}", "http://[::1]:{}/v1"),
    ],
)
async def test_addresses(host: str, url: str, api_url: str) -> None:
    try:
        with socket.create_server((host.strip("[]").replace("localhost", "127.0.0.1"), 0),
                                  family=socket.AF_INET6 if ":" in host else socket.AF_INET):  # fmt: skip
            pass
    except OSError as exc:
        pytest.skip(f"this machine has no {host}: {exc}")
    async with LocalDaily(host=host) as daily:
        assert daily.port > 0
        assert daily.url == url.format(daily.port)
        assert daily.api_url == api_url.format(daily.port)
        assert await answers(daily.api_url + "/", daily)
        assert await answers(daily.url + "/v1/", daily)


async def test_a_wildcard_answers_to_addresses_and_its_name_only() -> None:
    async with LocalDaily(host="0.0.0.0") as daily, aiohttp.ClientSession() as http:  # noqa: S104
        url = f"http://127.0.0.1:{daily.port}/v1/"
        for host, status in {
            "192.168.7.7": 400,
            "[fe80::1]": 400,
            socket.gethostname(): 400,
            "evil.example": 403,
        }.items():
            async with http.get(url, headers={"Host": f"{host}:{daily.port}"}) as response:
                assert response.status == status, host


async def test_the_environment(local_daily, monkeypatch) -> None:
    monkeypatch.setenv("PYTHONPATH", "before")
    env = local_daily.env()
    folder, _, rest = env.pop("PYTHONPATH").partition(os.pathsep)
    assert Path(folder) == STAND_IN
    assert rest == "before"
    assert env == {
        "DAILY_API_URL": local_daily.api_url,
        "DAILY_API_KEY": local_daily.api_key,
        "DAILY_ROOM_URL": "",
    }
    assert local_daily.api_url.endswith("/v1")
    monkeypatch.delenv("PYTHONPATH")
    assert local_daily.env()["PYTHONPATH"] == folder


async def test_a_taken_port() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        daily = LocalDaily(port=port)
        with pytest.raises(DailyConfigError) as caught:
            await daily.start()
        await daily.aclose()
    assert str(caught.value) == (
        f"Port {port} is taken by another program: end that program, or choose another port "
        "(0 is any free one)."
    )
    async with LocalDaily(port=port) as daily:
        assert daily.port == port


@pytest.mark.parametrize(
    "host", ["203.0.113.7", "no.such.host.invalid", "a" * 70, "\u2028", "a\0b"]
)
async def test_an_address_of_another_machine(host: str) -> None:
    with pytest.raises(DailyConfigError, match="not an address of this machine: use 127"):
        await LocalDaily(host=host).start()


@pytest.mark.parametrize("options", [{"port": -1}, {"port": 65536}, {"api_key": "short"}])
def test_wrong_arguments_of_a_local_daily(options) -> None:
    with pytest.raises(DailyConfigError) as caught:
        LocalDaily(**options)
    assert "short" not in str(caught.value)


async def test_a_key_that_was_passed() -> None:
    async with LocalDaily(api_key="k" * 32) as daily:
        assert daily.api_key == "k" * 32
        assert await answers(daily.api_url + "/", daily)
    assert len(LocalDaily().api_key) == 64
    assert LocalDaily().api_key != LocalDaily().api_key


async def test_waiting_for_what_happens(local_daily) -> None:
    waiting = asyncio.create_task(local_daily.state.log.wait_for("expired", room="demo"))
    exp = local_daily.state.clock.now() + 60
    local_daily.state.rooms.create("demo", "public", {"exp": exp})
    created = await local_daily.state.log.wait_for("created")
    assert (created.room, created.what) == ("demo", "created")
    local_daily.advance(59)
    assert list(local_daily.rooms) == ["demo"]
    assert not waiting.done()
    local_daily.advance(2)
    assert (await waiting).at >= exp
    assert local_daily.rooms == {}


async def test_the_end_ejects_everyone_and_frees_the_port() -> None:
    async with LocalDaily() as daily:
        daily.state.rooms.create("demo", "public", {})
        daily.join("demo")
    assert daily.state.log.entries[-1].what == "scripted left"
    with socket.create_server(("127.0.0.1", daily.port)):
        pass
    await daily.aclose()


async def test_nothing_of_a_closed_local_daily_is_kept() -> None:
    daily = LocalDaily()
    async with daily:
        assert await answers(f"{daily.api_url}/", daily)
    kept = weakref.ref(daily)
    del daily
    gc.collect()
    assert kept() is None
