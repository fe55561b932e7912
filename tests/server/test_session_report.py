# SPDX-License-Identifier: BSD-2-Clause
"""What is told of a session at its end: by `on_end`, in the log, over HTTP and by a webhook."""

import asyncio
import base64
import json
import signal
import sys
from datetime import datetime

import aiohttp
import pytest

from pipecat_daily_rest import DailyConfigError, RetryPolicy
from pipecat_daily_rest.server import ReportWebhook, StartRequest
from pipecat_daily_rest.server.app import create_app
from pipecat_daily_rest.server.keys import Keys
from pipecat_daily_rest.server.measures import Measures, latency
from pipecat_daily_rest.webhooks import WebhookVerificationError, read_webhook
from receiver import Receiver
from serving import BEHAVE, STAY, served, until

TALK = BEHAVE.with_name("talk.py")
SECRET = base64.b64encode(b"a secret of the reports").decode()
QUICK = RetryPolicy(attempts=4, backoff=0.0, timeout=60.0)
SERVE = (sys.executable, "-m", "pipecat_daily_rest", "serve")
PRIVATE = "private-key-of-the-owner"


@pytest.fixture
async def receiver():
    async with Receiver() as receiver:
        yield receiver


def webhook(receiver, **options):
    return ReportWebhook(f"{receiver.url}/reports", secret=SECRET, **{"policy": QUICK, **options})


@pytest.mark.filterwarnings("ignore:'audioop'")  # of Pipecat, imported here by the first of them
async def test_the_report_of_a_call(serve, local_daily, stand_in, receiver, said):
    ends = []
    sessions = await serve(TALK, on_end=ends.append, report_to=webhook(receiver))
    session = await sessions.start(StartRequest(body={"hears": True}))
    ana = local_daily.join(session.room_name, session.user_token)
    await until(lambda: session.measured.latencies and session.report()["usage"])
    now = session.report()
    assert (now["state"], now["reason"]) == ("running", None)
    ana.leave()
    await session.wait()
    event = read_webhook((await receiver.next()).body, receiver.posts[0].headers, secret=SECRET)
    assert (event.type, event.id) == ("session.ended", session.id)
    report = event.payload
    (ended,) = ends
    assert ended.report() == report
    (logged,) = [each for each in said if "Report of session" in each["message"]]
    assert json.loads(logged["message"].partition(": ")[2]) == report
    assert logged["extra"]["session_id"] == session.id
    assert report["sessionId"] == session.id
    assert (report["agent"], report["reason"]) == ("talk", "finished")
    assert "error" not in logged["message"]
    began, over = (datetime.fromisoformat(report[each]) for each in ("createdAt", "endedAt"))
    assert report["seconds"] == pytest.approx((over - began).total_seconds(), abs=1)
    bot, person = sorted(report["participants"], key=lambda each: not each["bot"])
    assert (bot["bot"], person["bot"], person["id"]) == (True, False, str(ana.id))
    assert 0 < person["seconds"] <= bot["seconds"] <= report["seconds"]
    minutes = (bot["seconds"] + person["seconds"]) / 60
    assert report["participantMinutes"] == pytest.approx(minutes, abs=0.001)
    assert report["latency"]["count"] == 1
    assert report["latency"]["p50"] == report["latency"]["max"] >= 0.5
    assert report["usage"] == [  # of two frames, each of which passes several processors
        {
            "service": "LLM",
            "model": "m1",
            "promptTokens": 14,
            "completionTokens": 6,
            "cachedTokens": 0,
        },
        {"service": "TTS", "model": None, "characters": 24},
        {"service": "STT", "model": "m2", "audioSeconds": 3.0},
    ]


async def test_a_report_is_sent_until_it_is_accepted_and_signed_anew(serve, receiver, said):
    receiver.answers.extend([500, 429])
    sessions = await serve(report_to=webhook(receiver))
    session = await sessions.start(StartRequest())
    await session.wait()
    await sessions.drain()
    first, _, third = receiver.posts
    assert first.body == third.body
    for post in receiver.posts:
        read_webhook(post.body, post.headers, secret=SECRET)
    with pytest.raises(WebhookVerificationError):
        read_webhook(first.body.replace(b"finished", b"stopped "), first.headers, secret=SECRET)
    assert not [each for each in said if each["level"].name == "ERROR"]


@pytest.mark.parametrize(("answers", "posts", "why"), [([400], 1, "400"), ([503] * 4, 4, "503")])
async def test_a_report_that_is_refused_is_given_up(serve, receiver, said, answers, posts, why):
    receiver.answers.extend(answers)
    sessions = await serve(report_to=webhook(receiver))
    session = await sessions.start(StartRequest())
    await session.wait()
    await sessions.drain()
    assert len(receiver.posts) == posts
    (error,) = [each for each in said if each["level"].name == "ERROR"]
    assert session.id in error["message"]
    assert f"status {why}" in error["message"]
    assert "/reports" not in error["message"]  # the path may be a secret


async def test_nobody_listens(serve, said):
    to = ReportWebhook("http://127.0.0.1:9/x", secret=SECRET, policy=QUICK)
    sessions = await serve(report_to=to)
    await (await sessions.start(StartRequest())).wait()
    await sessions.drain()
    (error,) = [each for each in said if each["level"].name == "ERROR"]
    assert "no answer (ClientConnectorError)" in error["message"]


