# SPDX-License-Identifier: BSD-2-Clause
"""The trace of a session: from the server into the process of its bot."""

import asyncio
import json
import signal
import sys
import urllib.request

import pytest
from aiohttp import web
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
from opentelemetry.trace import StatusCode

from pipecat_daily_rest import DailyError
from pipecat_daily_rest.server import StartRequest
from pipecat_daily_rest.server.traces import SessionTraces
from serving import BEHAVE, STAY, until

TALK = BEHAVE.with_name("talk.py")
SERVE = (sys.executable, "-m", "pipecat_daily_rest", "serve")
PARTS = ["daily.provision", "session.bot", "daily.teardown"]


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def traces(spans):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    yield SessionTraces(provider)
    provider.shutdown()


@pytest.fixture
async def collector():
    """Takes spans by OTLP, as a collector does."""
    found = []

    async def take(request):
        message = ExportTraceServiceRequest.FromString(await request.read())
        for resource in message.resource_spans:
            for scope in resource.scope_spans:
                found.extend(scope.spans)
        return web.Response(content_type="application/x-protobuf")

    app = web.Application()
    app.router.add_post("/v1/traces", take)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    yield f"http://127.0.0.1:{runner.addresses[0][1]}", found
    await runner.cleanup()


async def test_the_parts_of_a_session(serve, spans, traces):
    sessions = await serve(traces=traces)
    session = await sessions.start(StartRequest(body=STAY))
    await sessions.stop(session.id)
    *parts, outer = spans.get_finished_spans()
    assert [each.name for each in parts] == PARTS
    assert outer.name == "session"
    assert outer.parent is None
    assert {each.parent.span_id for each in parts} == {outer.context.span_id}
    assert dict(outer.attributes) == {
        "session.id": session.id,
        "conversation.id": session.id,
        "session.agent": "behave",
        "session.end_reason": "stopped",
        "daily.room.name": session.room_name,
    }
    assert outer.status.status_code is StatusCode.UNSET
    starts = [each.start_time for each in (outer, *parts)]
    assert starts == sorted(starts)
    assert parts[1].end_time <= parts[2].start_time
    assert parts[2].end_time <= outer.end_time
    told = "".join(each.to_json() for each in spans.get_finished_spans())
    assert "eyJ" not in told
    assert str(session.user_token) not in told


async def test_what_failed_is_marked(serve, local_daily, spans, traces):
    sessions = await serve(traces=traces)
    await (await sessions.start(StartRequest(body={"do": "raise"}))).wait()
    outer = spans.get_finished_spans()[-1]
    assert outer.status.status_code is StatusCode.ERROR
    assert outer.status.description == "ValueError: no such word ***"
    spans.clear()
    local_daily.fail("POST", "/rooms", status=403)
    with pytest.raises(DailyError):
        await sessions.start(StartRequest())
    await until(lambda: sessions.taken == 0)
    provision, outer = spans.get_finished_spans()
    assert (provision.name, outer.name) == ("daily.provision", "session")
    assert provision.status.status_code is outer.status.status_code is StatusCode.ERROR


async def test_a_session_without_a_room_has_its_bot_only(serve, spans, traces):
    sessions = await serve(traces=traces)
    await (await sessions.start(StartRequest(create_room=False))).wait()
    assert [each.name for each in spans.get_finished_spans()] == ["session.bot", "session"]


async def post(url, data):
    def send():
        body = json.dumps(data).encode()
        request = urllib.request.Request(url, data=body)  # noqa: S310 - the server's own URL
        with urllib.request.urlopen(request) as response:  # noqa: S310
            return json.load(response)

    return await asyncio.to_thread(send)


async def test_pipecats_conversation_is_a_child_across_processes(start, local_daily, collector):
    endpoint, found = collector
    env = {**local_daily.env(), "OTEL_EXPORTER_OTLP_ENDPOINT": endpoint, "OTEL_SERVICE_NAME": "x"}
    server = await start(*SERVE, TALK, "--port", "0", env=env)
    url = await server.says(r"^(http://127\.0\.0\.1:\d+)$")
    started = await post(f"{url}/start", {"createDailyRoom": True})
    await server.says(r"Joined http", stream="err")
    assert "conversation" not in {each.name for each in found}
    server.signal(signal.SIGTERM)  # the spans of a bot that is told to end arrive as well
    assert await server.ended() == 0
    spans = {each.name: each for each in found}
    assert {"session", *PARTS, "conversation"} <= spans.keys()
    session = spans["session"]
    # Recent versions of FastAPI make a span of the request themselves: it is the outermost then.
    assert session.parent_span_id in {b"", *(each.span_id for each in found)}
    assert {spans[each].parent_span_id for each in PARTS} == {session.span_id}
    assert spans["conversation"].parent_span_id == spans["session.bot"].span_id
    assert spans["conversation"].trace_id == session.trace_id
    attributes = {each.key: each.value.string_value for each in session.attributes}
    assert attributes["session.id"] == started["sessionId"]
    assert attributes["session.end_reason"] == "drained"
    assert local_daily.rooms == {}


async def test_a_collector_that_is_away_changes_nothing(start, local_daily):
    env = {**local_daily.env(), "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:9"}
    server = await start(*SERVE, BEHAVE, "--port", "0", env=env)
    url = await server.says(r"^(http://127\.0\.0\.1:\d+)$")
    await post(f"{url}/start", {"createDailyRoom": True, "body": {"do": "stay"}})
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
    assert local_daily.rooms == {}


async def test_without_the_extra_the_server_says_what_to_install(start, local_daily, tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys\nsys.modules['opentelemetry.sdk'] = None\n"
    )
    env = local_daily.env()
    env["PYTHONPATH"] = f"{tmp_path}:{env['PYTHONPATH']}"
    env["OTEL_EXPORTER_OTLP_ENDPOINT"] = "http://127.0.0.1:9"
    server = await start(*SERVE, BEHAVE, "--port", "0", "--launcher", "task", env=env)
    url = await server.says(r"^(http://127\.0\.0\.1:\d+)$")
    assert "pip install 'pipecat-daily-rest[otel]'" in server.err
    await post(f"{url}/start", {"createDailyRoom": True})
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
