# SPDX-License-Identifier: BSD-2-Clause
"""A bot on Pipecat's own DailyTransport, for tests: it prints what happens, and does as it is told.

``pipecat_bot.py URL TOKEN [speaker] [video] [transcription] [call=ID,DOMAIN]``. Each line that it
prints is a JSON list: an event's name and its arguments, ``["heard", Hz, participant]`` or
``["saw", colour, size, format, participant, source]``. App messages tell it what to do.
"""

import asyncio
import json
import os
import sys
from typing import Any

import daily
import numpy as np
from pipecat.frames.frames import (
    EndFrame,
    Frame,
    InputAudioRawFrame,
    InterimTranscriptionFrame,
    OutputAudioRawFrame,
    OutputImageRawFrame,
    OutputTransportMessageUrgentFrame,
    TranscriptionFrame,
    TTSAudioRawFrame,
    UserImageRawFrame,
)
from pipecat.pipeline.pipeline import Pipeline
from pipecat.pipeline.worker import PipelineWorker
from pipecat.processors.frame_processor import FrameDirection, FrameProcessor
from pipecat.transports.daily.transport import (
    DailyDialinSettings,
    DailyOutputTransportMessageUrgentFrame,
    DailyParams,
    DailyTransport,
)
from pipecat.workers.runner import WorkerRunner

EVENTS = (
    "on_joined",
    "on_left",
    "on_error",
    "on_app_message",
    "on_call_state_updated",
    "on_participant_joined",
    "on_participant_left",
    "on_participant_updated",
    "on_active_speaker_changed",
    "on_dialin_ready",
    "on_dialin_connected",
    "on_dialin_stopped",
    "on_dialout_connected",
    "on_dialout_answered",
    "on_dialout_stopped",
    "on_dialout_error",
    "on_dtmf_event",
    "on_network_connection_status_updated",
    "on_recording_started",
    "on_transcription_message",
    "on_transcription_stopped",
    "on_transcription_error",
)
RATE = 16_000


def tell(*what: Any) -> None:
    print(json.dumps(what), flush=True)


class HeardTones(FrameProcessor):
    """Tells the loudest tone of each half second, by participant."""

    def __init__(self) -> None:
        super().__init__()
        self._sound: dict[str, bytearray] = {}

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, InputAudioRawFrame):
            self._hear(getattr(frame, "user_id", ""), frame)
        elif isinstance(frame, TranscriptionFrame | InterimTranscriptionFrame):
            tell("transcribed", type(frame).__name__, frame.text, frame.user_id)
        else:
            await self.push_frame(frame, direction)

    def _hear(self, who: str, frame: InputAudioRawFrame) -> None:
        sound = self._sound.setdefault(who, bytearray())
        sound += frame.audio
        if len(sound) >= RATE:
            samples = np.frombuffer(bytes(sound), np.int16).astype(float)
            sound.clear()
            spectrum = np.abs(np.fft.rfft(samples * np.hanning(len(samples))))
            loud = np.abs(samples).max() > 300
            hz = int(spectrum.argmax()) * frame.sample_rate // len(samples) if loud else 0
            tell("heard", hz, who)


