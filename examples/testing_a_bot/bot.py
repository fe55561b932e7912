# SPDX-License-Identifier: BSD-2-Clause
"""A bot that rings when somebody joins, and says who. It ends when the last person has left.

pipecat-daily-rest run examples/testing_a_bot/bot.py --local   # on this machine
pytest examples/testing_a_bot                                  # its tests, without a network
"""

import numpy as np
from pipecat.frames.frames import OutputAudioRawFrame, OutputTransportMessageUrgentFrame
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.runner.types import RunnerArguments
from pipecat.transports.daily.transport import DailyParams, DailyTransport
from pipecat.workers.runner import WorkerRunner

SAMPLE_RATE = 24_000
BELL = 880  # Hz


def bell() -> OutputAudioRawFrame:
    time = np.arange(SAMPLE_RATE) / SAMPLE_RATE
    note = np.sin(2 * np.pi * BELL * time) * np.hanning(time.size) * 8000
    return OutputAudioRawFrame(note.astype(np.int16).tobytes(), SAMPLE_RATE, num_channels=1)


async def bot(runner_args: RunnerArguments) -> None:
    transport = DailyTransport(
        runner_args.room_url,
        runner_args.token,
        "Doorbell",
        DailyParams(audio_out_enabled=True),
    )
    worker = PipelineWorker(Pipeline([transport.output()]), idle_timeout_secs=None)

    @transport.event_handler("on_participant_joined")
    async def on_participant_joined(_transport, participant):
        name = participant["info"]["userName"]
        await worker.queue_frame(OutputTransportMessageUrgentFrame({"came": name}))
        await worker.queue_frame(bell())

    @transport.event_handler("on_participant_left")
    async def on_participant_left(_transport, _participant, _reason):
        if not set(transport.participants()) - {"local"}:
            await worker.cancel()

    runner = WorkerRunner(handle_sigint=runner_args.handle_sigint)
    await runner.add_workers(worker)
    await runner.run()


if __name__ == "__main__":
    from pipecat_daily_rest.runner import main

    main()