async def test_a_slow_receiver_holds_no_slot(serve, receiver):
    receiver.answers.append("hang")
    sessions = await serve(max_sessions=1, report_to=webhook(receiver))
    await (await sessions.start(StartRequest())).wait()
    await receiver.next()
    second = await sessions.start(StartRequest(body=STAY))
    receiver.release()
    await sessions.stop(second.id)


async def test_a_slow_receiver_leaves_connections_to_daily(serve, receiver):
    """A hundred reports that get no answer would have all that a process opens at once."""
    receiver.answers.extend(["hang"] * 110)
    sessions = await serve()
    session = await sessions.start(StartRequest())
    await session.wait()
    to = webhook(receiver)
    sending = [asyncio.create_task(to.send(session)) for _ in range(110)]
    for _ in range(20):
        await receiver.next()
    await sessions.start(StartRequest(body=STAY))  # Daily is asked for a room meanwhile
    assert len(receiver.posts) == 20
    receiver.release()
    assert all(await asyncio.gather(*sending))


@pytest.mark.parametrize(
    ("url", "secret", "says"),
    [
        ("ftp://x", SECRET, "must begin with http"),
        ("http://", SECRET, "name a host"),
        (None, SECRET, "must begin with http"),
        ("http://x", "", "openssl rand"),
        ("http://x", "no base64!", "PIPECAT_DAILY_REPORT_SECRET"),
    ],
)
def test_a_wrong_address_or_secret(url, secret, says):
    with pytest.raises(DailyConfigError, match=says) as error:
        ReportWebhook(url, secret=secret)
    assert "no base64!" not in str(error.value)


async def test_a_report_over_http_needs_a_private_key(serve):
    sessions = await serve()
    session = await sessions.start(StartRequest(body=STAY))
    app = create_app(sessions, keys=Keys(private=(PRIVATE,)))
    async with aiohttp.ClientSession() as client, served(app) as (_, port):
        url = f"http://127.0.0.1:{port}/sessions/{session.id}/report"
        async with client.get(url) as response:
            assert response.status == 401
        async with client.get(url, headers={"Authorization": f"Bearer {PRIVATE}"}) as response:
            report = await response.json()
    assert (report["state"], report["latency"], report["participants"]) == ("running", None, [])
    assert "eyJ" not in json.dumps(report)


async def test_a_bot_that_dies_has_a_report(serve):
    ends: asyncio.Queue = asyncio.Queue()
    sessions = await serve(launcher="process", on_end=ends.put)
    await sessions.start(StartRequest(body={"do": "die"}))
    report = (await ends.get()).report()
    assert (report["reason"], report["latency"], report["usage"]) == ("lost", None, [])
    assert report["error"] == "The bot's process died."


async def test_a_server_sends_the_last_reports_before_it_ends(start, local_daily, receiver):
    receiver.answers.append(503)
    env = {**local_daily.env(), "PIPECAT_DAILY_REPORT_SECRET": SECRET}
    options = (BEHAVE, "--launcher", "task", "--report-url", f"{receiver.url}/r")
    server = await start(*SERVE, *options, "--port", "0", env=env)
    url = await server.says(r"^(http://127\.0\.0\.1:\d+)$")
    async with aiohttp.ClientSession() as client:
        data = {"createDailyRoom": True, "body": {"do": "stay"}}
        async with client.post(f"{url}/start", json=data) as response:
            started = await response.json()
    server.signal(signal.SIGTERM)
    assert await server.ended() == 0
    event = read_webhook(receiver.posts[-1].body, receiver.posts[-1].headers, secret=SECRET)
    assert len(receiver.posts) == 2
    assert (event.id, event.payload["reason"]) == (started["sessionId"], "drained")
    assert SECRET not in server.out + server.err


async def test_a_server_without_a_secret_does_not_start(start, local_daily):
    options = (BEHAVE, "--report-url", "http://127.0.0.1:9/r", "--port", "0")
    server = await start(*SERVE, *options, env=local_daily.env())
    assert await server.ended() == 2
    assert "openssl rand -base64 32" in server.err
    assert "Traceback" not in server.err


def test_percentiles_are_latencies_that_were_measured():
    assert latency([]) is None
    assert latency([1.0]) == {"count": 1, "p50": 1.0, "p95": 1.0, "p99": 1.0, "max": 1.0}
    found = latency([n / 10 for n in range(100, 0, -1)])
    assert found == {"count": 100, "p50": 5.0, "p95": 9.5, "p99": 9.9, "max": 10.0}


def test_who_is_still_there_stays_until_the_end():
    measures = Measures()
    for who, at in (("bot", 0.0), ("ana", 10.0), ("bo", 20.0)):
        measures.note({"joined": who, "userId": None, "bot": who == "bot"}, at)
    measures.note({"left": "ana"}, 40.0)
    measures.note({"left": "nobody"}, 41.0)
    measures.end(60.0)
    found = measures.describe(1000.0)
    assert [each["seconds"] for each in found["participants"]] == [60.0, 30.0, 40.0]
    assert found["participantMinutes"] == pytest.approx(130 / 60, abs=0.001)
