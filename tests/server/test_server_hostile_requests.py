# SPDX-License-Identifier: BSD-2-Clause
"""Requests that no browser sends: each gets an answer in time, none an error of the server's."""

import asyncio
import json
import re
from contextlib import suppress

import pytest

from pipecat_daily_rest.server import Sessions, http_body
from pipecat_daily_rest.server.app import OriginGuard, create_app
from pipecat_daily_rest.server.connections import close_idle
from serving import BEHAVE, raw, served, until

ALLOWED = ("HTTPS://App.Example:443/", "http://other.example:8080")


@pytest.fixture
async def server(local_daily, monkeypatch, said):
    for name, value in local_daily.env().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setattr(http_body, "_LINGER", 2.0)
    sessions = Sessions(BEHAVE, max_sessions=100, launcher="task")
    async with served(create_app(sessions, allowed_origins=ALLOWED)) as running:
        yield running
        assert sessions.taken == 0
    assert local_daily.rooms == {}
    assert not [each for each in said if each["level"].no >= 30]


@pytest.fixture
def port(server):
    return server[1]


def request(body=b"{}", *, path="/start", method="POST", length=None, host="localhost", **headers):
    length = len(body) if length is None else length
    given = {"Host": host, "Content-Length": length, "Connection": "close", **headers}
    lines = [f"{method} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in given.items())]
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def chunks(*parts):
    head = request(method="POST").partition(b"Content-Length")[0]
    head += b"Connection: close\r\nTransfer-Encoding: chunked\r\n\r\n"
    return head + b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def answer(text):
    head, _, body = text.partition("\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


def nested(depth, start='{"body":{"x":', end="}}"):
    return (start + "[" * depth + "]" * depth + end).encode()


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (request(b"{"), 400),
        (request(b"\xff\xfe"), 400),
        (request(b'{"body": NaN}'), 400),
        (request(b'{"body": ' + b"9" * 5000 + b"}"), 400),
        (request(b'{"createDailyRoom": true, "dailyRoomProperties": {"exp": NaN}}'), 400),
        (request(b"a=b", **{"Content-Type": "application/x-www-form-urlencoded"}), 400),
        (request(b"{}", **{"Content-Type": "text/plain"}), 200),
        (request(b"\x1f\x8b\x08", **{"Content-Encoding": "gzip"}), 400),
        (request(b'{"body": 1, "body": {}, "transport": null}'), 200),
        (request(b"", method="OPTIONS"), 405),
        (request(b"", path="*", method="OPTIONS"), 404),
        (request(b"", path="http://localhost/start"), 404),
        (request(b"", path="evil.example:443", method="CONNECT"), 404),
        (request(b"", path="/sessions/%00%ff", method="GET"), 404),
        (request(b"", path="/sessions?limit=" + "9" * 5000, method="GET"), 422),
        (request(b"{}", **{"Idempotency-Key": "\xe9" * 20}), 400),
        (request(b"{}", Authorization="Bearer \xe9\xff"), 200),
        (request(b"{}", **{"X-Long": "a" * 60_000}), 200),
        (chunks(b"{", b"}", b""), 200),
        (chunks(*[b"a" * (1 << 16)] * 17), 413),
        (request(b"a" * 8_000_000), 413),
        (request(b"", length=10**9), 413),
        (request(b"", length=10**9, Expect="100-continue"), 413),
        (request(b'["x"]', path="/sessions/x/stop"), 404),
        (request(nested(100_000, "", ""), path="/sessions/x/stop"), 400),
    ],
)
async def test_an_answer_in_json(port, sent, status):
    code, content = answer(await raw(port, sent))
    assert code == status, content
    if status >= 400:
        assert {"error", "code", "info"} <= content.keys()
        assert content["status"] == status


async def test_however_deep_a_body_is_it_is_refused_or_reaches_the_bot(port, local_daily):
    """Also where it is copied again: for the fingerprint of a repeated start, into a process."""
    codes = []
    for depth in (*range(600, 1000, 20), 2000, 50_000):
        sent = request(nested(depth), **{"Idempotency-Key": f"{depth:020}"})
        code, content = answer(await raw(port, sent))
        codes.append(code)
        assert code == 200 or (code, content["status"]) == (400, 400)
    assert codes == sorted(codes)
    assert codes[-1] == 400


async def test_an_answer_repeats_no_token_and_nothing_long(port):
    token = "eyJhbGciOiJIUzI1NiJ9.eyJyIjoieCJ9.c2lnbmF0dXJl"
    for path in (f"/sessions/{token}", f"/sessions/{'a' * 50_000}"):
        text = await raw(port, request(b"", path=path, method="GET"))
        assert answer(text)[0] == 404
        assert "eyJ" not in text
        assert len(text) < 5000


