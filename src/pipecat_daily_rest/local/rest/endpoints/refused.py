# SPDX-License-Identifier: BSD-2-Clause
"""What has no honest meaning on this machine: recordings, streams and stored transcripts.

An unknown room is still a 404 and a bad body a 400, so that a program's requests are tested;
`refusals` of this package lists what is refused.
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.rest.endpoints.family import Family, Route, refused
from pipecat_daily_rest.local.rules.media_properties import (
    LIVE_STREAM,
    LIVE_STREAM_STOP,
    RECORDING,
    RECORDING_STOP,
    RECORDING_UPDATE,
    TRANSCRIPTION,
    TRANSCRIPTION_STOP,
    TRANSCRIPTION_UPDATE,
)

_NO_RECORDING = (
    "the local Daily records nothing: put what a test needs there with LocalDaily.add_recording()"
)
_NO_STREAM = "the local Daily streams nothing: no media leaves this machine"
_NO_TRANSCRIPTION = (
    "the local Daily transcribes for a bot's start_transcription() only, and stores nothing: put "
    "what a test needs there with LocalDaily.add_transcript()"
)


class RefusedEndpoints(Family):
    """Recording, live streaming and transcription of the call in a room."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("POST", "/rooms/{name}/recordings/start", self.start_recording),
            ("POST", "/rooms/{name}/recordings/update", self.update_recording),
            ("POST", "/rooms/{name}/recordings/stop", self.stop_recording),
            ("POST", "/rooms/{name}/live-streaming/start", self.start_live_stream),
            ("POST", "/rooms/{name}/live-streaming/update", self.update_live_stream),
            ("POST", "/rooms/{name}/live-streaming/stop", self.stop_live_stream),
            ("POST", "/rooms/{name}/transcription/start", self.start_transcription),
            ("POST", "/rooms/{name}/transcription/update", self.update_transcription),
            ("POST", "/rooms/{name}/transcription/stop", self.stop_transcription),
        ]

    @refused(_NO_RECORDING)
    def start_recording(self, request: web.Request, body: Any) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/recordings/start."""
        self._room(request)
        self._schema.body(RECORDING, body)

    @refused(_NO_RECORDING)
    def update_recording(self, request: web.Request, body: Any) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/recordings/update."""
        self._room(request)
        self._schema.body(RECORDING_UPDATE, body)

    @refused(_NO_RECORDING)
    def stop_recording(self, request: web.Request, body: Any) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/recordings/stop."""
        self._room(request)
        self._schema.body(RECORDING_STOP, body)

    @refused(_NO_STREAM)
    def start_live_stream(self, request: web.Request, body: Any) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/live-streaming/start."""
        self._room(request)
        self._schema.body(LIVE_STREAM, body)

    @refused(_NO_STREAM)
    def update_live_stream(self, request: web.Request, body: Any) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/live-streaming/update."""
        self._room(request)
        self._schema.body(LIVE_STREAM, body)

    @refused(_NO_STREAM)
    def stop_live_stream(self, request: web.Request, body: Any) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/live-streaming/stop."""
        self._room(request)
        self._schema.body(LIVE_STREAM_STOP, body)

    @refused(_NO_TRANSCRIPTION)
    def start_transcription(self, request: web.Request, body: Any) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/transcription/start."""
        self._room(request)
        self._schema.body(TRANSCRIPTION, body)

    @refused(_NO_TRANSCRIPTION)
    def update_transcription(self, request: web.Request, body: Any) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/transcription/update."""
        self._room(request)
        self._schema.body(TRANSCRIPTION_UPDATE, body)

    @refused(_NO_TRANSCRIPTION)
    def stop_transcription(self, request: web.Request, body: Any) -> None:
        """https://docs.daily.co/reference/rest-api/rooms/transcription/stop."""
        self._room(request)
        self._schema.body(TRANSCRIPTION_STOP, body)
