# SPDX-License-Identifier: BSD-2-Clause
"""Bots on a Ray cluster of three nodes: the contract of every launcher, and what is Ray's own."""

import asyncio
import os
import signal
import sys
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory
from types import SimpleNamespace

import pytest

if find_spec("ray") is None:
    if os.environ.get("REQUIRE_RAY"):
        pytest.fail("Ray is not installed", pytrace=False)
    pytest.skip("Ray is not installed: it has no wheel for this Python", allow_module_level=True)

import test_launchers as contract
from test_serve import SERVE, ask

from pipecat_daily_rest.cli import doctor_command
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server import (
    AtCapacity,
    EndReason,
    SessionSpec,
    StartRequest,
    TaskLauncher,
    ray_host,
    ray_launcher,
)
from pipecat_daily_rest.server.ray_launcher import RayLauncher
from ray_cluster import FIRST, ray_cluster
from serving import BEHAVE, until

# Each opens a launcher, which takes seconds.
test_the_contract = contract.test_the_contract
test_an_import_error = contract.test_an_import_error_is_shown_and_nothing_is_served
test_whoever_is_in_a_hurry = contract.test_whoever_is_in_a_hurry_shortens_an_end
test_a_process_that_dies = contract.test_a_process_that_dies_is_lost_and_frees_its_room
if os.environ.get("LARGE"):  # `make proof ONLY=ray`
    test_a_process_of_its_own = contract.test_a_bot_has_a_process_of_its_own
    test_a_bot_that_does_not_end = contract.test_a_bot_that_does_not_end_is_killed
    test_readyz = contract.test_a_bots_readyz_is_asked

MOST = 3
SAME_BOT = """
import os
from pipecat.runner.types import DailyRunnerArguments, RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams

async def bot(runner_args: RunnerArguments):
    transport = await create_transport(runner_args, {"daily": lambda: DailyParams()})
    with open(os.environ["PLACE"], "a") as file:
        print(type(runner_args).__name__, type(transport).__name__, __file__, file=file)
"""


@pytest.fixture(scope="module")
def cluster():
    # A short path, for sockets; a process that ends may still write there.
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        with ray_cluster(MOST, Path(folder)) as cluster:
            yield cluster


@pytest.fixture
def launcher(cluster, monkeypatch):
    if not os.environ.get("LARGE"):  # one host is quicker
        monkeypatch.setattr(ray_launcher, "RESOURCE", FIRST)
    return RayLauncher()


@pytest.fixture
def process_launcher(launcher):
    return launcher


async def test_hosts_that_die_and_nodes_that_are_drained(serve, cluster, local_daily, tmp_path):
    sessions = await serve(launcher=RayLauncher())
    assert sessions.slots == 2 * MOST
    first, second = cluster.nodes
    go = tmp_path / "go"
    wait = StartRequest(body={"do": "wait", "file": str(go)})
    running = [await sessions.start(wait) for _ in range(4)]
    await asyncio.gather(*(each.began.wait() for each in running))
    hosts = {host.node: host for host in sessions.launcher._hosts}
    assert [len(host.bots) for host in hosts.values()] == [2, 2]
    here, there = (set(hosts[node.node_id].bots) for node in (first, second))

    pid = await hosts[first.node_id].actor.__ray_call__.remote(lambda _: os.getpid())
    os.kill(pid, signal.SIGKILL)
    for session in running:
        if session.id in here:
            assert (await session.wait()).reason is EndReason.LOST
    assert {room.removeprefix("pipecat-") for room in local_daily.rooms} == there
    await until(lambda: sessions.slots == 2 * MOST)  # Ray has started the host again
    again = await sessions.start(wait)
    await again.began.wait()
    assert set(hosts[first.node_id].bots) == {again.id}

    cluster.drain(second)
    await until(lambda: sessions.slots == MOST + 2)
    assert await hosts[second.node_id].control("offer", "s1") is False
    more = [await sessions.start(wait) for _ in range(MOST - 1)]
    await asyncio.gather(*(each.began.wait() for each in more))
    assert set(hosts[first.node_id].bots) == {again.id, *(each.id for each in more)}
    with pytest.raises(AtCapacity):
        await sessions.start(wait)
    go.touch()
    for session in [each for each in (*running, again, *more) if each.id not in here]:
        assert (await session.wait()).reason is EndReason.FINISHED
    assert local_daily.rooms == {}


