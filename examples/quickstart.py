# SPDX-License-Identifier: BSD-2-Clause
"""A bot that repeats what it heard: no account, no key, no download.

    pipecat-daily-rest run examples/quickstart.py --local     # on this machine
    pipecat-daily-rest run examples/quickstart.py             # on Daily, with DAILY_API_KEY
    python examples/quickstart.py --local                     # either, by the runner's main()

It listens with Silero VAD, which ships with Pipecat, answers one speaker at a time, and stays when
people leave. It answers what people type, too. Ctrl-C ends the bot and deletes its room.
"""

from collections import deque
from time import monotonic

import numpy as np
from pipecat.audio.vad.silero import SileroVADAnalyzer
from pipecat.audio.vad.vad_analyzer import VADParams, VADState
from pipecat.frames.frames import Frame, OutputAudioRawFrame, UserAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.runner.types import RunnerArguments
from pipecat.runner.utils import create_transport
from pipecat.workers.runner import WorkerRunner

SAMPLE_RATE = 16_000
LONGEST = 20  # seconds of one answer
AHEAD = 30  # seconds of answers that wait at most; more would come too late
LEAD_IN = 20  # blocks kept from before speech is noticed: they hold its first syllable


def chime() -> bytes:
    """Two short notes, so that people notice the bot when they join."""
    time = np.arange(SAMPLE_RATE // 6) / SAMPLE_RATE
    notes = [np.sin(2 * np.pi * hz * time) * np.hanning(time.size) for hz in (660, 880)]
    return (np.concatenate(notes) * 6000).astype(np.int16).tobytes()


def listener() -> SileroVADAnalyzer:
    """A voice detector; each speaker needs one, since it remembers what it heard."""
    analyzer = SileroVADAnalyzer(sample_rate=SAMPLE_RATE, params=VADParams(stop_secs=0.6))
    analyzer.set_sample_rate(SAMPLE_RATE)
    return analyzer


def typed(message: object) -> str | None:
    """What somebody typed: on the room's page, in Daily's Prebuilt or in a Pipecat client."""
    match message:
        case str(text) | {"event": "chat-msg", "message": str(text)}:
            return text
        case {"type": "send-text", "data": {"content": str(text)}}:
            return text
    return None


# Loading the model takes a moment that a call should not wait for.
SPARE = [listener()]


class Echo(FrameProcessor):
    """Repeats what one speaker said, once that speaker has finished."""

    def __init__(self) -> None:
        super().__init__()
        self._listeners: dict[str, SileroVADAnalyzer] = {}
        self._lead_in: deque[bytes] = deque(maxlen=LEAD_IN)
        self._speaker: str | None = None
        self._said = bytearray()
        self._silent_at = 0.0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, UserAudioRawFrame):
            await self._listen(frame.user_id, frame.audio)
        else:
            await self.push_frame(frame, direction)

    def welcome(self, user: str) -> None:
        """Listen to somebody from now on."""
        self._listeners[user] = SPARE.pop() if SPARE else listener()

    async def _listen(self, user: str, audio: bytes) -> None:
        # The last sound of somebody who left may come after they left.
        if user not in self._listeners:
            return
        state = await self._listeners[user].analyze_audio(audio)
        if user not in self._listeners:
            return
        if self._speaker is None and state is VADState.SPEAKING:
            self._speaker = user
            self._said += b"".join(self._lead_in)
        if self._speaker == user:
            self._said += audio
            finished = state is VADState.QUIET
            if finished or len(self._said) > LONGEST * SAMPLE_RATE * 2:
                await self._answer()
        elif self._speaker is None and state is not VADState.QUIET:
            self._lead_in.append(audio)

    async def _answer(self) -> None:
        said, self._said, self._speaker = bytes(self._said), bytearray(), None
        self._lead_in.clear()
        await self.say(said)

    async def say(self, audio: bytes) -> None:
        now = monotonic()
        silent_at = max(now, self._silent_at) + len(audio) / (SAMPLE_RATE * 2)
        if silent_at - now > AHEAD:
            return
        self._silent_at = silent_at
        await self.push_frame(OutputAudioRawFrame(audio, SAMPLE_RATE, num_channels=1))

    def forget(self, user: str) -> None:
        """Stop listening to somebody who left. The next to join gets the detector."""
        if user in self._listeners:
            free = self._listeners.pop(user)
            free.set_sample_rate(SAMPLE_RATE)  # nobody speaks
            SPARE.append(free)
        if self._speaker == user:
            self._speaker, self._said = None, bytearray()


async def bot(runner_args: RunnerArguments) -> None:
    from pipecat.transports.daily.transport import DailyParams

    transport = await create_transport(
        runner_args,
        {"daily": lambda: DailyParams(audio_in_enabled=True, audio_out_enabled=True)},
    )
    echo = Echo()
    worker = PipelineWorker(
        Pipeline([transport.input(), echo, transport.output()]),
        params=PipelineParams(audio_in_sample_rate=SAMPLE_RATE, audio_out_sample_rate=SAMPLE_RATE),
        idle_timeout_secs=None,
    )

    @transport.event_handler("on_client_connected")
    async def on_client_connected(_transport, client):
        echo.welcome(client["id"])
        await echo.say(chime())

    @transport.event_handler("on_client_disconnected")
    async def on_client_disconnected(_transport, client):
        echo.forget(client["id"])

    @transport.event_handler("on_app_message")
    async def on_app_message(_transport, message, sender):
        if text := typed(message):
            await transport.send_prebuilt_chat_message(f"You wrote: {text}", "Bot")
            await echo.say(chime())

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat_daily_rest.runner import main

    main()