@pytest.mark.parametrize(
    "sent",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n",
        b"POST /start HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}",
        request(b"{}", length=-1),
        request(b"{}", host="localhost\r\nHost: evil.example"),
        chunks()[:-2] + b"\r\nzz\r\n",
    ],
)
async def test_what_is_not_http_is_refused(port, sent):
    assert " 400 " in (await raw(port, sent)).partition("\r\n")[0]


async def test_a_head_without_end_is_cut_off(port):
    with suppress(ConnectionError):  # it may be closed before all of it is sent
        text = await raw(port, b"POST /start HTTP/1.1\r\nX: " + b"a" * 1_000_000)
        assert not text or " 400 " in text.partition("\r\n")[0]


async def test_a_body_that_does_not_come_is_not_waited_for(port, monkeypatch):
    monkeypatch.setattr(http_body, "_SLOWEST", 0.05)
    for path in ("/start", "/v1/public/bot/start", "/sessions/x/stop"):
        code, content = answer(await raw(port, request(b"{", path=path, length=100)))
        assert (code, content["code"]) == (408, "408")
    code, _ = answer(await raw(port, chunks(b"{")))
    assert code == 408


async def test_a_client_that_leaves_in_the_middle_of_its_body_is_no_failure(server, port):
    for sent in (request(b"{", length=100), chunks(b"{")):
        _, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(sent)
        await until(lambda: server[0].server_state.tasks)
        writer.close()
        await until(lambda: not server[0].server_state.tasks)


async def test_the_head_of_a_request_is_not_waited_for(server, port):
    closing = asyncio.create_task(close_idle(server[0], 0.05))
    for sent in (b"", b"POST /start HTTP/1.1\r\nX: "):
        assert await raw(port, sent) == ""
    busy = asyncio.create_task(raw(port, request(b'{"body": {"do": "x"}}', length=1000)))
    await until(lambda: server[0].server_state.tasks)
    await asyncio.sleep(0.3)
    assert not busy.done()  # a request that is being answered has a time of its own
    busy.cancel()
    closing.cancel()
    await asyncio.gather(busy, closing, return_exceptions=True)


@pytest.mark.parametrize(
    ("host", "may"),
    [
        ("LocalHost", True),
        ("LOCALHOST:7860", True),
        ("localhost.:7860", True),
        ("localhost:", True),
        ("127.0.0.1.", True),
        ("[::1]:7860", True),
        ("[0:0:0:0:0:0:0:1]", True),
        ("APP.example", True),
        ("app.example.:8443", True),
        ("evil.example", False),
        ("localhost.evil.example", False),
        ("127.0.0.1.evil.example", False),
        ("evil.example@127.0.0.1", False),
        ("localhost:80:80", False),
        ("localhost:x", False),
        ("[::1", False),
        ("::1", False),
        ("", False),
    ],
)
async def test_hosts(port, host, may):
    code, _ = answer(await raw(port, request(b"{}", host=host)))
    assert code == (200 if may else 403)


@pytest.mark.parametrize(
    ("origin", "may"),
    [
        ("HTTP://LocalHost:3000", True),
        ("http://[::1]:3000", True),
        ("https://app.example", True),
        ("https://app.example:443", True),
        ("HTTPS://APP.EXAMPLE", True),
        ("http://other.example:8080", True),
        ("http://other.example", False),
        ("http://app.example", False),
        ("https://app.example:8443", False),
        ("https://app.example.evil.example", False),
        ("http://localhost@evil.example", False),
        ("http://127.0.0.1.evil.example", False),
        ("null", False),
        ("", False),
    ],
)
async def test_origins(port, origin, may):
    text = await raw(port, request(b"{}", Origin=origin))
    assert answer(text)[0] == (200 if may else 403)
    if may and origin == origin.lower() and not origin.endswith(":443"):
        assert re.search(rf"(?im)^access-control-allow-origin: {re.escape(origin)}\r$", text)


async def test_a_page_of_the_server_itself_is_let_in_by_any_spelling_of_its_name(local_daily):
    guard = OriginGuard(None, origins=(), local=False)
    for host, origin, may in (
        ("app.example", "https://app.example", True),
        ("App.Example:443", "https://app.example", True),
        ("app.example:8080", "http://APP.example.:8080", True),
        ("app.example:8080", "http://app.example", False),
        ("app.example", "http://evil.example", False),
    ):
        headers = [(b"host", host.encode()), (b"origin", origin.encode())]
        scope = {"type": "http", "headers": headers}
        assert (guard.refused(scope) is None) is may, (host, origin)
