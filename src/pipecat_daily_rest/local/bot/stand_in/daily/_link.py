# SPDX-License-Identifier: BSD-2-Clause
"""A bot's websocket to its room. Everything here runs on the thread of the sockets."""

import asyncio
import itertools
import json
import os
import struct
import uuid
from collections import deque
from collections.abc import Callable
from typing import Any

import aiohttp
from loguru import logger
from yarl import URL

from daily._threads import sockets

_MARK = "X-Local-Daily"
_LOOK = 3.0  # seconds in which a local Daily has to tell that it is one
_ANSWER = 5.0  # seconds in which the room has to answer
_HEARTBEAT = 10.0  # seconds
_PIECE = 48_000 * 2  # bytes in a frame: 1 second
_SOUND, _PICTURE, _TRACK_END = 0, 1, 2  # kinds of binary frames
_MIX = bytes(16)  # in place of a session id
_MOST_AHEAD = 300 * _PIECE  # bytes of speech that may wait: 5 minutes
_MOST_MESSAGE = 1_000_000  # characters

_WAY_OUT = (
    "This process uses the stand-in for daily-python, which joins local rooms only. "
    "To join a room on Daily, install pipecat-ai[daily] and run without --local."
)
_STATES = {
    "room-deleted": "the room was deleted",
    "room-expired": "the room has expired",
    "token-expired": "the bot's token has expired",
    "time-over": "the time that the room or the token allows is over",
    "ejected": "an owner ejected the bot",
    "replaced": "another participant joined with the bot's user id",
    "network-lost": "the bot was without a network for too long",
    "shutdown": "the local Daily has ended",
    "failed": "the room could not serve the bot; the local Daily's log says why",
}


class CallError(Exception):
    """What a call refuses or fails to do; the bot gets the text."""


class Link:
    """The websocket of one participant; `open_link` connects it."""

    def __init__(self, socket: "aiohttp.ClientWebSocketResponse[bool]") -> None:
        self._socket = socket
        self._replies: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._count = itertools.count(1)
        self._out: deque[str | bytes] = deque()
        self._ahead = 0  # bytes of speech that wait
        self._pictures: dict[str, bytes] = {}  # that wait, by track
        self._news = asyncio.Event()
        self._reason = "the link to the room was lost"
        self._ended = False
        self._tasks: list[asyncio.Task[None]] = []

    async def join(self, **fields: Any) -> dict[str, Any]:
        """Join; give the room's answer."""
        try:
            op = {"op": "join", "request": 0, "process": os.getpid(), **fields}
            await self._socket.send_str(json.dumps(op))
            answer: dict[str, Any] = {}
            patience: float | None = _ANSWER
            while "reply" not in answer:  # it repeats the counts that come before it
                answer = await self._socket.receive_json(timeout=patience)
                if answer.get("event") == "waiting":
                    patience = None
                    logger.info("The bot has knocked: it waits until an owner lets it in")
        except (aiohttp.ClientError, OSError, TimeoutError, TypeError, ValueError) as exc:
            msg = "The room did not answer the join."
            raise CallError(msg) from exc
        if answer.get("error"):
            raise CallError(answer["error"])
        return answer

    def start(
        self,
        on_event: Callable[["Link", dict[str, Any]], None],
        on_sound: Callable[["Link", str, str, bytes], None],
        on_picture: Callable[["Link", str, str, bytes], None],
        on_track_end: Callable[["Link", str, str], None],
        on_end: Callable[["Link", str], None],
    ) -> None:
        """Begin to read and write; sound and pictures come by session id ("": the mix) and track.

        `on_track_end` is called when a track ends or pauses, `on_end` once, with the reason.
        """

        async def read() -> None:
            async for message in self._socket:
                if message.type is aiohttp.WSMsgType.BINARY:
                    frame: bytes = message.data
                    who = "" if frame[:16] == _MIX else str(uuid.UUID(bytes=frame[:16]))
                    end = 18 + frame[17]
                    track = frame[18:end].decode()
                    if frame[16] == _TRACK_END:
                        on_track_end(self, who, track)
                    else:
                        take = on_sound if frame[16] == _SOUND else on_picture
                        take(self, who, track, frame[end:])
                elif message.type is aiohttp.WSMsgType.TEXT:
                    self._take(json.loads(message.data), on_event)
            self._ended = True
            for reply in self._replies.values():
                reply.cancel()
            on_end(self, self._reason)

        self._tasks = [asyncio.create_task(read()), asyncio.create_task(self._write())]

    async def request(self, op: str, **fields: Any) -> dict[str, Any]:
        """Ask the room to do something; give its answer."""
        if self._ended:
            msg = f"the call has ended: {self._reason}"
            raise CallError(msg)
        number = next(self._count)
        text = json.dumps({"op": op, "request": number, **fields})
        if len(text) > _MOST_MESSAGE:
            msg = f"too large for a local room: {len(text)} characters"
            raise CallError(msg)
        reply: asyncio.Future[dict[str, Any]] = asyncio.get_running_loop().create_future()
        self._replies[number] = reply
        self._put(text)
        try:
            async with asyncio.timeout(_ANSWER):
                answer = await asyncio.shield(reply)
        except TimeoutError as exc:
            msg = "the room does not answer"
            raise CallError(msg) from exc
        except asyncio.CancelledError as exc:
            if not reply.cancelled():
                raise
            msg = f"the call has ended: {self._reason}"
            raise CallError(msg) from exc
        finally:
            del self._replies[number]
        if answer.get("error"):
            raise CallError(answer["error"])
        return answer

    def say(self, track: str, samples: bytes) -> None:
        """Send speech, 48 kHz, 16 bit, mono; drop it when too much waits."""
        for start in range(0, len(samples), _PIECE):
            piece = samples[start : start + _PIECE]
            if self._ahead + len(piece) <= _MOST_AHEAD:
                self._ahead += len(piece)
                self._put(_head(_SOUND, track) + piece)

    def show(self, track: str, width: int, height: int, rgb: bytes) -> None:
        """Send a picture, in place of one of the same track that still waits."""
        self._pictures[track] = _head(_PICTURE, track) + struct.pack("<HH", width, height) + rgb
        self._news.set()

    async def close(self) -> None:
        """Close the socket."""
        await self._socket.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _put(self, frame: str | bytes) -> None:
        self._out.append(frame)
        self._news.set()

    async def _write(self) -> None:
        try:
            while True:
                while self._out:
                    frame = self._out.popleft()
                    if isinstance(frame, str):
                        await self._socket.send_str(frame)
                    else:
                        self._ahead -= len(frame) - 2 - frame[1]
                        await self._socket.send_bytes(frame)
                if self._pictures:
                    await self._socket.send_bytes(self._pictures.pop(next(iter(self._pictures))))
                    continue
                self._news.clear()
                await self._news.wait()
        except (aiohttp.ClientError, OSError):
            pass  # the reader sees the end too, and reports it

    def _take(
        self, message: dict[str, Any], on_event: Callable[["Link", dict[str, Any]], None]
    ) -> None:
        if "reply" in message:
            reply = self._replies.get(message["reply"])
            if reply is not None and not reply.done():
                reply.set_result(message)
        elif message.get("event") == "closed":
            self._reason = _STATES.get(message["reason"], message["reason"] or self._reason)
        else:
            on_event(self, message)


