# SPDX-License-Identifier: BSD-2-Clause
"""A person without a browser: the other end of each connection is aiortc in this process."""

import asyncio
import json
from collections.abc import Callable
from contextlib import suppress
from fractions import Fraction
from typing import Any

import aiohttp
import av
import numpy as np
from aiortc import RTCConfiguration, RTCSessionDescription
from aiortc.mediastreams import MediaStreamError, MediaStreamTrack

from pipecat_daily_rest.local import LocalDaily
from pipecat_daily_rest.local.browser.webrtc_close import PeerConnection, close
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block
from pipecat_daily_rest.local.scripted.hearing import tone_level
from relay import Relay

WAIT = 30.0  # seconds; only a failure takes that long


class Tone(MediaStreamTrack):
    """A microphone that hears a tone, in real time."""

    kind = "audio"

    def __init__(self, hz: float) -> None:
        super().__init__()
        self.hz = hz
        self.block = 0
        self.start = asyncio.get_running_loop().time()

    async def recv(self) -> av.AudioFrame:
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.start + self.block * 0.02 - loop.time())
        time = (np.arange(BLOCK) + self.block * BLOCK) / SAMPLE_RATE
        wave = (np.sin(2 * np.pi * self.hz * time) * 0.3 * 32767).astype(np.int16)
        frame = av.AudioFrame.from_ndarray(wave.reshape(1, -1), format="s16", layout="mono")
        frame.sample_rate, frame.time_base = SAMPLE_RATE, Fraction(1, SAMPLE_RATE)
        frame.pts = self.block * BLOCK
        self.block += 1
        return frame


class Camera(MediaStreamTrack):
    """A camera that sees one colour, 15 times a second."""

    kind = "video"

    def __init__(self, colour: tuple[int, int, int]) -> None:
        super().__init__()
        self.colour = colour
        self.number = 0
        self.start = asyncio.get_running_loop().time()

    async def recv(self) -> av.VideoFrame:
        if self.readyState != "live":
            raise MediaStreamError
        loop = asyncio.get_running_loop()
        await asyncio.sleep(self.start + self.number / 15 - loop.time())
        picture = np.full((180, 320, 3), self.colour, np.uint8)
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        frame.pts, frame.time_base = self.number * 6000, Fraction(1, 90_000)
        self.number += 1
        return frame


