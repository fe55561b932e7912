# SPDX-License-Identifier: BSD-2-Clause
"""A browser's pictures: a second connection, made when the first picture is shown or sent.

The page offers its camera, its screen, and a slot for each picture that it wants to see at once.
Nothing is negotiated again when cameras come and go: the data channel says what a slot shows. Sound
and pictures do not delay each other.

VP8 is passed on as it came. aiortc would decode and encode it for every browser: a queue that keeps
the frames replaces its queue to the decoder, and it sends packets instead of pictures.
"""

import asyncio
import queue
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from aiortc import RTCConfiguration, RTCRtpReceiver, RTCSessionDescription
from loguru import logger

from pipecat_daily_rest.local.browser.webrtc_close import PeerConnection, close
from pipecat_daily_rest.local.browser.webrtc_offer import kinds_of
from pipecat_daily_rest.local.browser.webrtc_packets import PacketTrack, put_into
from pipecat_daily_rest.local.call.pictures import SOURCES, Feed, is_key
from pipecat_daily_rest.local.call.room import MEDIA, Participant
from pipecat_daily_rest.local.call.vp8 import CLOCK

MOST_SLOTS = 16
_MOST_WAITING = 30  # frames that wait for a slow browser; then it waits for a key frame
_KEYS = 0.5  # seconds between two requests for a key frame
_CODEC = [
    codec
    for codec in RTCRtpReceiver.getCapabilities("video").codecs
    if codec.mimeType in ("video/VP8", "video/rtx")
]


class _Slot(PacketTrack):
    """One place for a picture on the page; its feed may change at any time."""

    kind = "video"

    def __init__(self, viewer: Participant) -> None:
        super().__init__(CLOCK)
        self._viewer = viewer
        self._feed: Feed | None = None
        self._began = False

    def look_at(self, feed: Feed | None) -> None:
        if feed is self._feed:
            return
        before, self._feed = self._feed, feed
        self._packets.clear()
        self._began = False
        if before is not None:
            before.leave(self._take)
        if feed is not None:
            feed.tap(self._take)

    def refresh(self) -> None:
        if self._feed is not None:
            self._feed.refresh()

    def _take(self, frame: bytes) -> None:
        if self._viewer.outage is not None:
            self._began = False
            return
        if not self._began and not is_key(frame):
            self.refresh()
        if len(self._packets) >= _MOST_WAITING:
            self._packets.clear()
            self._began = False
            self.refresh()
        self._began = self._began or is_key(frame)
        if self._began:
            self.put(frame)

    def time(self) -> int:
        return round(asyncio.get_running_loop().time() * CLOCK)

    def stop(self) -> None:
        super().stop()
        self.look_at(None)


class _Lens(queue.Queue[Any]):
    """The page's camera or screen, as aiortc's queue to its decoder: frames go to the feed."""

    def __init__(
        self, participant: Participant, source: str, receiver: Any, tell: Callable[..., None]
    ) -> None:
        super().__init__()
        self._participant, self._source = participant, source
        self._receiver = receiver
        self._tell = tell
        self._asked = 0.0
        self._ask: asyncio.TimerHandle | None = None
        self._asking: set[asyncio.Task[None]] = set()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        if item is None:
            super().put(None)  # ends aiortc's thread
            return
        _, frame = item
        self._participant.feeds[self._source].push(frame.data)

    def wanted(self, wanted: bool) -> None:
        self._tell({"event": "wanted", "source": self._source, "wanted": wanted})

    def refresh(self) -> None:
        if self._ask is None:
            loop = asyncio.get_running_loop()
            self._ask = loop.call_at(max(loop.time(), self._asked + _KEYS), self._ask_for_key)

    def _ask_for_key(self) -> None:
        self._ask = None
        self._asked = asyncio.get_running_loop().time()
        for source in self._receiver.getSynchronizationSources():
            task = asyncio.create_task(self._receiver._send_rtcp_pli(source.source))
            self._asking.add(task)
            task.add_done_callback(self._asking.discard)

    def close(self) -> None:
        self._participant.feeds[self._source].publish(None)
        if self._ask is not None:
            self._ask.cancel()


