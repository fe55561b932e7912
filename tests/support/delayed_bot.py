# SPDX-License-Identifier: BSD-2-Clause
"""A bot on Pipecat's `DailyTransport` that answers what it hears after a known time.

It counts from the last sound that reaches its pipeline to the moment when it hands its answer to the
pipeline. Whatever a person's ear measures beyond that is the local room's share.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import numpy as np
from pipecat.audio.mixers.base_audio_mixer import BaseAudioMixer
from pipecat.frames.frames import (
    InputAudioRawFrame,
    InterruptionFrame,
    TTSAudioRawFrame,
    TTSTextFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

RATE = 24_000
LOUD = 300  # of 32767


def tone(hz: float, seconds: float, amplitude: float = 0.3) -> bytes:
    """Give a tone that begins and ends at once, as PCM at 24 kHz."""
    wave = np.sin(2 * np.pi * hz * np.arange(round(seconds * RATE)) / RATE)
    return (wave * amplitude * 32767).astype(np.int16).tobytes()


class Answerer(FrameProcessor):
    """Answers a while after the last sound, or after the first one; an answer may stop at a sound.

    Parameters:
        delays: What the delays were, in seconds.
    """

    def __init__(
        self, delays: list[float], sounds: list[bytes], text: str, *, at_once: bool, stops: bool
    ) -> None:
        super().__init__()
        self._waits, self._sounds, self._text = delays, sounds, text
        self._at_once, self._stops = at_once, stops
        self._due: asyncio.TimerHandle | None = None
        self._until = 0.0
        self._task: asyncio.Future[None] | None = None
        self.delays: list[float] = []

    async def process_frame(self, frame: Any, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            if np.abs(np.frombuffer(frame.audio, np.int16)).max(initial=0) > LOUD:
                await self._heard()
            return
        await self.push_frame(frame, direction)

    async def _heard(self) -> None:
        now = time.monotonic()
        if self._stops and now < self._until:
            self._until = 0.0
            await self.broadcast_frame(InterruptionFrame)
        if self._due is not None:
            if self._at_once:
                return
            self._due.cancel()
        delay = self._waits[len(self.delays) % len(self._waits)]
        loop = asyncio.get_running_loop()
        self._due = loop.call_later(delay, self._answers, now)

    def _answers(self, heard: float) -> None:
        now = time.monotonic()
        sound = self._sounds[min(len(self.delays), len(self._sounds) - 1)]
        self.delays.append(now - heard)
        self._until = now + len(sound) / 2 / RATE
        self._task = asyncio.ensure_future(self.say(sound, self._text))

    async def say(self, sound: bytes, text: str) -> None:
        """Say something now."""
        await self.push_frame(TTSAudioRawFrame(sound, RATE, num_channels=1))
        if text:
            await self.push_frame(TTSTextFrame(text, "sentence"))


class Music(BaseAudioMixer):
    """Plays noise behind all that the bot says."""

    def __init__(self, level: float) -> None:
        self._level, self._dice = level, np.random.default_rng(3)

    async def start(self, sample_rate: int) -> None: ...

    async def stop(self) -> None: ...

    async def process_frame(self, frame: Any) -> None: ...

    async def mix(self, audio: bytes) -> bytes:
        voice = np.frombuffer(audio, np.int16)
        noise = self._dice.normal(0, self._level, len(voice)) * 32767
        return (voice + noise).clip(-32768, 32767).astype(np.int16).tobytes()


def delayed(
    *delays: float,
    hz: float = 880,
    seconds: float | tuple[float, ...] = 0.4,
    answer: str = "",
    greeting: str = "",
    music: float = 0.0,
    at_once: bool = False,
    stops: bool = False,
) -> Callable[[Any], Awaitable[None]]:
    """Make one, which answers after each of the delays in turn; the last of `seconds` stays."""
    answerers: list[Answerer] = []

    async def bot(args: Any) -> None:
        params = DailyParams(audio_in_enabled=True, audio_out_enabled=True)
        params.audio_out_mixer = Music(music) if music else None
        transport = DailyTransport(args.room_url, args.token, "Bot", params)
        lengths = seconds if isinstance(seconds, tuple) else (seconds,)
        sounds = [tone(hz, each) for each in lengths]
        answerer = Answerer(list(delays), sounds, answer, at_once=at_once, stops=stops)
        answerers.append(answerer)
        pipeline = Pipeline([transport.input(), answerer, transport.output()])
        worker = PipelineWorker(pipeline, idle_timeout_secs=None)

        @transport.event_handler("on_participant_joined")
        async def on_participant_joined(*_: Any) -> None:
            if greeting:
                await answerer.say(tone(700, 0.5), greeting)

        runner = WorkerRunner(handle_sigint=False)
        await runner.add_workers(worker)
        await runner.run()

    bot.answerers = answerers  # type: ignore[attr-defined]
    return bot
