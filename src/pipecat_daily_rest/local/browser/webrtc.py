# SPDX-License-Identifier: BSD-2-Clause
"""A browser's connection to a room: sound each way and one data channel.

Pictures have a connection of their own (`webrtc_video`), since most calls have none. Only the
`webrtc` files import aiortc; `routes` loads them when the first browser offers a connection.

The data channel carries JSON objects, each with an ``event``. A long one to the browser comes in
pieces: all but the last begin with ``+``, the last with ``.``.

To the browser: the events of `Seat.send`, with the ``kind`` of each participant added, and
``joined`` (the browser's ``id``, the ``room``, all ``participants``, who is ``waiting`` to be let
in, and what `Admission.about` tells ``about`` the call), ``waiting`` (an owner has to let it in),
``refused`` (``error``, ``info``), ``levels`` (by session id, see `Mixer.levels`), ``pictures``
(``sdp`` or ``error``), ``wanted`` (whether somebody watches its ``source``), ``not-sent`` (``info``:
why its app message was not sent), ``not-done`` (``info``: why the room did not do what it asked for
as an owner), ``closed`` (``reason``, and the ``error`` type of daily-js).

From the browser: ``ping`` each second, ``app-message`` (``message``, ``recipient``), ``update``
(``microphone``, ``camera``, ``screenVideo``, ``userName``), ``pictures`` (the ``sdp`` of their
offer), ``look`` (``slots``, see `Pictures.look`), ``listen`` (``slots``, see `Sound.listen`),
``decide`` (``id`` of who waits, ``letIn``), ``change`` (``id`` of another, and ``microphone``,
``camera``, ``permissions`` or ``eject``), ``leave``.
"""

import asyncio
import sys
import uuid
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any
from weakref import WeakValueDictionary

import aioice.ice
from aiortc import RTCConfiguration, RTCSessionDescription
from loguru import logger

from pipecat_daily_rest.local.browser import owners
from pipecat_daily_rest.local.browser.opus import Encoder
from pipecat_daily_rest.local.browser.webrtc_audio import Sound
from pipecat_daily_rest.local.browser.webrtc_channel import Channel
from pipecat_daily_rest.local.browser.webrtc_close import PeerConnection, close
from pipecat_daily_rest.local.browser.webrtc_video import Pictures
from pipecat_daily_rest.local.call.app_messages import AppMessages, TooLarge
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.mixer import Block, Mixer
from pipecat_daily_rest.local.call.room import (
    MEDIA,
    JoinRefused,
    Knock,
    Newcomer,
    Participant,
    is_about,
)
from pipecat_daily_rest.local.rules.strict_json import NotJSON, parse

PING_TIMEOUT = 5.0  # seconds without a sign of life after which a browser counts as gone
OPEN_TIMEOUT = 10.0  # seconds that an offer waits for its data channel
GOODBYE = 1.0  # seconds that a page has to hang up itself once it was told why
_CLOSE_TIMEOUT = 10.0  # seconds that a close may take
_LEVELS = 10  # ticks between two reports of the levels
_ENDS = {"room-deleted": "no-room", "room-expired": "exp-room", "token-expired": "exp-token"}
_MOST_MESSAGE = 65_536  # characters or bytes; a longer message is ignored


# aioice gives a connection up after six answers in half a minute that take 0.5 s, as they do on a
# busy machine. Missing pings tell sooner that a browser is gone.
aioice.ice.CONSENT_FAILURES = sys.maxsize


