# SPDX-License-Identifier: BSD-2-Clause
"""Whatever a server or a proxy sends back: a DailyError, in time, with bounded memory."""

import asyncio
import gzip
import json
import tracemalloc
import zlib

import pytest

from pipecat_daily_rest import (
    DailyError,
    DailyRESTHelper,
    DailyRoomParams,
    RetryPolicy,
)
from raw_server import answer, raw_server
from seconds import SLACK

QUICK = RetryPolicy(attempts=2, backoff=0, deadline=0.5, timeout=0.2)
ROOM = {"name": "demo", "url": "https://x.daily.co/demo", "config": {"exp": 1}}


def bomb(megabytes):
    """A gzip of one JSON string of so many bytes."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = [packer.compress(b'"')]
    packed += [packer.compress(b"a" * 1_000_000) for _ in range(megabytes)]
    return b"".join((*packed, packer.compress(b'"'), packer.flush()))


def forever(head, piece, pause=0.0):
    async def reply(writer):
        writer.write(head)
        while True:
            writer.write(piece)
            await writer.drain()
            await asyncio.sleep(pause)

    return reply


def room(**members):
    return answer(json.dumps({**ROOM, **members}).encode())


CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
ANSWERS = {
    "nothing": b"",
    "no status": b"HTTP/1.1\r\n\r\n",
    "a status of letters": b"HTTP/1.1 OK OK\r\n\r\n",
    "a status of nine digits": b"HTTP/1.1 200000000 OK\r\nContent-Length: 0\r\n\r\n",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "binary": bytes(range(256)) * 8,
    "HTTP/0.9": b"<html>It works!</html>",
    "a header without a colon": b"HTTP/1.1 200 OK\r\nnonsense\r\nContent-Length: 2\r\n\r\n{}",
    "a header in latin-1": answer(b"{}", "X-Caf\xe9: \xff\xfe"),
    "a header with a zero": b"HTTP/1.1 200 OK\r\nX: a\0b\r\nContent-Length: 2\r\n\r\n{}",
    "a huge header": answer(b"{}", "X: " + "a" * 1_000_000),
    "ten thousand headers": answer(b"{}", *(f"X-{n}: a" for n in range(10_000))),
    "headers without end": forever(b"HTTP/1.1 200 OK\r\n", b"X: a\r\n" * 1000),
    "a status line without end": forever(b"HTTP/1.1 200 ", b"a" * 10_000),
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\n{}",
    "a length of letters": b"HTTP/1.1 200 OK\r\nContent-Length: two\r\n\r\n{}",
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    "a length of thirty digits": b"HTTP/1.1 200 OK\r\nContent-Length: " + b"9" * 30 + b"\r\n\r\n{}",
    "a body that is cut": b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\nConnection: close\r\n\r\n{",
    "chunks of garbage": CHUNKED + b"nonsense\r\n{}\r\n",
    "chunks of a negative size": CHUNKED + b"-5\r\n{}\r\n",
    "chunks of a huge size": CHUNKED + b"f" * 40 + b"\r\n{}\r\n",
    "chunks without end": forever(CHUNKED, b"100000\r\n" + b" " * 0x100000 + b"\r\n"),
    "a body without end": forever(b"HTTP/1.1 200 OK\r\n\r\n", b" " * 1_000_000),
    "an error without end": forever(b"HTTP/1.1 500 No\r\n\r\n", b"a" * 1_000_000),
    "a slow drip": forever(b"HTTP/1.1 200 OK\r\n\r\n", b" ", 0.02),
    "headers that drip": forever(b"HTTP/1.1 200 OK\r\nX: ", b"a", 0.02),
    "gzip that is none": answer(b"{}", "Content-Encoding: gzip"),
    "gzip that is cut": answer(gzip.compress(b"{}" * 999)[:-9], "Content-Encoding: gzip"),
    "deflate that is none": answer(b"\x78\x9c\xff\xff", "Content-Encoding: deflate"),
    "br and zstd": answer(b"{}", "Content-Encoding: br, zstd"),
    "100 without end": forever(b"", b"HTTP/1.1 100 Continue\r\n\r\n" * 100, 0.001),
    "103 without end": forever(b"", b"HTTP/1.1 103 Early Hints\r\nLink: a\r\n\r\n" * 100, 0.001),
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: h2c\r\nConnection: Upgrade\r\n\r\n",
    "204 with a body": answer(b"garbage" * 99, status="204 No Content"),
    "304": answer(b"", status="304 Not Modified"),
    "a redirect to itself": answer(b"", "Location: /v1/rooms", status="307 Again"),
    "a redirect to nowhere": answer(b"", "Location: http://[", status="302 Found"),
    "status 999": answer(b"{}", status="999 Odd"),
    "a 429 after the last day": answer(
        b"{}", "Retry-After: Fri, 31 Dec 9999 23:59:59 -2359", status="429 Slow"
    ),
    "a 429 before the first": answer(
        b"{}", "Retry-After: Mon, 01 Jan 0001 00:00:00 +2359", status="429 Slow"
    ),
    "a 429 for ever": answer(b"{}", "Retry-After: inf", status="429 Slow"),
    "a 429 for no number": answer(b"{}", "Retry-After: nan", status="429 Slow"),
    "a 400 after the last day": answer(
        b"{}", "Date: Fri, 31 Dec 9999 23:59:59 -2359", status="400 No"
    ),
    "an error that is a list": answer(b"[[]]", status="400 No"),
    "an error of odd members": answer(b'{"error": {"a": 1}, "info": [2]}', status="400 No"),
    "an error of half a character": answer(b'{"info": "\\ud800"}', status="400 No"),
    "HTML": answer(b"<html>" * 999, kind="text/html"),
    "another charset": answer("{}".encode("utf-16"), kind="application/json; charset=utf-16"),
    "no charset at all": answer(b'"\xff\xfe\xfd"', kind="application/json; charset=nonsense"),
    "JSON that is deep": answer(b"[" * 100_000 + b"]" * 100_000),
    "JSON that is a number": answer(b"1e999"),
    "a number of many digits": answer(b"9" * 10_000),
    "a room of infinities": answer(
        b'{"name":1e999,"url":"https://x.daily.co/demo","config":{"exp":1e999}}'
    ),
    "a room of strange things": room(name=["demo"], url={"a": 1}, config=[1]),
    "a room that never ends": room(config={"exp": 1e300}),
    "a room of another name": room(name="a" * 1_000_000),
    "a list of strange things": answer(b'{"data": [1, null, {"name": {}}], "total_count": "x"}'),
    "tokens without end": answer(b'{"name": "x' + b"eyJaaaaaaaaaa" * 300_000 + b'"}'),
    "escapes without end": answer(b"[" + b'"\\u0041",' * 400_000 + b"1]"),
    "links without end": answer(b'["' + b"?X-" * 1_000_000 + b'Signature="]'),
}


def helper_of(raw):
    return DailyRESTHelper(daily_api_key="k" * 32, daily_api_url=raw.url, retry=QUICK, pace=False)


async def listed(helper):
    return [room async for room in helper.list_rooms()]


async def message(call):
    """The DailyError that it raises, or None."""
    try:
        await call
    except DailyError as exc:
        return str(exc)
    return ""


CALLS = {
    "get": lambda helper: helper.get_room("demo"),
    "list": listed,
    "create": lambda helper: helper.create_room(DailyRoomParams(name="demo")),
    "create many": lambda helper: helper.create_rooms([DailyRoomParams(), DailyRoomParams()]),
    "delete": lambda helper: helper.delete_room_by_name("demo"),
    "domain": lambda helper: helper.get_domain(),
    "request": lambda helper: helper.request("POST", "/webhooks", json={}),
}


@pytest.mark.parametrize("which", ANSWERS)
async def test_a_hostile_response_is_a_daily_error_in_time(which):
    loop = asyncio.get_running_loop()
    async with raw_server(ANSWERS[which]) as raw, helper_of(raw) as helper:
        for call in CALLS.values():
            began = loop.time()
            told = await message(call(helper))
            assert loop.time() - began < 5.0 * SLACK
            assert len(told.encode()) < 2000
            assert helper.daily_api_key not in told
        assert raw.requests


@pytest.mark.parametrize("megabytes", [1, 200])
async def test_a_response_that_unpacks_to_too_much(megabytes):
    packed = answer(bomb(megabytes), "Content-Encoding: gzip")
    async with raw_server(packed) as raw, helper_of(raw) as helper:
        tracemalloc.start()
        try:
            with pytest.raises(DailyError, match="Invalid response"):
                await helper.get_room("demo")
            assert tracemalloc.get_traced_memory()[1] < 60_000_000
        finally:
            tracemalloc.stop()


@pytest.mark.parametrize("status", ["101 Switching Protocols", "302 Found"])
async def test_a_response_that_proves_nothing(status):
    async with raw_server(answer(b"", status=status)) as raw, helper_of(raw) as helper:
        with pytest.raises(DailyError, match="unknown"):
            await helper.request("POST", "/webhooks", json={"url": "https://x.example"})
        assert len(raw.requests) == 1
