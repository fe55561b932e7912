# SPDX-License-Identifier: BSD-2-Clause
"""A browser's connection to a room: one audio track each way and one data channel.

This is the only file that imports aiortc; `person` loads it when the first browser comes.

The data channel carries one JSON object per message, each with an ``event``. To the browser: what
`Seat.send` says, with each participant's ``kind`` added, and ``joined`` (its own ``id``, the
``room``, all ``participants``), ``refused`` (``error``, ``info``), ``levels`` (by session id, see
`Mixer.levels`) and ``closed`` (``reason``). From the browser: ``ping`` each second,
``app-message`` (``message``, ``recipient``), ``update`` (``microphone``, ``userName``), ``leave``.
"""

import asyncio
import json
import uuid
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from fractions import Fraction
from typing import Any, NoReturn

import aioice.ice
import av
from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack
from loguru import logger

from pipecat_daily_rest.local.mixer import BLOCK, SAMPLE_RATE, Block, Mixer
from pipecat_daily_rest.local.room import JoinRefused, Participant
from pipecat_daily_rest.local.state import State

PING_TIMEOUT = 5.0  # seconds without a sign of life until somebody has vanished
OPEN_TIMEOUT = 10.0  # seconds that an offer waits for its data channel
GOODBYE = 1.0  # seconds that the page gets to hang up by itself when it was told why
_CLOSE_TIMEOUT = 5.0  # seconds that aiortc gets to close
_LEVELS = 10  # ticks between two reports of who is how loud
_MOST_MESSAGE = 65_536  # characters or bytes: what is longer is ignored
_BACKLOG = 65_536  # bytes that wait for a slow browser; levels are dropped beyond


def stay_on_this_machine() -> None:
    """Offer 127.0.0.1 and nothing else: aioice leaves it out, and has no setting for that."""
    aioice.ice.get_host_addresses = lambda use_ipv4, use_ipv6: ["127.0.0.1"]


class _Ear(MediaStreamTrack):  # type: ignore[misc]
    """What the person hears: the mixer puts, aiortc takes."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__()
        self._blocks: deque[Block] = deque(maxlen=5)
        self._news = asyncio.Event()
        self._pts = 0

    def put(self, block: Block) -> None:
        self._blocks.append(block)
        self._news.set()

    async def recv(self) -> Any:
        while not self._blocks:
            if self.readyState != "live":
                raise MediaStreamError
            self._news.clear()
            await self._news.wait()
        block = self._blocks.popleft()
        frame = av.AudioFrame.from_ndarray(block.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base, frame.pts = (
            SAMPLE_RATE,
            Fraction(1, SAMPLE_RATE),
            self._pts,
        )
        self._pts += BLOCK
        return frame


class _Mouth:
    """What the person says, with the network's jitter evened out."""

    _AHEAD = 2  # blocks before it begins
    _MOST = 8  # blocks; more is a burst after a stall
    _LOOK = 100  # blocks after which what never drained is dropped, since clocks differ

    def __init__(self) -> None:
        self._blocks: deque[Block] = deque()
        self._playing = False
        self._taken = 0
        self._least = self._MOST

    def put(self, block: Block) -> None:
        self._blocks.append(block)
        if len(self._blocks) > self._MOST:
            while len(self._blocks) > self._AHEAD:
                self._blocks.popleft()

    def take(self) -> Block | None:
        self._playing = bool(self._blocks) and (self._playing or len(self._blocks) >= self._AHEAD)
        if not self._playing:
            return None
        block = self._blocks.popleft()
        self._least = min(self._least, len(self._blocks))
        self._taken += 1
        if self._taken == self._LOOK:
            if self._least >= self._AHEAD:
                self._blocks.popleft()
            self._taken, self._least = 0, self._MOST
        return block


