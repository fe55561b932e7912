# SPDX-License-Identifier: BSD-2-Clause
"""A bot's seat in its room: the queue of what the bot gets, and what the bot says and shows.

A binary frame of a link has, in both directions, a byte for its kind, a byte for the length of a
track's name, the name, and then:

- sound (kind 0): 20 ms or, from a bot, any length; 48 kHz, 16 bit, mono; no bytes are silence.
- a picture (kind 1): its width and its height, two bytes each, little-endian, then RGB, 3 bytes
  a pixel.
- to the bot only, the end of a track (kind 2), which may begin again.

A frame to the bot begins with the 16 bytes of the sender's session id, or 16 zeros for the mix.
Tracks are ``microphone``, ``camera``, ``screenAudio``, ``screenVideo`` and custom audio tracks.
"""

import asyncio
import json
import struct
import uuid
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any

import numpy as np
from loguru import logger

from pipecat_daily_rest.local.call.mixer import BLOCK, Block, voice_of
from pipecat_daily_rest.local.call.pictures import SOURCES, Feed, Look, Picture
from pipecat_daily_rest.local.call.room import MEDIA, MOST_TRACKS, Participant, is_about
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules.rights import event_for_bots

SOUND, PICTURE, END = 0, 1, 2
_SIZE = struct.Struct("<HH")
_MOST_WAITING = 32 * 1024 * 1024  # bytes of events that may wait; a slower bot is ejected
_MOST_SOUND = 50  # blocks that wait for a bot; older ones are dropped
_CUSHION = 2  # ticks that speech is delayed at its start, since the next block may be late
_MOST_SPEECH = 300 * 50 * BLOCK * 2  # bytes of a track that wait to be played: 5 minutes
_MOST_AHEAD = 2 * _MOST_SPEECH  # of all tracks of a bot
_MOST_TRACKS = MOST_TRACKS + 2  # that a bot speaks on; more are ignored
_BYTES = BLOCK * 2
_MIX = bytes(16)


class _Speech:
    """One track of a bot on its way to the mixer."""

    def __init__(self) -> None:
        self._samples = bytearray()
        self._wait = _CUSHION

    def __len__(self) -> int:
        return len(self._samples)

    def push(self, samples: bytes) -> None:
        room = _MOST_SPEECH - len(self._samples)
        self._samples += samples[: max(0, room)]

    def take(self) -> Block | None:
        if not self._samples:
            self._wait = _CUSHION
            return None
        if self._wait > 0:
            self._wait -= 1
            return None
        block = bytes(self._samples[:_BYTES])
        del self._samples[:_BYTES]
        return np.frombuffer(block.ljust(_BYTES, b"\0"), np.int16)


class _Lens:
    """One of a bot's own feeds: tells the bot whether somebody watches."""

    def __init__(self, source: str, send: Callable[[dict[str, Any]], None]) -> None:
        self._source, self._send = source, send

    def wanted(self, wanted: bool) -> None:
        self._send({"event": "wanted", "source": self._source, "wanted": wanted})

    def refresh(self) -> None:
        """Do nothing: every picture of a bot is complete."""