def stay_on_this_machine() -> None:
    """Offer the address 127.0.0.1 only: aioice leaves it out, and has no setting for it."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class Connection:
    """One browser: a participant from the moment its data channel opens.

    Parameters:
        id: Names the connection; only its browser knows it.
    """

    def __init__(
        self,
        lobby: Lobby,
        calls: Calls,
        messages: AppMessages,
        mixer: Mixer,
        encoders: WeakValueDictionary[str, Encoder],
        *,
        room: str,
        token: str | None,
        user_name: str | None,
        microphone: bool,
        on_end: Callable[["Connection"], None],
    ) -> None:
        """Initialize a connection that has yet to answer its offer.

        `user_name` is as in `Newcomer`; `on_end` is called once, when everything is closed.
        """
        self.id = str(uuid.uuid4())
        self._lobby = lobby
        self._calls = calls
        self._messages = messages
        self._mixer = mixer
        self._room = room
        self._token = token
        self._user_name = user_name
        self._media = {"microphone": "playable" if microphone else "off"}
        self._on_end = on_end
        self._participant: Participant | None = None
        self._knock: Knock | None = None
        self._channel: Channel | None = None
        self._pictures: Pictures | None = None
        self._levels: dict[str, float] = {}
        self._ticks = 0
        self._opened, self._hung_up = asyncio.Event(), asyncio.Event()
        self._seen = asyncio.get_running_loop().time()
        self._tasks: list[asyncio.Task[None]] = []
        self._end: asyncio.Task[None] | None = None
        self._pc = PeerConnection(
            RTCConfiguration(iceServers=[])
        )  # without STUN: no request leaves the machine
        self._sound = Sound(self._pc, encoders, self._alive)
        self._pc.on("datachannel", self._on_channel)
        self._pc.on("connectionstatechange", self._on_state)

    async def answer(self, sdp: str) -> str:
        """Answer the browser's offer; a ValueError says that it cannot be read."""
        try:
            self._sound.prepare(sdp)
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
            self._sound.begin()
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except Exception as exc:  # aiortc's parser raises many kinds
            self.end()
            logger.debug("Local room {}: an offer was not answered: {!r}", self._room, exc)
            msg = "The browser's offer cannot be read."
            raise ValueError(msg) from exc
        self._tasks.append(asyncio.create_task(self._watch()))
        return str(self._pc.localDescription.sdp)

    # -- The seat --------------------------------------------------------------------------

    def speak(self) -> Block | None:
        """Give the next 20 ms of the microphone."""
        return self._sound.take()

    def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
        """Play 20 ms; report the levels now and then."""
        self._sound.play(mix, voices, self._mixer.ticks)
        self._ticks += 1
        if self._ticks % _LEVELS == 0 and self._participant is not None and self._channel:
            levels = self._mixer.levels(self._participant.room, self._participant)
            if levels != self._levels and not self._channel.is_slow:
                self._levels = levels
                self._tell({"event": "levels", "levels": levels})

    def send(self, event: dict[str, Any]) -> None:
        """Pass an event on. Events before ``joined`` are in its list of participants."""
        if self._participant is None:
            return
        if (described := event.get("participant")) is not None:
            other = self._participant.room.participants.get(described["id"])
            if self._pictures is not None and is_about(event, self._participant):
                self._pictures.look_again()
            event = {**event, "participant": {**described, "kind": other.kind if other else ""}}
        self._tell(event)

    def close(self, reason: str) -> None:
        """Tell the page why, and hang up if it does not."""
        error = "no-room" if reason == "shutdown" else "ejected"
        if self._calls.choices.end_says_why:
            error = _ENDS.get(reason, error)
        self._tell({"event": "closed", "reason": reason, "error": error})
        self.end()

    # -- The browser -----------------------------------------------------------------------

    def leave(self, reason: str = "leftCall") -> None:
        """Leave the room or stop waiting, and end the connection."""
        if self._participant is not None:
            self._calls.leave(self._participant, reason)
        if self._knock is not None:
            self._lobby.stop_waiting(self._knock)
        self._hung_up.set()
        self.end()

    def end(self) -> asyncio.Task[None]:
        """End the connection in a task, which a second call gives again."""
        if self._end is None:
            self._end = asyncio.create_task(self._hang_up())
        return self._end

    async def _hang_up(self) -> None:
        if self._channel is not None:
            # The page hangs up once it knows the reason.
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await self._hung_up.wait()
        for task in self._tasks:
            task.cancel()
        self._sound.stop()
        closing = [close(self._pc), *([self._pictures.close()] if self._pictures else [])]
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await asyncio.gather(*closing, *self._tasks, return_exceptions=True)
        self._on_end(self)

    def _tell(self, event: dict[str, Any]) -> None:
        if self._channel is not None:
            self._channel.tell(event)

    def _untold(self, why: str) -> None:
        logger.warning("Local room {}: ejected a browser: {}", self._room, why)
        self.leave("it could not be reached")

    def _on_state(self) -> None:
        if self._pc.connectionState in ("closed", "failed"):
            self.leave()

    def _alive(self) -> None:
        self._seen = asyncio.get_running_loop().time()

    def _on_channel(self, channel: Any) -> None:
        if self._channel is not None or self._end is not None:
            channel.close()
            return
        self._channel = Channel(channel, self._untold)
        self._alive()
        self._opened.set()
        channel.on("message", self._on_message)
        channel.on("close", self.leave)
        try:
            newcomer = Newcomer(self, "person", self._user_name, self._media)
            came = self._lobby.join_or_knock(self._room, self._token, newcomer, self)
        except JoinRefused as exc:  # it was allowed when the offer came
            self.turned_away(exc)
            return
        except Exception as exc:  # aiortc would stop
            self._calls.log.failed(self._room, "a browser's join failed", exc)
            self.leave()
            return
        if isinstance(came, Participant):
            self.let_in(came)
        else:
            self._knock = came
            self._tell({"event": "waiting"})

    # -- Joining ---------------------------------------------------------------------------

    def turned_away(self, refused: JoinRefused) -> None:
        """Tell the page why it may not join, and hang up if it does not."""
        self._tell({"event": "refused", "error": refused.kind, "info": refused.message})
        self.end()

    def let_in(self, participant: Participant) -> None:
        """Tell the page that it has joined, and who is in the room."""
        self._participant = participant
        here = [
            {**other.describe(local=other is participant), "kind": other.kind}
            for other in participant.room.participants.values()
            if other is participant or not other.hidden
        ]
        self._tell(
            {
                "event": "joined",
                "id": participant.id,
                "room": self._room,
                "participants": here,
                "waiting": self._lobby.waiting(participant),
                "about": self._lobby.admission.about(participant),
            }
        )

    def _on_message(self, data: str | bytes) -> None:
        self._alive()
        try:
            if len(data) > _MOST_MESSAGE:
                raise NotJSON(f"{len(data)} characters are too many")
            message = parse(data)
            if isinstance(message, dict):
                self._take(message)
        except NotJSON as exc:
            logger.debug("Local room {}: a browser sent what is not JSON: {}", self._room, exc)
        except TooLarge as exc:
            self._tell({"event": "not-sent", "info": str(exc)})
        except Exception as exc:  # aiortc would stop
            self._calls.log.failed(self._room, "a browser's message failed", exc)

    def _take(self, message: dict[str, Any]) -> None:
        me = self._participant
        if message.get("event") == "leave":
            self.leave()
        elif me is None or me.id not in me.room.participants:
            return
        elif message.get("event") == "app-message":
            recipient = message.get("recipient")
            self._messages.check(me.room, message.get("message"))
            self._messages.send(me.room, message.get("message"), sender=me.id, recipient=recipient)
        elif message.get("event") == "update":
            name = message.get("userName")
            switched = {track: on for track in MEDIA if (on := message.get(track)) is not None}
            self._calls.update(
                me,
                media={track: "playable" if on else "off" for track, on in switched.items()},
                user_name=name if isinstance(name, str) else None,
            )
        elif message.get("event") == "decide":
            self._say_no(owners.decide(self._lobby, me, message))
        elif message.get("event") == "change":
            self._say_no(owners.change(self._calls, me, message))
        elif message.get("event") == "listen":
            self._sound.listen(message.get("slots"), me.room.participants)
        elif message.get("event") == "pictures":
            if self._pictures is None:
                self._pictures = Pictures(me, self._tell, self._calls.may_receive)
            self._pictures.open(str(message.get("sdp")))
        elif message.get("event") == "look" and self._pictures is not None:
            self._pictures.look(message.get("slots"))

    def _say_no(self, why: str | None) -> None:
        if why is not None:
            self._tell({"event": "not-done", "info": why})

    async def _watch(self) -> None:
        """Notice a killed browser: it says nothing, and ICE takes half a minute."""
        try:
            async with asyncio.timeout(OPEN_TIMEOUT):
                await self._opened.wait()
        except TimeoutError:
            logger.debug("Local room {}: a browser never connected", self._room)
            self.leave()
            return
        loop = asyncio.get_running_loop()
        while True:
            before = loop.time()
            await asyncio.sleep(PING_TIMEOUT / 5)
            if loop.time() - before > PING_TIMEOUT / 2:
                self._seen = loop.time()  # this process stood still, not the browser
            elif loop.time() - self._seen > PING_TIMEOUT:
                self.leave("vanished")
                return
