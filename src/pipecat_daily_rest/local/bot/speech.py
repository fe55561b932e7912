# SPDX-License-Identifier: BSD-2-Clause
"""Speech-to-text for ``start_transcription`` and for turns, where faster-whisper is installed.

It cuts utterances out of the sound that the mixer gets. A process of its own (`speech_worker`)
transcribes them, so that the room's clock never waits.
"""

import asyncio
import importlib.util
import json
import os
import sys
from collections import deque
from collections.abc import Callable, Mapping
from functools import partial
from weakref import WeakKeyDictionary

import numpy as np
from loguru import logger

from pipecat_daily_rest.local.bot.transcriber import Transcriber
from pipecat_daily_rest.local.call.mixer import BLOCK, TICK, Block, loudness_of
from pipecat_daily_rest.local.call.room import Participant, Room

RATE = 16_000  # Hz, the rate of Whisper
_LOUD = 0.008  # loudness (1 is full scale) from which somebody speaks
_BEFORE = round(0.3 / TICK)  # ticks before the first word that belong to an utterance
_PAUSE = round(0.7 / TICK)  # quiet ticks that end an utterance
_LEAST = round(0.2 / TICK)  # loud ticks that an utterance has at least; fewer are a click
_MOST = round(20 / TICK)  # ticks after which an utterance is cut
_MOST_WAITING = 20  # utterances; older ones are dropped
_MOST_SECONDS = 30.0  # that a test waits for the words of a turn
_SILENCE = np.zeros(BLOCK, np.int16)
_GET_IT = (
    "Local room: the bot has started a transcription, and nothing here transcribes speech: "
    "run pip install faster-whisper."
)


class _Utterance:
    """What a participant is saying; `ended` tells whether it is over."""

    def __init__(self) -> None:
        self.ended = False
        self._before: deque[Block] = deque(maxlen=_BEFORE)
        self._blocks: list[Block] = []
        self._loud = self._quiet = 0

    def add(self, block: Block) -> None:
        """Take 20 ms."""
        loud = loudness_of(block) > _LOUD
        if not self._blocks and not loud:
            self._before.append(block)
            return
        self._blocks.append(block)
        self._loud += loud
        self._quiet = 0 if loud else self._quiet + 1
        self.ended = self._quiet >= _PAUSE or len(self._blocks) >= _MOST

    @property
    def sound(self) -> Block | None:
        """The whole utterance, or None for a click."""
        if self._loud < _LEAST:
            return None
        return np.concatenate([*self._before, *self._blocks])


class Speech:
    """Hears the participants, and tells the transcriber what they said."""

    def __init__(self, transcriber: Transcriber, model: str) -> None:
        """Wait for the first transcription; `model` names a Whisper model, or its folder."""
        self._transcriber = transcriber
        self._model = model
        self._speaking: WeakKeyDictionary[Participant, _Utterance] = WeakKeyDictionary()
        self._waiting: deque[tuple[Callable[[str], object], Block]] = deque(maxlen=_MOST_WAITING)
        self._asked: set[asyncio.Future[str]] = set()
        self._broken = False
        self._news = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def text(self, sound: Block) -> str:
        """Give the words of a sound at 48 kHz; "" where nothing here can tell."""
        if self._broken or importlib.util.find_spec("faster_whisper") is None:
            return ""
        self._begin()
        asked: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._asked.add(asked)
        self._add(partial(_answer, asked), sound)
        try:
            async with asyncio.timeout(_MOST_SECONDS):
                return await asked
        except TimeoutError:
            return ""
        finally:
            self._asked.discard(asked)

    def hear(self, room: Room, voices: Mapping[str, Block]) -> None:
        """Take 20 ms of a room; the mixer calls it."""
        if self._task is None or not self._transcriber.running(room):
            return
        for id, participant in room.participants.items():
            if not self._transcriber.wants(participant):
                continue
            utterance = self._speaking.setdefault(participant, _Utterance())
            utterance.add(voices.get(id, _SILENCE))
            if utterance.ended:
                del self._speaking[participant]
                if (sound := utterance.sound) is not None:
                    self._add(partial(self._said, participant), sound)

    async def aclose(self) -> None:
        """End the process."""
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    def _add(self, told: Callable[[str], object], sound: Block) -> None:
        self._waiting.append((told, sound))
        self._news.set()

    def _said(self, participant: Participant, text: str) -> None:
        here = participant.id in participant.room.participants
        if text and here and self._transcriber.wants(participant):
            self._transcriber.said(participant, text)

    def start(self, room: Room) -> None:
        """Transcribe what is said in a room from now on."""
        if importlib.util.find_spec("faster_whisper") is None:
            logger.warning(_GET_IT)
        else:
            self._begin()

    def _begin(self) -> None:
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._run(), name="speech-to-text")

    async def _run(self) -> None:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "pipecat_daily_rest.local.bot.speech_worker",
            self._model,
            env={**os.environ, "HF_HUB_OFFLINE": "1"},  # no request leaves the machine
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # a Ctrl-C in the terminal is for the bot
        )
        try:
            error = await self._transcribe(process)
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
        logger.warning("Local room: {}", error)
        self._transcriber.fail_all(error)
        self._broken = True
        for asked in self._asked:
            _answer(asked, "")

    async def _transcribe(self, process: asyncio.subprocess.Process) -> str:
        """Transcribe until that fails; give the error."""
        stdin, stdout = process.stdin, process.stdout
        if stdin is None or stdout is None:
            msg = "the process has no pipes"
            raise RuntimeError(msg)
        answer = await _read(stdout)
        while "error" not in answer:
            while not self._waiting:
                self._news.clear()
                await self._news.wait()
            told, utterance = self._waiting.popleft()
            thirds = utterance[: len(utterance) // 3 * 3].reshape(-1, 3)
            pcm = thirds.mean(axis=1).astype("<i2").tobytes()
            try:
                stdin.write(len(pcm).to_bytes(4, "little") + pcm)
                await stdin.drain()
            except ConnectionError:
                pass  # the next read finds its end
            answer = await _read(stdout)
            if "text" in answer:
                told(answer["text"])
        return answer["error"]


def _answer(asked: "asyncio.Future[str]", text: str) -> None:
    if not asked.done():
        asked.set_result(text)


async def _read(stdout: asyncio.StreamReader) -> dict[str, str]:
    line = await stdout.readline()
    if not line:
        return {"error": "the local speech-to-text has ended"}
    answer: dict[str, str] = json.loads(line)
    return answer
