# SPDX-License-Identifier: BSD-2-Clause
"""The bot calls somebody, and leaves a message where an answering machine answers.

pipecat-daily-rest serve examples/phone/voicemail.py --dialout-prefixes +1
curl -X POST http://127.0.0.1:7860/dial-out -d '{"phoneNumber": "+14155550100"}'

A person says a word or two and waits; a machine talks on. A bot with a language model can ask it
instead: see Pipecat's VoicemailDetector.
"""

import numpy as np
from pipecat.frames.frames import EndFrame, InputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.runner.utils import create_transport
from pipecat.transports.daily.transport import DailyParams
from pipecat.workers.runner import WorkerRunner
from tones import GREETING, MESSAGE, says

LOUD = 300  # of 32767, the mean of a frame
PAUSE = 1.0  # seconds of silence after which the other side waits for an answer
PERSON = 2.5  # seconds that a person's first words take at the most


class FirstWords(FrameProcessor):
    """Measures how long somebody speaks after `listen()`, and tells it once."""

    def __init__(self, tell):
        super().__init__()
        self._tell = tell
        self._listening = False
        self._spoken = self._silent = 0.0

    def listen(self):
        self._listening = True

    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if self._listening and isinstance(frame, InputAudioRawFrame):
            await self._measure(frame)
        await self.push_frame(frame, direction)

    async def _measure(self, frame):
        seconds = frame.num_frames / frame.sample_rate
        if np.abs(np.frombuffer(frame.audio, np.int16)).mean() > LOUD:
            self._spoken += seconds + self._silent  # a breath is a part of it
            self._silent = 0.0
        elif self._spoken:
            self._silent += seconds
        if self._silent > PAUSE:
            self._listening = False
            await self._tell(self._spoken)


async def bot(runner_args):
    transport = await create_transport(
        runner_args,
        {"daily": lambda: DailyParams(audio_in_enabled=True, audio_out_enabled=True)},
    )

    async def tell(seconds):
        if seconds < PERSON:
            await worker.queue_frame(says(GREETING))
        else:  # the beep is over
            await worker.queue_frames([says(MESSAGE), EndFrame()])

    first_words = FirstWords(tell)
    worker = PipelineWorker(
        Pipeline([transport.input(), first_words, transport.output()]), idle_timeout_secs=None
    )
    (call,) = runner_args.body["dialout_settings"]

    @transport.event_handler("on_joined")
    async def on_joined(transport, _data):
        _, error = await transport.start_dialout(call)
        if error:
            await worker.cancel()

    @transport.event_handler("on_dialout_answered")
    async def on_dialout_answered(_transport, _data):
        first_words.listen()

    @transport.event_handler("on_dialout_error")
    async def on_dialout_error(_transport, _data):
        await worker.cancel()

    @transport.event_handler("on_dialout_stopped")
    async def on_dialout_stopped(_transport, _data):
        await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()
