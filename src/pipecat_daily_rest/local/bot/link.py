# SPDX-License-Identifier: BSD-2-Clause
"""A bot's link: the websocket between the room and the stand-in for ``daily``.

Text frames are JSON. The bot sends ``{"op": …, "request": n, …}`` and gets ``{"reply": n,
"error": None | str, …}``. Its first op is ``join``. The room sends ``{"event": …}``, as in
`Seat.send`, and ``{"event": "closed", "reason": …}`` before it closes the socket. A bot that has to
knock gets ``{"event": "waiting"}`` at once, and the reply to the join once an owner has decided.

Sound and pictures are binary frames, described in `bot.seat`.
"""

import asyncio
import uuid
from collections.abc import Callable
from typing import Any

from aiohttp import WSMsgType, web

from pipecat_daily_rest.local.bot.seat import BotSeat
from pipecat_daily_rest.local.bot.services import Services
from pipecat_daily_rest.local.call.app_messages import AppMessages, TooLarge
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.pictures import SOURCES
from pipecat_daily_rest.local.call.room import (
    MEDIA,
    MOST_TRACKS,
    JoinRefused,
    Knock,
    Newcomer,
    Participant,
)
from pipecat_daily_rest.local.rules.properties import PERMISSIONS
from pipecat_daily_rest.local.rules.rights import from_bot
from pipecat_daily_rest.local.rules.schema import Refusal, Schema
from pipecat_daily_rest.local.rules.strict_json import NotJSON, parse

_HEARTBEAT = 10.0  # seconds; a bot without a pong for half as long counts as dead
_FIRST_OP = 10.0  # seconds within which a bot has to join
_CLOSE = 1.0  # seconds that the bot has to answer a close
_MOST_MESSAGE = 4 * 1024 * 1024  # bytes: a longer message closes the link
_MOST_NAME = 128  # bytes of a custom track's name
_MOST_SUBSCRIBED = 256  # tracks that a bot hears at a time, and as many that it sees