class Peer:
    """What the page does, in Python."""

    def __init__(
        self,
        daily: LocalDaily,
        session: aiohttp.ClientSession,
        room: str,
        relay: Relay | None = None,
    ) -> None:
        self.base = f"http://127.0.0.1:{daily.port}/{room}"
        self.session = session
        self.relay = relay
        self.pc = PeerConnection(RTCConfiguration(iceServers=[]))
        self.channel = self.pc.createDataChannel("room")
        self.channel.on("message", self._take)
        self.channel.on("close", lambda: self._tell())
        self.events: list[dict[str, Any]] = []
        self.piece = ""
        self.heard: list[Block] = []
        self.voices: list[list[Block]] = []  # what each slot carried
        self.news = asyncio.Event()
        self.tasks: list[asyncio.Task[None]] = []
        self.pc.on("track", lambda track: self.tasks.append(asyncio.create_task(self._hear(track))))
        self.tone: Tone | None = None
        self.eyes: PeerConnection | None = None
        self.cameras: list[Camera | None] = []
        self.answer: dict[str, Any] = {}

    def _take(self, data: str) -> None:
        if data[0] in "+.":  # what is long comes in pieces
            self.piece += data[1:]
            data = "" if data[0] == "+" else self.piece
        if data:
            self.piece = ""
            self.events.append(json.loads(data))
            self._tell()

    def _tell(self) -> None:
        news, self.news = self.news, asyncio.Event()
        news.set()

    async def _hear(self, track: MediaStreamTrack) -> None:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=SAMPLE_RATE)
        line = [receiver.track for receiver in self.pc.getReceivers()].index(track)
        heard = self.voices[line - 1] if line else self.heard
        with suppress(MediaStreamError):
            while True:
                for part in resampler.resample(await track.recv()):
                    heard.append(part.to_ndarray().reshape(-1))
                self._tell()

    async def _ping(self) -> None:
        while True:
            self.send({"event": "ping"})
            await asyncio.sleep(0.1)

    async def offer(self, **body: Any) -> tuple[int, dict[str, Any]]:
        await self.pc.setLocalDescription(await self.pc.createOffer())
        sdp = self.pc.localDescription.sdp
        if self.relay is not None:
            sdp = self.relay.offer(sdp)
        offer = {"sdp": sdp, "type": "offer", "token": None, "userName": "", "microphone": True}
        async with self.session.post(f"{self.base}/offer", json={**offer, **body}) as response:
            return response.status, await response.json()

    async def join(
        self, *, hz: float | Tone | None = None, slots: int = 0, ping: bool = True, **body: Any
    ) -> str:
        if hz is None:
            self.pc.addTransceiver("audio", direction="recvonly")
        else:
            self.tone = hz if isinstance(hz, Tone) else Tone(hz)
            self.pc.addTrack(self.tone)
        for _ in range(slots):
            self.pc.addTransceiver("audio", direction="recvonly")
            self.voices.append([])
        status, self.answer = await self.offer(**body)
        assert status == 200, self.answer
        sdp = self.answer["sdp"]
        if self.relay is not None:
            sdp = self.relay.answer(sdp)
        answer = RTCSessionDescription(sdp=sdp, type=self.answer["type"])
        await self.pc.setRemoteDescription(answer)
        if ping:
            self.tasks.append(asyncio.create_task(self._ping()))
        return (await self.event("joined"))["id"]

    def send(self, event: dict[str, Any]) -> None:
        if self.channel.readyState == "open":
            self.channel.send(json.dumps(event))

    async def until(self, check: Callable[[], Any]) -> Any:
        async with asyncio.timeout(WAIT):
            while not (found := check()):
                await self.news.wait()
            return found

    async def event(self, name: str, **fields: Any) -> dict[str, Any]:
        def fits(event: dict[str, Any]) -> bool:
            return event["event"] == name and fields.items() <= event.items()

        return await self.until(lambda: next(filter(fits, self.events), None))

    async def hears(self, hz: float, *, slot: int | None = None) -> None:
        heard = self.heard if slot is None else self.voices[slot]
        looked = len(heard)

        def check() -> bool:
            nonlocal looked
            if len(heard) - looked < 20:
                return False
            part = np.concatenate(heard[looked:])
            looked = len(heard) - 10
            return tone_level(part, hz) > 0

        await self.until(check)

    async def pictures(self, camera: Camera | None = None, *, slots: int = 2) -> None:
        """Open the second connection, as the page does."""
        self.eyes = PeerConnection(RTCConfiguration(iceServers=[]))
        self.cameras.append(camera)
        for track in (camera, None):
            self.eyes.addTransceiver(track or "video", direction="sendonly")
        self.seen = [np.zeros((1, 1, 3), np.uint8)] * slots
        for number in range(slots):
            transceiver = self.eyes.addTransceiver("video", direction="recvonly")
            self.tasks.append(asyncio.create_task(self._see(number, transceiver.receiver)))
        await self.eyes.setLocalDescription(await self.eyes.createOffer())
        self.send({"event": "pictures", "sdp": self.eyes.localDescription.sdp})
        answer = await self.event("pictures")
        await self.eyes.setRemoteDescription(RTCSessionDescription(answer["sdp"], "answer"))

    async def _see(self, number: int, receiver: Any) -> None:
        while receiver.track is None:
            await self.news.wait()
        with suppress(MediaStreamError):
            while True:
                self.seen[number] = (await receiver.track.recv()).to_ndarray(format="rgb24")
                self._tell()

    async def sees(self, colour: tuple[int, int, int], slot: int = 0) -> None:
        def check() -> bool:
            pixels = self.seen[slot]
            middle = pixels[len(pixels) // 2, len(pixels[0]) // 2].astype(int)
            return bool(np.abs(middle - colour).max() < 24)

        await self.until(check)

    async def vanish(self) -> None:
        """Stop sending anything at all, as a killed browser does."""
        for task in self.tasks:
            task.cancel()
        for transport in {self.pc.sctp.transport.transport}:
            for protocol in transport._connection._protocols:
                protocol.transport.abort()

    async def close(self) -> None:
        for task in self.tasks:
            task.cancel()
        if self.tone is not None:
            self.tone.stop()
        for camera in filter(None, self.cameras):
            camera.stop()
        if self.eyes is not None:
            await close(self.eyes)
        await close(self.pc)
        await asyncio.gather(*self.tasks, return_exceptions=True)


Peers = Callable[..., Peer]  # the fixture `peer`
