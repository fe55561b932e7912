# SPDX-License-Identifier: BSD-2-Clause
"""What Prometheus gets: slots, starts, ends, rooms, requests, and the latency of an unedited bot."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import aiohttp
import pytest
from prometheus_client import CollectorRegistry
from prometheus_client.parser import text_string_to_metric_families

from pipecat_daily_rest import DailyError
from pipecat_daily_rest.server import AtCapacity, Draining, ProcessLauncher, StartRequest
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.bot_measures import SETUP, measured
from pipecat_daily_rest.server.keys import Keys
from pipecat_daily_rest.server.metrics import add_to_registry, exposition
from serving import BEHAVE, STAY, served, until

TALK = BEHAVE.with_name("talk.py")
ROOT = Path(__file__).parents[2]
KEYS = Keys(public=("public-key-of-a-page",), private=("private-key-of-the-owner",))


def scraped(registry):
    """Give every sample that is not 0, by its name and labels."""
    text, _ = exposition(registry, "")
    found = {}
    for family in text_string_to_metric_families(text.decode()):
        for sample in family.samples:
            labels = ",".join(f"{name}={value}" for name, value in sorted(sample.labels.items()))
            key = f"{sample.name}{{{labels}}}" if labels else sample.name
            assert key not in found, key
            found[key] = sample.value
    return {key: value for key, value in found.items() if value}


async def test_a_session_is_counted_from_its_start_to_its_end(serve, local_daily):
    sessions = await serve(max_sessions=1)
    registry = add_to_registry(sessions)
    assert scraped(registry) == {
        "pipecat_sessions_capacity": 1,
        "daily_requests_total{method=GET,status=200}": 1,
    }
    session = await sessions.start(StartRequest(body=STAY))
    await session.began.wait()
    with pytest.raises(AtCapacity):
        await sessions.start(StartRequest(body=STAY))
    now = scraped(registry)
    assert now["pipecat_sessions_active"] == now["pipecat_sessions_started_total"] == 1
    assert now["pipecat_sessions_refused_total{why=full}"] == 1
    assert now["pipecat_session_start_seconds_count"] == 1
    assert now["daily_rooms_created_total"] == 1
    assert not any("ended" in name or "deleted" in name for name in now)
    await sessions.stop(session.id)
    now = scraped(registry)
    assert "pipecat_sessions_active" not in now
    assert now["pipecat_sessions_ended_total{reason=stopped}"] == 1
    assert now["pipecat_session_duration_seconds_bucket{le=+Inf}"] == 1
    assert now["daily_rooms_deleted_total"] == 1
    assert now["daily_requests_total{method=POST,status=200}"] == 1
    await sessions.drain()
    with pytest.raises(Draining):
        await sessions.start(StartRequest())
    assert scraped(registry)["pipecat_sessions_refused_total{why=draining}"] == 1


async def test_the_reasons_are_there_before_the_first_of_each(serve):
    text, _ = exposition(add_to_registry(await serve()), "")
    for series in (
        'pipecat_sessions_ended_total{reason="lost"} 0.0',
        'pipecat_sessions_refused_total{why="full"} 0.0',
        "daily_rooms_leaked_total 0.0",
    ):
        assert series in text.decode()


async def test_requests_by_status_retries_and_a_room_that_was_not_made(serve, local_daily):
    sessions = await serve()
    registry = add_to_registry(sessions)
    local_daily.fail("POST", "/rooms", status=429)
    session = await sessions.start(StartRequest())
    await session.wait()
    now = scraped(registry)
    assert now["daily_requests_total{method=POST,status=429}"] == 1
    assert now["daily_request_retries_total{method=POST}"] == 1
    assert now["daily_rooms_created_total"] == now["daily_rooms_deleted_total"] == 1
    local_daily.fail("POST", "/rooms", status=403)
    with pytest.raises(DailyError):
        await sessions.start(StartRequest())
    now = scraped(registry)
    assert now["pipecat_sessions_refused_total{why=no_room}"] == 1
    assert now["pipecat_sessions_started_total"] == now["daily_rooms_created_total"] == 1


async def test_a_room_that_is_left(serve, local_daily):
    sessions = await serve()
    registry = add_to_registry(sessions)
    session = await sessions.start(StartRequest(body=STAY))
    local_daily.fail("DELETE", "/rooms/*", status=403)
    local_daily.fail("DELETE", "/batch/rooms", status=403)
    await sessions.stop(session.id)
    now = scraped(registry)
    assert now["daily_rooms_leaked_total"] == now["daily_rooms_created_total"] == 1
    assert "daily_rooms_deleted_total" not in now


async def test_the_pool(serve):
    sessions = await serve(pool=1)
    registry = add_to_registry(sessions)
    assert scraped(registry)["daily_pool_size"] == 1
    for _ in range(2):
        await sessions.start(StartRequest(body=STAY))
    now = scraped(registry)
    assert now["daily_pool_hits_total"] == now["daily_pool_misses_total"] == 1
    assert now["daily_rooms_created_total"] == 2 + now.get("daily_pool_size", 0)
    await sessions.drain()


async def test_two_sessions_in_a_process_and_in_one_registry(serve):
    theirs = CollectorRegistry()
    one, two = await serve(max_sessions=3), await serve(max_sessions=4)
    for sessions in (one, two, one):
        assert add_to_registry(sessions, theirs) is theirs
        create_app(sessions)  # with a registry of its own
    await (await one.start(StartRequest())).wait()
    await (await two.start(StartRequest())).wait()
    now = scraped(theirs)
    assert now["pipecat_sessions_capacity"] == 7
    assert now["pipecat_sessions_started_total"] == 2
    assert now["daily_rooms_deleted_total"] == 2


@pytest.mark.filterwarnings("ignore:'audioop'")  # of Pipecat, imported here by the first of them
@pytest.mark.parametrize("launcher", ["task", "fork"])
async def test_the_latency_of_a_bot_that_knows_nothing_of_it(
    serve, local_daily, stand_in, launcher
):
    where = ProcessLauncher(fork=True) if launcher == "fork" else launcher
    sessions = await serve(TALK, launcher=where)
    registry = add_to_registry(sessions)
    deaf = await sessions.start(StartRequest())
    hears = await sessions.start(StartRequest(body={"hears": True}))
    for session in (deaf, hears):
        person = local_daily.join(session.room_name, session.user_token)
        await until(lambda: session.measured.describe(0)["usage"])  # noqa: B023
        if session is hears:
            await until(lambda: hears.measured.latencies)
        person.leave()
        assert (await session.wait()).reason == "finished"
    now = scraped(registry)
    assert now["pipecat_user_bot_latency_seconds_count"] == 1
    (latency,) = hears.measured.latencies
    assert latency == now["pipecat_user_bot_latency_seconds_sum"] >= 0.5
    assert deaf.measured.latencies == []


async def test_metrics_need_a_private_key_and_name_no_session(serve):
    sessions = await serve()
    session = await sessions.start(StartRequest())
    await session.wait()
    app = create_app(sessions, keys=KEYS)
    async with aiohttp.ClientSession() as client, served(app) as (_, port):
        for key, status in ((None, 401), (KEYS.public[0], 403), (KEYS.private[0], 200)):
            headers = {"Authorization": f"Bearer {key}"} if key else {}
            url = f"http://127.0.0.1:{port}/metrics"
            async with client.get(url, headers=headers) as response:
                text = await response.text()
            assert response.status == status
        assert response.content_type == "text/plain"
        for accept in ("text/plain;version=abc", "application/openmetrics-text;version=1..0"):
            async with client.get(url, headers={**headers, "Accept": accept}) as response:
                assert (response.status, response.content_type) == (200, "text/plain")
    assert "pipecat_sessions_started_total 1.0" in text
    assert session.id not in text


async def test_without_prometheus_client_the_server_runs_and_says_what_to_install(
    serve, monkeypatch
):
    monkeypatch.setitem(sys.modules, "prometheus_client", None)
    sessions = await serve()
    async with aiohttp.ClientSession() as client, served(create_app(sessions)) as (_, port):
        async with client.post(f"http://127.0.0.1:{port}/start", json={}) as response:
            assert response.status == 200
        async with client.get(f"http://127.0.0.1:{port}/metrics") as response:
            assert response.status == 501
            assert "pip install 'pipecat-daily-rest[server]'" in (await response.json())["info"]


def test_the_core_imports_neither():
    program = (
        "import sys, pipecat_daily_rest.server; "
        "print(sorted({name.partition('.')[0] for name in sys.modules}))"
    )
    shown = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout
    assert not {"prometheus_client", "opentelemetry", "fastapi"} & set(re.findall(r"\w+", shown))


async def test_the_dashboard_asks_for_metrics_that_exist(serve):
    shown, _ = exposition(add_to_registry(await serve()), "")
    names = set(re.findall(r"^(?:# TYPE )?(\w+)", shown.decode(), re.MULTILINE))
    dashboard = json.loads((ROOT / "examples" / "deploy" / "grafana.json").read_text())
    asked = [
        name
        for panel in dashboard["panels"]
        for target in panel["targets"]
        for name in re.findall(r"(?:pipecat|daily)_\w+", target["expr"])
    ]
    assert len(asked) > 15
    assert set(asked) <= names


@pytest.mark.parametrize("before", ["", "/a.py", f"/a.py{os.pathsep}/b.py"])
def test_the_setup_file_is_appended_once(monkeypatch, before):
    monkeypatch.setenv("PIPECAT_SETUP_FILES", before)
    for _ in range(2):
        with measured(None):
            pass
    files = os.environ["PIPECAT_SETUP_FILES"].split(os.pathsep)
    assert files == [*filter(None, before.split(os.pathsep)), SETUP]


@pytest.mark.filterwarnings("ignore:'audioop'")
async def test_the_setup_file_has_both_functions_and_leaves_other_pipelines_alone(said):
    from pipecat.utils.startup import run_setup_hook

    with measured(None):
        for name in ("setup_worker_runner", "setup_pipeline_worker"):
            await run_setup_hook(target=None, function_name=name)
    mine = [each for each in said if each["message"].endswith(SETUP)]
    assert [each["level"].name for each in mine] == ["DEBUG", "DEBUG"]