async def test_the_same_bot_runs_alone_on_a_server_and_on_ray(start, tmp_path):
    """Nothing is edited. This Ray is one of the server's own, and leaves nothing in the home folder."""
    file, place, home = tmp_path / "same.py", tmp_path / "place", tmp_path / "home"
    file.write_text(SAME_BOT)
    home.mkdir()
    env = {"PLACE": str(place), "HOME": str(home), "PIPECAT_DAILY_STATE": str(tmp_path / "state")}
    alone = await start(sys.executable, "-m", "pipecat_daily_rest", "run", file, "--local", env=env)
    assert await alone.ended() == 0
    (first,) = place.read_text().splitlines()
    options = ("--local", "--port", "0", "--launcher", "ray", "--warm", "0")
    server = await start(*SERVE, file, *options, env=env)
    url = await server.says(r"^(http://127\.0\.0\.1:\d+)$")
    status, _ = await ask(f"{url}/start", {"createDailyRoom": True})
    assert status == 200
    await until(lambda: len(place.read_text().splitlines()) == 2)
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
    assert place.read_text().splitlines() == [first, first]
    assert not [each for each in home.rglob("*") if "ray" in each.name.lower()]


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"RAY_ADDRESS": "192.0.2.1:6379", "RAY_AUTH_MODE": "disabled"}, "runs code on its"),
        ({"RAY_AUTH_MODE": "disabled"}, "runs code on its machines"),
        ({"RAY_ADDRESS": "192.0.2.1:6379", "HOME": "/nowhere"}, "RAY_AUTH_TOKEN: set it to"),
        ({"RAY_ADDRESS": "ray://192.0.2.1:10001"}, "pass the head as host:port"),
    ],
)
async def test_a_ray_that_everybody_could_use_is_refused(serve, monkeypatch, variables, words):
    for name in ("RAY_ADDRESS", "RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.delenv(name, raising=False)
    for name, value in variables.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(DailyConfigError, match=words):
        await serve(launcher="ray")


async def test_without_ray(serve, monkeypatch):
    monkeypatch.setitem(sys.modules, "pipecat_daily_rest.server.ray_launcher", None)
    with pytest.raises(DailyConfigError, match=r"pip install 'pipecat-daily-rest\[ray\]'"):
        await serve(launcher="ray")


async def test_the_doctor_demands_redis_behind_the_head(cluster):
    found = await doctor_command._ray()
    assert (found.state, found.cure.split()[4]) == ("fault", "RAY_REDIS_ADDRESS=host:port")
    assert "no Redis behind its head" in found.found


@pytest.fixture
async def host(monkeypatch):
    """A host without Ray, on the event loop of the test."""
    ended = asyncio.Event()
    context = SimpleNamespace(get_node_id=lambda: "a", current_actor="me")
    fake = SimpleNamespace(get_runtime_context=lambda: context, kill=lambda *_, **__: ended.set())
    monkeypatch.setattr(ray_host, "ray", fake)
    monkeypatch.setattr(ray_host, "ProcessLauncher", TaskLauncher)
    monkeypatch.setattr(ray_host, "draining_nodes", frozenset)
    monkeypatch.setattr(ray_host, "_LOOK", 0.01)
    host = ray_host.Host(2)
    host.ended = ended
    assert await host.open({"bot": str(BEHAVE)}, {"path": sys.path}, {}, os.getcwd()) is None
    yield host
    await host.drain(0.0)
    for task in host._tasks:
        task.cancel()


def spec(session_id, **body):
    return SessionSpec(session_id=session_id, bot=str(BEHAVE), agent="bot", body=body).to_json()


async def test_a_host_starts_only_what_it_was_offered_and_has_room_for(host, monkeypatch):
    assert not await host.start(spec("s0", do="stay"))
    assert [await host.offer(each) for each in ("s1", "s2", "s3")] == [True, True, False]
    assert await host.start(spec("s1", do="stay"))
    assert not await host.start(spec("s1", do="stay"))
    assert not await host.offer("s3")
    await host.stop("s2", 0.0)  # whoever stops before the start has it never start
    assert not await host.start(spec("s2", do="stay"))
    monkeypatch.setattr(ray_host, "_KEPT", -1.0)
    assert await host.offer("s4")
    assert await host.offer("s5")  # no start has followed the other offer in time


async def test_news_are_told_until_they_were_heard(host):
    await host.offer("s1")
    await host.start(spec("s1", do="raise"))
    life, draining, news = await host.news(0)
    while [each[1] for each in news] != ["running", "ended"]:
        _, _, news = await host.news(0)
    assert (len(life), draining) == (32, False)
    assert [each[0] for each in news] == [1, 2]
    assert (await host.news(1))[2] == news[1:]


async def test_calls_go_on_without_their_server_and_the_host_ends_after_them(host, monkeypatch):
    await host.offer("s1")
    await host.start(spec("s1", do="stay"))
    monkeypatch.setattr(ray_host, "_GONE", 0.01)
    await asyncio.sleep(0.1)  # some looks
    assert host._starts
    assert not host.ended.is_set()
    await host.stop("s1", 0.0)
    await asyncio.wait_for(host.ended.wait(), 60)


async def test_calls_without_their_server_end_in_time(host, monkeypatch):
    await host.offer("s1")
    await host.start(spec("s1", do="stay"))
    monkeypatch.setattr(ray_host, "_ORPHANS", 0.0)
    monkeypatch.setattr(ray_host, "_GONE", 0.01)
    await asyncio.wait_for(host.ended.wait(), 60)
    assert not host._starts
