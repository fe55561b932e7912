# SPDX-License-Identifier: BSD-2-Clause
"""Requests that no client of Daily sends: each gets a response, and at most one line in the log."""

import asyncio
import gzip
import zlib
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest
from loguru import logger

from peers import WAIT
from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.rules.strict_json import MOST_DEPTH, NotJSON, parse, size_of

READERS = ("/v1/rooms", "/v1/batch/rooms", "/v1/nowhere", "/.faults", "/demo/offer", "/demo/leave")


@pytest.fixture
async def daily() -> AsyncIterator[LocalDaily]:
    async with LocalDaily(control=True) as daily:
        daily.state.rooms.create("demo", "public", {})
        yield daily


@pytest.fixture
def lines() -> Iterator[list[str]]:
    lines: list[str] = []
    sink = logger.add(lines.append, level="DEBUG", format="{level} {message}")
    yield lines
    logger.remove(sink)


async def send(daily: LocalDaily, start: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """Send bytes, and give the whole response."""
    reader, writer = await asyncio.open_connection("127.0.0.1", daily.port)
    known = (
        b"Host: 127.0.0.1:%d" % daily.port,
        b"Authorization: Bearer " + daily.api_key.encode(),
        b"Connection: close",
    )
    try:
        writer.write(b"\r\n".join([start, *known, *headers, b"", body]))
        async with asyncio.timeout(WAIT):
            return await reader.read()
    except ConnectionError:  # it closed the connection before it had read all
        return b""
    finally:
        writer.close()


async def post(daily: LocalDaily, path: str, body: bytes, *headers: bytes) -> tuple[int, bytes]:
    length = b"Content-Length: %d" % len(body)
    start = b"POST " + path.encode() + b" HTTP/1.1"
    answer = await send(daily, start, length, *headers, body=body)
    return int(answer.split()[1]), answer.partition(b"\r\n\r\n")[2]


def assert_one_line_each(lines: list[str]) -> None:
    assert not [line for line in lines if "Traceback" in line or line.count("\n") > 1]
    assert not [line for line in lines if line.startswith(("ERROR", "CRITICAL"))]
    assert all(len(line) < 600 for line in lines)


def nested(depth: int, opened: bytes = b"[", closed: bytes = b"]") -> bytes:
    return opened * depth + b"1" + closed * depth


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (nested(MOST_DEPTH + 1), ()),
        (nested(900), ()),
        (nested(900, b'{"name": ', b"}"), ()),
        (b"[" * 300_000, ()),
        (b'{"name": 1e999}', ()),
        (b'{"name": -Infinity}', ()),
        (b'{"name": ' + b"9" * 5000 + b"}", ()),
        (b'{"name": "\xff"}', ()),
        (b"no gzip", (b"Content-Encoding: gzip",)),
        (b"no deflate", (b"Content-Encoding: deflate",)),
        (gzip.compress(b'{"name": "half"}', mtime=0)[:-12], (b"Content-Encoding: gzip",)),
        (b"no gzip", (b"Content-Encoding: gzip, gzip",)),
        (b"no brotli", (b"Content-Encoding: br",)),
        (b"no zstd", (b"Content-Encoding: zstd",)),
    ],
)
async def test_a_body_that_cannot_be_read_is_a_400(
    daily: LocalDaily, lines: list[str], body: bytes, headers: tuple[bytes, ...]
) -> None:
    for path in READERS:
        status, answer = await post(daily, path, body, *headers)
        # A page that leaves by a beacon reads no response.
        assert status in ((204, 400) if path == "/demo/leave" else (400,)), (path, answer)
    assert_one_line_each(lines)
    assert list(daily.rooms) == ["demo"]
    assert (await post(daily, "/v1/rooms", b'{"name": "next"}'))[0] == 200


@pytest.mark.parametrize("path", READERS)
async def test_a_body_that_decodes_to_too_much_is_a_413(
    daily: LocalDaily, lines: list[str], path: str
) -> None:
    large = b'{"name": "' + b" " * 50_000_000 + b'"}'
    for packed, how in ((gzip.compress(large), b"gzip"), (zlib.compress(large), b"deflate")):
        status, _ = await post(daily, path, packed, b"Content-Encoding: " + how)
        assert status == 413
    assert_one_line_each(lines)


@pytest.mark.parametrize(
    "request_",
    [
        (b"POST /demo/offer HTTP/1.1", b"Content-Length: -5"),
        (b"POST /demo/offer HTTP/1.1", b"Content-Length: 5", b"Content-Length: 6"),
        (b"POST /demo/offer HTTP/1.1", b"Content-Length: 5", b"Transfer-Encoding: chunked"),
        (b"POST /demo/offer HTTP/1.1", b"Transfer-Encoding: chunked", b"", b"zz", b"hello"),
        (b"GET /demo HTTP/1.1", b"Bad Header"),
        (b"GET /demo HTTP/1.1", b"X: a\0b"),
        (b"GET /demo HTTP/1.1", b"X: " + b"a" * 20_000),
        (b"GET /demo HTTP/1.1", *[b"X: a"] * 20_000),
        (b"GET /demo?" + b"a" * 20_000 + b" HTTP/1.1",),
        (b"GET /demo HTTP/9.9",),
        (b"GET http://[::1 HTTP/1.1",),
        (b"GET http://127.0.0.1:999999999/v1 HTTP/1.1",),
        (b"G\xffT /demo HTTP/1.1",),
        (b"\x16\x03\x01\x02\x00 no HTTP",),
    ],
)
async def test_a_malformed_request_is_a_400_and_one_line(
    daily: LocalDaily, lines: list[str], request_: tuple[bytes, ...]
) -> None:
    answer = await send(daily, *request_)
    assert answer[:12] in (b"HTTP/1.0 400", b"HTTP/1.1 400", b"")
    assert len(lines) <= 1
    assert_one_line_each(lines)


async def test_a_client_that_disconnects_early_is_not_a_failure(
    daily: LocalDaily, lines: list[str]
) -> None:
    for path in (b"/v1/rooms", b"/demo/offer"):
        _, writer = await asyncio.open_connection("127.0.0.1", daily.port)
        host = b"Host: 127.0.0.1:%d\r\n" % daily.port
        writer.write(b"POST " + path + b" HTTP/1.1\r\n" + host + b"Content-Length: 99\r\n\r\n{")
        await writer.drain()
        await post(daily, "/demo/leave", b"{}")  # the local Daily has begun to read by now
        writer.transport.abort()
    await post(daily, "/demo/leave", b"{}")
    assert_one_line_each(lines)


def test_parsed_json_can_be_written() -> None:
    deep: Any = 1
    for _ in range(MOST_DEPTH):
        deep = [deep]
    wide = b"[" + b"[]," * 5000 + b"[]]"
    for text in (nested(MOST_DEPTH), wide, b'"\\ud800"', b"1e+308", b"-0.0", b"null"):
        assert size_of(parse(text)) <= len(text)
    assert parse(nested(MOST_DEPTH)) == deep
    assert parse("[" * 3 + "]" * 3) == [[[]]]
    for text, why in ((b"NaN", "no NaN"), (b"[-1e999]", "too large"), (nested(101), "deep")):
        with pytest.raises(NotJSON, match=why):
            parse(text)