def routes(
    lobby: Lobby, calls: Calls, messages: AppMessages, services: Services
) -> list[web.RouteDef]:
    """Give the route for bots, ``GET /{room}/link``."""

    async def link(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse(
            heartbeat=_HEARTBEAT, timeout=_CLOSE, compress=False, max_msg_size=_MOST_MESSAGE
        )
        if not socket.can_prepare(request).ok:
            text = "A bot's link to the room: a websocket, for the stand-in of daily-python.\n"
            return web.Response(status=426, text=text, headers={"Upgrade": "websocket"})
        await socket.prepare(request)
        await _Link(lobby, calls, messages, services, request, socket).run()
        return socket

    return [web.get("/{room:[A-Za-z0-9_-]{1,128}}/link", link)]


class _Refused(Exception):
    """The room refuses an op; the text is the answer."""


class _Link:
    """One bot's websocket."""

    def __init__(
        self,
        lobby: Lobby,
        calls: Calls,
        messages: AppMessages,
        services: Services,
        request: web.Request,
        socket: web.WebSocketResponse,
    ) -> None:
        self._lobby = lobby
        self._calls = calls
        self._messages = messages
        self._services = services.ops
        self._room = request.match_info["room"]
        self._request = request
        self._socket = socket
        self._seat = BotSeat(self._calls.choices, self._too_slow)
        self._me: Participant | None = None
        self._knock: Knock | None = None
        self._join_request: int | None = None
        self._ops: dict[str, Callable[[Participant, dict[str, Any]], None]] = {
            "leave": self._leave,
            "app-message": self._app_message,
            "update": self._update,
            "listen": self._listen,
            "look": self._look,
            "mute": self._mute,
            "eject": self._eject,
            "permit": self._permit,
        }

    async def run(self) -> None:
        """Serve the bot until either side ends."""
        writer = asyncio.create_task(self._write(), name="link writer")
        # A client that connects and does not join must not stay.
        hurry = asyncio.get_running_loop().call_later(_FIRST_OP, self._give_up)
        try:
            async for message in self._socket:
                if message.type is WSMsgType.TEXT:
                    self._take(message.data)
                elif message.type is WSMsgType.BINARY and self._me is not None:
                    self._seat.push(message.data)
        finally:
            hurry.cancel()
            if self._me is not None:
                self._calls.leave(self._me, "the link ended")
            if self._knock is not None:
                self._lobby.stop_waiting(self._knock)
            self._seat.close("")
            try:
                await asyncio.wait_for(writer, _CLOSE)
            except (TimeoutError, ConnectionError):
                pass

    def _give_up(self) -> None:
        if self._me is None and self._knock is None:
            self._seat.close("")

    async def _write(self) -> None:
        """Send what waits, one by one: events before sound, sound before pictures."""
        seat = self._seat
        try:
            while True:
                while (text := seat.next_text()) is not None:
                    await self._socket.send_str(text)
                if seat.closed:
                    await self._socket.close()
                    return
                if (frame := seat.next_frame()) is not None:
                    await self._socket.send_bytes(frame)
                    continue
                seat.news.clear()
                await seat.news.wait()
        except ConnectionError:
            seat.closed = True

    def _too_slow(self) -> None:
        """Remove a bot that does not read, at once: it would not read the reason either."""
        if self._me is not None:
            asyncio.get_running_loop().call_soon(self._calls.leave, self._me, "too slow")
        if self._request.transport is not None:
            asyncio.get_running_loop().call_later(_CLOSE, self._request.transport.abort)

    def _take(self, text: str) -> None:
        """Do an op and answer it; no op may stop the room."""
        if self._seat.closed:
            return  # it was ejected: its last ops are ignored
        request = None
        answer: dict[str, Any] | None = {}
        error = None
        try:
            op = parse(text)
            if not isinstance(op, dict):
                raise NotJSON
            if isinstance(op.get("request"), int):
                request = op["request"]
            name = op.get("op")
            if (name == "join") != (self._me is None):
                raise _Refused("join must be the first op, and the only join")
            if self._me is None:
                answer = self._join(op, request)
            elif isinstance(name, str) and name in self._ops:
                self._ops[name](self._me, op)
            elif isinstance(name, str) and name in self._services:
                answer = self._services[name](self._me, op)
            else:
                raise _Refused(f"a local room does not know the op {name!r}")
        except NotJSON as exc:
            error = f"an op is a JSON object{f': {exc}' if str(exc) else ''}"
        except JoinRefused as exc:
            error = _why(exc)
        except (_Refused, Refusal, TooLarge, PermissionError) as exc:
            error = str(exc)
        except Exception as exc:
            self._calls.log.failed(self._room, "an op of a bot failed", exc)
            error = "the local room failed; its log says why"
        if answer is not None:
            self._reply(request, error, answer)

    def _reply(self, request: int | None, error: str | None, answer: dict[str, Any]) -> None:
        self._seat.send({"reply": request, "error": error, **answer})
        if self._me is None:
            self._seat.close("")

    # -- Ops -------------------------------------------------------------------------------

    def _join(self, op: dict[str, Any], request: int | None) -> dict[str, Any] | None:
        """Join; give the answer, or None while the bot waits at the door."""
        if self._knock is not None:
            raise _Refused("the bot has knocked already")
        token, name = op.get("token"), op.get("user_name", "")
        if not isinstance(token, str | None) or not isinstance(name, str):
            raise _Refused("join: token and user_name are strings")
        process = op.get("process")
        self._seat.process = process if isinstance(process, int) else None
        newcomer = Newcomer(self._seat, "bot", name, *_media(op.get("media", {})))
        if not self._calls.choices.bots_knock:
            return self._welcome(self._lobby.join(self._room, token, newcomer))
        came = self._lobby.join_or_knock(self._room, token, newcomer, self)
        if isinstance(came, Participant):
            return self._welcome(came)
        self._knock, self._join_request = came, request
        self._seat.send({"event": "waiting"})
        return None

    def let_in(self, participant: Participant) -> None:
        """Answer the join of a bot that has knocked."""
        self._reply(self._join_request, None, self._welcome(participant))

    def turned_away(self, refused: JoinRefused) -> None:
        """Answer the join of a bot that has knocked."""
        self._reply(self._join_request, _why(refused), {})

    def _welcome(self, me: Participant) -> dict[str, Any]:
        self._me = me
        self._seat.take_place(me, self._calls.may_receive)
        room = me.room
        return {
            "meeting": room.meeting_id,
            "local": me.describe(local=True),
            "participants": [
                other.describe()
                for other in room.participants.values()
                if other is not me and not other.hidden
            ],
            "counts": room.counts(),
            "active_speaker": room.active_speaker,
        }

    def _leave(self, me: Participant, op: dict[str, Any]) -> None:
        self._calls.leave(me)
        self._me = None

    def _app_message(self, me: Participant, op: dict[str, Any]) -> None:
        recipient = op.get("recipient")
        if "message" not in op or not isinstance(recipient, str | None):
            raise _Refused("app-message: a message, and a session id or null as recipient")
        self._messages.check(me.room, op["message"])
        self._messages.send(me.room, op["message"], sender=me.id, recipient=recipient)

    def _update(self, me: Participant, op: dict[str, Any]) -> None:
        name = op.get("user_name")
        if not isinstance(name, str | None):
            raise _Refused("update: user_name is a string")
        media, custom = _media(op.get("media", {}))
        self._calls.update(me, media=media, custom_audio=custom, user_name=name)

    def _listen(self, me: Participant, op: dict[str, Any]) -> None:
        self._seat.voices = set(_tracks("listen: voices", op.get("voices")))
        self._seat.mix = op.get("mix") is True

    def _look(self, me: Participant, op: dict[str, Any]) -> None:
        here = me.room.participants
        self._seat.look(
            [
                (here[id], source)
                for id, source in _tracks("look: feeds", op.get("feeds"))
                if id in here and source in SOURCES
            ]
        )

    def _mute(self, me: Participant, op: dict[str, Any]) -> None:
        switches = {name: op.get(name) for name in ("microphone", "camera")}
        if not all(isinstance(on, bool | None) for on in switches.values()):
            raise _Refused("mute: microphone and camera are true, false or null")
        for target in self._targets(me, [op.get("participant")]):
            self._calls.mute(target, by=me, **switches)

    def _eject(self, me: Participant, op: dict[str, Any]) -> None:
        ids = op.get("participants")
        if not isinstance(ids, list):
            raise _Refused("eject: participants is a list of session ids")
        targets = self._targets(me, ids)
        if not me.administers:
            raise _Refused("only an owner may eject others: join with an owner's token")
        for target in targets:
            self._calls.eject(target)

    def _permit(self, me: Participant, op: dict[str, Any]) -> None:
        [target] = self._targets(me, [op.get("participant")])
        given = op.get("permissions")
        if not isinstance(given, dict):
            raise _Refused("permit: permissions is an object")
        try:
            body = {"permissions": from_bot(given)}
            change = Schema(self._calls.choices).body({"permissions": PERMISSIONS}, body)
        except (Refusal, ValueError) as exc:
            raise _Refused(str(exc)) from exc
        self._calls.permit(me.room, {target.id: change.get("permissions", {})}, by=me)

    def _targets(self, me: Participant, ids: list[Any]) -> list[Participant]:
        here = me.room.participants
        missing = [id for id in ids if not isinstance(id, str) or id not in here]
        if missing:
            raise _Refused(f"there is no participant {missing[0]!r} in the room")
        return [here[id] for id in ids]


def _why(refused: JoinRefused) -> str:
    return f"{refused.kind}: {refused.message}"


def _tracks(what: str, tracks: Any) -> list[tuple[str, str]]:
    """Check a list of session ids, each with the name of a track."""
    try:
        if not isinstance(tracks, list):
            raise TypeError
        checked = [(str(uuid.UUID(id)), name) for id, name in tracks]
        if not all(isinstance(name, str) and _is_name(name) for _, name in checked):
            raise ValueError
    except (ValueError, AttributeError, TypeError) as exc:
        raise _Refused(f"{what} is a list of [session id, name of a track]") from exc
    if len(set(checked)) > _MOST_SUBSCRIBED:
        raise _Refused(f"{what} has {len(checked)} tracks: {_MOST_SUBSCRIBED} at most at a time")
    return list(dict.fromkeys(checked))


def _is_name(name: str) -> bool:
    """Whether it can name a track: not with an unpaired surrogate."""
    try:
        return 0 < len(name.encode()) <= _MOST_NAME
    except UnicodeEncodeError:
        return False


def _media(media: Any) -> tuple[dict[str, str], dict[str, str] | None]:
    """Check the states of a bot's tracks; give those of its own and of its custom tracks."""
    if not isinstance(media, dict) or media.keys() - {*MEDIA, "customAudio"}:
        raise _Refused(f"media: only {', '.join(MEDIA)} and customAudio")
    custom = media.pop("customAudio", None)
    if not isinstance(custom, dict | None):
        raise _Refused("media: customAudio is an object")
    names = custom or {}
    if len(names) > MOST_TRACKS:
        raise _Refused(f"media: {len(names)} custom tracks: {MOST_TRACKS} at most")
    if any(not _is_name(name) or name in MEDIA for name in names):
        msg = f"media: a custom track's name has up to {_MOST_NAME} bytes and is not one of "
        raise _Refused(msg + ", ".join(MEDIA))
    if any(state not in ("playable", "off") for state in (*media.values(), *names.values())):
        raise _Refused("media: a track is playable or off")
    return media, custom