def _head(kind: int, track: str) -> bytes:
    name = track.encode()
    return bytes([kind, len(name)]) + name


def read_url(room_url: str) -> URL:
    """Read the URL of a room, as ``http://localhost:7880/demo``."""
    try:
        url = URL(room_url)
        complete = url.scheme in ("http", "https") and url.host and url.path.strip("/")
    except ValueError:
        complete = False
    if not complete:
        msg = f"{show(room_url)!r} is not the URL of a room."
        raise CallError(msg)
    return url


async def open_link(url: URL) -> Link:
    """Connect to a local room; refuse any other."""
    room, host = show(str(url)), url.host or ""
    if host == "daily.co" or host.endswith(".daily.co"):
        msg = f"{room} is a room on Daily. {_WAY_OUT}"
        raise CallError(msg)
    link = url.with_query(None).with_fragment(None) / "link"
    origin = url.origin()
    try:
        # Nothing secret is sent before the server has told that it is a local Daily.
        timeout = aiohttp.ClientTimeout(total=_LOOK)
        async with sockets.connections.get(
            link, allow_redirects=False, timeout=timeout
        ) as response:
            marked = _MARK in response.headers
        if not marked:
            msg = f"{origin} is not a local Daily. {_WAY_OUT}"
            raise CallError(msg)
        socket = await sockets.connections.ws_connect(
            link,
            heartbeat=_HEARTBEAT,
            max_msg_size=0,
            timeout=aiohttp.ClientWSTimeout(ws_close=1.0),
        )
    except aiohttp.WSServerHandshakeError as exc:
        msg = f"{room} is not the URL of a local room."
        raise CallError(msg) from exc
    except (aiohttp.ClientError, OSError, TimeoutError) as exc:
        msg = f"Nothing answers at {origin}: the local Daily has ended. Restart it, or the bot."
        raise CallError(msg) from exc
    return Link(socket)


def show(url: str) -> str:
    """Give a room's URL without its query and fragment, which may hold a token."""
    return url.partition("?")[0].partition("#")[0]