class SeenColours(FrameProcessor):
    """Tells the colour in the middle of a picture whenever it changes."""

    def __init__(self) -> None:
        super().__init__()
        self._last: dict[tuple[str, str], list[int]] = {}
        self.count = 0

    async def process_frame(self, frame: Frame, direction: FrameDirection) -> None:
        await super().process_frame(frame, direction)
        if isinstance(frame, UserImageRawFrame):
            self.count += 1
            self._see((frame.user_id, frame.transport_source), frame)
        else:
            await self.push_frame(frame, direction)

    def _see(self, whose: tuple[str, str], frame: UserImageRawFrame) -> None:
        width, height = frame.size
        pixel = len(frame.format)
        assert len(frame.image) == width * height * pixel
        at = (height // 2 * width + width // 2) * pixel
        colour = list(frame.image[at : at + pixel])
        last = self._last.get(whose, [-100] * pixel)
        if max(abs(a - b) for a, b in zip(colour, last, strict=True)) > 5:
            self._last[whose] = colour
            tell("saw", colour, frame.size, frame.format, *whose)


def tone(hz: float, seconds: float) -> OutputAudioRawFrame:
    time = np.arange(int(24_000 * seconds)) / 24_000
    samples = (np.sin(2 * np.pi * hz * time) * 9000).astype(np.int16)
    return OutputAudioRawFrame(audio=samples.tobytes(), sample_rate=24_000, num_channels=1)


async def main(url: str, token: str, *options: str) -> None:
    assert daily.__stand_in__
    params = DailyParams(
        audio_in_enabled=True,
        audio_out_enabled=True,
        audio_in_user_tracks="speaker" not in options,
        transcription_enabled="transcription" in options,
    )
    for option in options:
        if option.startswith("call="):
            call_id, call_domain = option.removeprefix("call=").split(",")
            settings = DailyDialinSettings(call_id=call_id, call_domain=call_domain)
            params.dialin_settings = settings
            params.api_key, params.api_url = (
                os.environ["DAILY_API_KEY"],
                os.environ["DAILY_API_URL"],
            )
    if "video" in options:
        params.video_in_enabled = params.video_out_enabled = True
        params.video_out_width, params.video_out_height = 320, 240
        params.video_out_destinations = ["screenVideo"]
    transport = DailyTransport(url, token or None, "Robot", params)
    seen = SeenColours()
    worker = PipelineWorker(
        Pipeline([transport.input(), HeardTones(), seen, transport.output()]),
        idle_timeout_secs=None,
    )

    async def obey(message: dict[str, Any], sender: str) -> None:
        match message:
            case {"do": "tone", "hz": hz, "seconds": seconds}:
                await worker.queue_frame(tone(hz, seconds))
            case {"do": "answer", "to": to}:
                await worker.queue_frame(
                    DailyOutputTransportMessageUrgentFrame(
                        message={"private": True}, participant_id=to
                    )
                )
                await worker.queue_frame(
                    OutputTransportMessageUrgentFrame(message={"public": True})
                )
            case {"do": "update", "participants": participants}:
                tell("updated", await transport.update_remote_participants(participants))
            case {"do": "record"}:
                tell("recording", await transport.start_recording())
            case {"do": "capture", "participant": id, **options}:
                await transport.capture_participant_video(id, **options)
            case {"do": "show", "colour": colour, "to": destination}:
                image = OutputImageRawFrame(bytes(colour) * 320 * 240, (320, 240), "RGB")
                image.transport_destination = destination
                await worker.queue_frame(image)
            case {"do": "count"}:
                tell("pictures", seen.count)
            case {"do": "custom video"}:
                await transport.input()._client.add_custom_video_track("extra")
                tell("added")
            case {"do": "call", "method": method, "with": arguments}:
                tell("called", method, await getattr(transport, method)(*arguments))
            case {"do": "look"}:
                tell("participants", transport.participants(), transport.participant_counts())
            case {"do": "speak"}:  # as a voice, so that RTVI reports it
                sound = tone(700, 1)
                await worker.queue_frame(
                    TTSAudioRawFrame(audio=sound.audio, sample_rate=24_000, num_channels=1)
                )
            case {"do": "block"}:
                tell("blocked")
                sys.stdin.readline()  # blocks the event loop until the test says so
                tell("free")
            case {"do": "end"}:
                await worker.queue_frame(EndFrame())

    for name in EVENTS:

        async def on_event(_: DailyTransport, *args: Any, name: str = name) -> None:
            tell(name, *args)
            if name == "on_app_message" and isinstance(args[0], dict):
                await obey(*args)
            # Pipecat itself goes on after its call has ended.
            if name == "on_error":
                await worker.cancel()

        transport.add_event_handler(name, on_event)
    runner = WorkerRunner(handle_sigint=False)
    await runner.add_workers(worker)
    await runner.run()
    tell("end")


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