class BotSeat:
    """A `Seat` that queues for the link's writer: events first, then sound, then pictures.

    Parameters:
        texts: Events that wait, as JSON.
        closed: Whether the seat takes nothing more.
        news: Set when something waits, or when the seat was closed.
        voices: The session id and the track of every sound that the bot wants.
        mix: Whether the bot wants the mix of what all others say.
        process: The id of the bot's process, as the bot says; None where it does not.
    """

    def __init__(
        self, choices: Choices | None = None, too_slow: Callable[[], None] = lambda: None
    ) -> None:
        """Initialize a seat; `too_slow` is called when the bot does not read its events."""
        self._choices = choices or Choices()
        self._too_slow = too_slow
        self._waiting = 0  # bytes in `texts`
        self.texts: deque[str] = deque()
        self.news = asyncio.Event()
        self.closed = False
        self.voices: set[tuple[str, str]] = set()
        self.mix = False
        self.process: int | None = None
        self._sounds: deque[list[bytes]] = deque(maxlen=_MOST_SOUND)
        self._sounding: deque[bytes] = deque()
        self._heard: set[tuple[str, str]] = set()  # of the voices, those that were published last
        self._pictures: dict[tuple[str, str], Picture | None] = {}
        self._looks: dict[tuple[str, str], tuple[Feed, Look]] = {}
        self._tracks: dict[str, _Speech] = {}
        self._me: Participant | None = None
        self._may_receive: Callable[..., bool] = lambda *_: True
        self._wanted: Collection[tuple[Participant, str]] = ()

    # -- The room --------------------------------------------------------------------------

    def send(self, event: dict[str, Any]) -> None:
        """Queue an event; see `Seat.send`."""
        if self.closed:
            return
        text = json.dumps(event_for_bots(event, self._choices))
        if self._waiting + len(text) > _MOST_WAITING:
            logger.error("Local room: ejected a bot that does not read its events")
            self.texts.clear()
            self._waiting = 0
            self.close("failed")
            self._too_slow()
            return
        self._waiting += len(text)
        self.texts.append(text)
        self.news.set()
        if self._me is not None and is_about(event, self._me):
            self.look(self._wanted)

    def close(self, reason: str) -> None:
        """Queue the reason, and take nothing more; see `Seat.close`."""
        if not self.closed:
            self.send({"event": "closed", "reason": reason})
            self.closed = True
            self.look(())
            self.news.set()

    def speak(self) -> Block | None:
        """Give the next 20 ms of the microphone."""
        speech = self._tracks.get("microphone")
        return None if speech is None else speech.take()

    def speak_others(self) -> dict[str, Block]:
        """Give the next 20 ms of the other tracks, by name."""
        others = [
            (name, speech.take()) for name, speech in self._tracks.items() if name != "microphone"
        ]
        return {name: block for name, block in others if block is not None}

    def hear(self, mix: Block, voices: Mapping[str, Block]) -> None:
        """Queue 20 ms of the published tracks that the bot wants, silence included."""
        if self.closed:
            return
        before, self._heard = self._heard, {key for key in self.voices if self._is_there(*key)}
        frames = [
            _sound(uuid.UUID(id).bytes, track, voices.get(voice_of(id, track)))
            for id, track in self._heard
        ]
        frames += [_end(key) for key in before - self._heard]
        if self.mix:
            frames.append(_sound(_MIX, "", mix if mix.any() else None))
        if frames:
            self._sounds.append(frames)
            self.news.set()

    # -- The bot ---------------------------------------------------------------------------

    def take_place(self, me: Participant, may_receive: Callable[..., bool]) -> None:
        """Give the seat to a participant, whose pictures others may now watch."""
        self._me, self._may_receive = me, may_receive
        for source in SOURCES:
            me.feeds[source].publish(_Lens(source, self.send))

    def push(self, frame: bytes) -> None:
        """Take a binary frame of what the bot says or shows; ignore a malformed one."""
        if len(frame) < 2 or len(frame) < 2 + frame[1]:
            return
        name, rest = frame[2 : 2 + frame[1]].decode("utf-8", "replace"), frame[2 + frame[1] :]
        if frame[0] == SOUND and len(rest) % 2 == 0:
            known = name in self._tracks or len(self._tracks) < _MOST_TRACKS
            if known and sum(map(len, self._tracks.values())) + len(rest) <= _MOST_AHEAD:
                self._tracks.setdefault(name, _Speech()).push(rest)
        elif (
            frame[0] == PICTURE
            and self._me is not None
            and name in SOURCES
            and len(rest) >= _SIZE.size
        ):
            try:
                width, height = _SIZE.unpack_from(rest)
                picture = Picture(width, height, rest[_SIZE.size :])
            except ValueError:
                return
            self._me.feeds[name].show(picture)

    def listens_to(self, id: str) -> bool:
        """Tell whether the bot has asked for what a participant says."""
        return self.mix or (id, "microphone") in self.voices

    def look(self, wanted: Collection[tuple[Participant, str]]) -> None:
        """Watch these feeds and no others, as far as the bot may receive them."""
        self._wanted = wanted
        if (me := self._me) is not None:
            wanted = [(o, s) for o, s in wanted if self._may_receive(me, o, MEDIA[s])]
        keys = {(other.id, source) for other, source in wanted}
        for key in self._looks.keys() - keys:
            feed, look = self._looks.pop(key)
            feed.leave(look)
            look(None)
        for other, source in wanted:
            if (other.id, source) not in self._looks:
                look = self._looker((other.id, source))
                self._looks[other.id, source] = (other.feeds[source], look)
                other.feeds[source].look(look)

    def _is_there(self, id: str, track: str) -> bool:
        """Whether a participant publishes a sound that the bot may receive."""
        other = None if self._me is None else self._me.room.participants.get(id)
        if other is None or track in SOURCES or not other.publishes(track):
            return False
        kind = MEDIA.get(track, "customAudio")
        return self._may_receive(self._me, other, kind, track)

    def _looker(self, key: tuple[str, str]) -> Look:
        def look(picture: Picture | None) -> None:
            self._pictures.pop(key, None)
            self._pictures[key] = picture  # in place of one that still waits
            self.news.set()

        return look

    def next_text(self) -> str | None:
        """Give the next event for the bot, as JSON, or None."""
        if not self.texts:
            return None
        text = self.texts.popleft()
        self._waiting -= len(text)
        return text

    def next_frame(self) -> bytes | None:
        """Give the next binary frame for the bot, or None."""
        if not self._sounding and self._sounds:
            self._sounding.extend(self._sounds.popleft())
        if self._sounding:
            return self._sounding.popleft()
        away = self._me is not None and self._me.outage is not None
        if self._pictures and not away:
            key = next(iter(self._pictures))
            if (picture := self._pictures.pop(key)) is None:
                return _end(key)
            size = _SIZE.pack(picture.width, picture.height)
            return _head(uuid.UUID(key[0]).bytes, PICTURE, key[1]) + size + picture.rgb
        return None


def _sound(id: bytes, track: str, block: Block | None) -> bytes:
    samples = b"" if block is None else block.astype("<i2").tobytes()
    return _head(id, SOUND, track) + samples


def _end(key: tuple[str, str]) -> bytes:
    return _head(uuid.UUID(key[0]).bytes, END, key[1])


def _head(id: bytes, kind: int, track: str) -> bytes:
    name = track.encode()
    return id + bytes([kind, len(name)]) + name