class Connection:
    """One browser: a participant from the moment its data channel opens.

    Parameters:
        id: Names the connection; only its browser knows it.
    """

    def __init__(
        self,
        state: State,
        mixer: Mixer,
        *,
        room: str,
        token: str | None,
        user_name: str,
        microphone: bool,
        on_end: Callable[["Connection"], None],
    ) -> None:
        """Initialize a connection whose offer is about to be answered.

        Args:
            state: The domain.
            mixer: Tells how loud everybody is.
            room: The room's name.
            token: The meeting token, or None.
            user_name: Display name when the token has none.
            microphone: Whether the microphone is on at the start.
            on_end: Called once, when everything is closed.
        """
        self.id = str(uuid.uuid4())
        self._state = state
        self._mixer = mixer
        self._room = room
        self._token = token
        self._user_name = user_name
        self._media = {"microphone": "playable" if microphone else "off"}
        self._on_end = on_end
        self._participant: Participant | None = None
        self._channel: Any = None
        self._ear, self._mouth = _Ear(), _Mouth()
        self._levels: dict[str, float] = {}
        self._ticks = 0
        self._opened, self._hung_up = asyncio.Event(), asyncio.Event()
        self._seen = asyncio.get_running_loop().time()
        self._tasks: list[asyncio.Task[None]] = []
        self._end: asyncio.Task[None] | None = None
        self._pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))  # no STUN: no network
        self._pc.on("track", self._on_track)
        self._pc.on("datachannel", self._on_channel)
        self._pc.on("connectionstatechange", self._on_state)

    async def answer(self, sdp: str) -> str:
        """Answer the browser's offer.

        Args:
            sdp: The offer.

        Returns:
            The answer, with all candidates.

        Raises:
            ValueError: It is no offer that can be answered.
        """
        try:
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
            self._pc.addTrack(self._ear)
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except Exception as exc:  # aiortc raises whatever its parser stumbles on
            self.end()
            msg = "The browser's offer cannot be read."
            raise ValueError(msg) from exc
        self._tasks.append(asyncio.create_task(self._watch()))
        return str(self._pc.localDescription.sdp)

    # -- The seat --------------------------------------------------------------------------

    def speak(self) -> Block | None:
        """Give the next 20 ms of the microphone."""
        return self._mouth.take()

    def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
        """Play 20 ms, and now and then tell who is how loud."""
        self._ear.put(mix)
        self._ticks += 1
        if self._ticks % _LEVELS == 0 and self._participant is not None:
            levels = self._mixer.levels(self._participant.room)
            if levels != self._levels and self._channel.bufferedAmount < _BACKLOG:
                self._levels = levels
                self._tell({"event": "levels", "levels": levels})

    def send(self, event: dict[str, Any]) -> None:
        """Pass an event on. What comes before `joined` is in its list."""
        if self._participant is None:
            return
        if (described := event.get("participant")) is not None:
            other = self._participant.room.participants.get(described["id"])
            event = {**event, "participant": {**described, "kind": other.kind if other else ""}}
        self._tell(event)

    def close(self, reason: str) -> None:
        """Tell the page why, and hang up if it does not."""
        self._tell({"event": "closed", "reason": reason})
        self.end()

    # -- The browser -----------------------------------------------------------------------

    def leave(self, reason: str = "leftCall") -> None:
        """Leave the room, if it is in, and end the connection.

        Args:
            reason: For the log.
        """
        if self._participant is not None:
            self._state.leave(self._participant, reason)
        self._hung_up.set()
        self.end()

    def end(self) -> asyncio.Task[None]:
        """End the connection in the background. A second time does nothing more.

        Returns:
            The task that is done when everything is closed.
        """
        if self._end is None:
            self._end = asyncio.create_task(self._hang_up())
        return self._end

    async def _hang_up(self) -> None:
        if self._channel is not None:
            # The page hangs up when it has been told why: then the reason has arrived.
            with suppress(TimeoutError):
                async with asyncio.timeout(GOODBYE):
                    await self._hung_up.wait()
        for task in self._tasks:
            task.cancel()
        self._ear.stop()
        with suppress(TimeoutError):
            async with asyncio.timeout(_CLOSE_TIMEOUT):
                await asyncio.gather(self._pc.close(), *self._tasks, return_exceptions=True)
        self._on_end(self)

    def _tell(self, event: dict[str, Any]) -> None:
        if self._channel is not None and self._channel.readyState == "open":
            self._channel.send(json.dumps(event))

    def _on_state(self) -> None:
        if self._pc.connectionState in ("closed", "failed"):
            self.leave()

    def _on_track(self, track: Any) -> None:
        if track.kind == "audio":
            for receiver in self._pc.getReceivers():
                buffer: Any = getattr(receiver, "_RTCRtpReceiver__jitter_buffer", None)
                if receiver.track is track and hasattr(buffer, "_prefetch"):
                    buffer._prefetch = 1  # 60 ms less; the order is still restored
            self._tasks.append(asyncio.create_task(self._listen(track)))

    async def _listen(self, track: Any) -> None:
        resampler = av.AudioResampler(
            format="s16", layout="mono", rate=SAMPLE_RATE, frame_size=BLOCK
        )
        with suppress(MediaStreamError):
            while True:
                frame = await track.recv()
                self._seen = asyncio.get_running_loop().time()
                for part in resampler.resample(frame):
                    self._mouth.put(part.to_ndarray().reshape(-1))

    def _on_channel(self, channel: Any) -> None:
        if self._channel is not None or self._end is not None:
            channel.close()
            return
        self._channel = channel
        self._seen = asyncio.get_running_loop().time()
        self._opened.set()
        channel.on("message", self._on_message)
        channel.on("close", self.leave)
        try:
            participant = self._state.join(
                self._room,
                self._token,
                self,
                kind="person",
                user_name=self._user_name,
                media=self._media,
            )
        except JoinRefused as exc:  # since the offer was answered
            self._tell({"event": "refused", "error": exc.kind, "info": exc.message})
            self.end()
            return
        self._participant = participant
        here = [
            {**other.describe(local=other is participant), "kind": other.kind}
            for other in participant.room.participants.values()
            if other is participant or not other.hidden
        ]
        self._tell(
            {"event": "joined", "id": participant.id, "room": self._room, "participants": here}
        )

    def _on_message(self, data: str | bytes) -> None:
        self._seen = asyncio.get_running_loop().time()
        me = self._participant
        try:
            if len(data) > _MOST_MESSAGE:
                raise ValueError(len(data))
            message = json.loads(data, parse_constant=_refuse)
        except (ValueError, RecursionError):
            logger.debug("Local room {}: a browser sent what is not JSON", self._room)
            return
        if me is None or me.id not in me.room.participants or not isinstance(message, dict):
            return
        if message.get("event") == "app-message":
            recipient = message.get("recipient")
            self._state.message(me.room, message.get("message"), sender=me.id, recipient=recipient)
        elif message.get("event") == "update":
            on, name = message.get("microphone"), message.get("userName")
            self._state.update(
                me,
                media={"microphone": "playable" if on else "off"} if on is not None else None,
                user_name=name if isinstance(name, str) else None,
            )
        elif message.get("event") == "leave":
            self.leave()

    async def _watch(self) -> None:
        """A killed browser says nothing, and ICE would notice after half a minute."""
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
                self._seen = loop.time()  # this process stood still: nobody else did
            elif loop.time() - self._seen > PING_TIMEOUT:
                self.leave("vanished")
                return


def _refuse(constant: str) -> NoReturn:
    """NaN and Infinity are no JSON: a browser that got them back could not read them."""
    raise ValueError(constant)