class _Connection:
    """The second connection of one browser."""

    def __init__(
        self,
        participant: Participant,
        tell: Callable[[dict[str, Any]], None],
        may_see: Callable[[Participant, Participant, str], bool],
    ) -> None:
        """Initialize a connection that has yet to answer its offer."""
        self._participant = participant
        self._tell = tell
        self._may_see = may_see
        self._wanted: Any = None
        self._lenses: list[_Lens] = []
        self._slots: list[_Slot] = []
        self._pc = PeerConnection(RTCConfiguration(iceServers=[]))

    async def answer(self, sdp: str) -> str:
        """Answer an offer of a camera, a screen and the slots; a ValueError says it is none."""
        try:
            lines = kinds_of(sdp)
            if set(lines) != {"video"} or not 0 <= len(lines) - len(SOURCES) <= MOST_SLOTS:
                raise ValueError(lines)
            for number in range(len(lines)):
                direction = "recvonly" if number < len(SOURCES) else "sendonly"
                transceiver = self._pc.addTransceiver("video", direction=direction)
                transceiver.setCodecPreferences(_CODEC)  # counts before the offer is known only
                if number < len(SOURCES):
                    self._lenses.append(self._open(SOURCES[number], transceiver.receiver))
                    continue
                slot = _Slot(self._participant)
                self._slots.append(slot)
                transceiver.sender.replaceTrack(slot)
                transceiver.sender._send_keyframe = slot.refresh  # the page has lost a frame
            await self._pc.setRemoteDescription(RTCSessionDescription(sdp=sdp, type="offer"))
            await self._pc.setLocalDescription(await self._pc.createAnswer())
        except Exception as exc:  # aiortc's parser raises many kinds
            msg = "The browser's offer of pictures cannot be read."
            raise ValueError(msg) from exc
        for source, lens in zip(SOURCES, self._lenses, strict=True):
            self._participant.feeds[source].publish(lens)
        return str(self._pc.localDescription.sdp)

    def _open(self, source: str, receiver: Any) -> _Lens:
        lens = _Lens(self._participant, source, receiver, self._tell)
        put_into(receiver, "decoder_queue", lens)
        return lens

    def look(self, wanted: Any) -> None:
        self._wanted = wanted
        me, here = self._participant, self._participant.room.participants
        places = wanted if isinstance(wanted, list) else []
        for number, slot in enumerate(self._slots):
            place = places[number] if number < len(places) else None
            feed = None
            if (
                isinstance(place, list)
                and len(place) == 2
                and all(isinstance(p, str) for p in place)
            ):
                other = here.get(place[0])
                if other is not None and self._may_see(me, other, MEDIA.get(place[1], "")):
                    feed = other.feeds.get(place[1])
            slot.look_at(feed)

    def look_again(self) -> None:
        self.look(self._wanted)

    async def close(self) -> None:
        for lens in self._lenses:
            lens.close()
        for slot in self._slots:
            slot.stop()
        with suppress(Exception):  # aiortc's own error; nothing is left to close
            await close(self._pc)


class Pictures:
    """The pictures of one browser, over a connection for its latest offer."""

    def __init__(
        self,
        participant: Participant,
        tell: Callable[[dict[str, Any]], None],
        may_see: Callable[[Participant, Participant, str], bool],
    ) -> None:
        """Initialize without a connection; `tell` sends events to the browser."""
        self._parts = (participant, tell, may_see)
        self._tell = tell
        self._room = participant.room.name
        self._offer: str | None = None  # that waits for an answer
        self._opening: asyncio.Task[None] | None = None
        self._connection: _Connection | None = None

    def open(self, sdp: str) -> None:
        """Answer an offer, in place of the connection before, unless another one comes meanwhile."""
        self._offer = sdp
        if self._opening is None or self._opening.done():
            self._opening = asyncio.create_task(self._open())

    async def _open(self) -> None:
        while (sdp := self._offer) is not None:
            self._offer = None
            before, connection = self._connection, _Connection(*self._parts)
            self._connection = connection
            if before is not None:
                await before.close()
            try:
                self._tell({"event": "pictures", "sdp": await connection.answer(sdp)})
            except ValueError as exc:
                logger.debug("Local room {}: no pictures: {!r}", self._room, exc.__cause__)
                self._tell({"event": "pictures", "error": str(exc)})
                await connection.close()

    def look(self, wanted: Any) -> None:
        """Show in each slot the ``[session id, source]`` of the list, or nothing."""
        if self._connection is not None:
            self._connection.look(wanted)

    def look_again(self) -> None:
        """Show the same again, after permissions have changed."""
        if self._connection is not None:
            self._connection.look_again()

    async def close(self) -> None:
        """Close the connection."""
        if self._opening is not None:
            self._opening.cancel()
            await asyncio.gather(self._opening, return_exceptions=True)
        if self._connection is not None:
            await self._connection.close()
