# SPDX-License-Identifier: BSD-2-Clause
"""A mirror: what somebody sends on three custom tracks comes back on three others."""

import asyncio
import sys

from pipecat.frames.frames import InputAudioRawFrame, OutputAudioRawFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineParams, PipelineWorker
from pipecat.processors.frame_processor import FrameProcessor
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

TRACKS = ("first", "second", "third")


class Mirror(FrameProcessor):
    async def process_frame(self, frame, direction):
        await super().process_frame(frame, direction)
        if not isinstance(frame, InputAudioRawFrame):
            await self.push_frame(frame, direction)
        elif frame.transport_source:
            back = OutputAudioRawFrame(frame.audio, frame.sample_rate, frame.num_channels)
            # What comes on no track of these, a microphone's silence too, goes to the first.
            track = frame.transport_source if frame.transport_source in TRACKS else TRACKS[0]
            back.transport_destination = f"{track}-mirror"
            await self.push_frame(back)


async def main(room_url):
    transport = DailyTransport(
        room_url,
        None,
        "Mirror",
        DailyParams(
            audio_in_enabled=True,
            audio_out_enabled=True,
            microphone_out_enabled=False,
            audio_out_destinations=[f"{track}-mirror" for track in TRACKS],
        ),
    )
    worker = PipelineWorker(
        Pipeline([transport.input(), Mirror(), transport.output()]),
        params=PipelineParams(audio_in_sample_rate=16000, audio_out_sample_rate=16000),
    )

    @transport.event_handler("on_first_participant_joined")
    async def on_first_participant_joined(transport, participant):
        for track in (*TRACKS, "a track that nobody sends"):
            await transport.capture_participant_audio(participant["id"], audio_source=track)

    @transport.event_handler("on_participant_left")
    async def on_participant_left(transport, participant, reason):
        await worker.cancel()

    runner = WorkerRunner()
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
