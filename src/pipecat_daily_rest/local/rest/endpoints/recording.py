# SPDX-License-Identifier: BSD-2-Clause
"""Recordings are started and stopped.

Reference: https://docs.daily.co/reference/rest-api/rooms/recordings
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.recording.recorder import SOUND_ALONE
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route
from pipecat_daily_rest.local.rules.media_properties import (
    RECORDING,
    RECORDING_STOP,
    RECORDING_UPDATE,
)
from pipecat_daily_rest.local.rules.schema import refusal

_SENT = {"status": "sent"}


class RecordingEndpoints(Family):
    """The recordings that run."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("POST", "/rooms/{name}/recordings/start", self.start),
            ("POST", "/rooms/{name}/recordings/update", self.update),
            ("POST", "/rooms/{name}/recordings/stop", self.stop),
        ]

    def start(self, request: web.Request, body: Any) -> Any:
        """Start a recording; the answer says what is missing of it here."""
        # https://docs.daily.co/reference/rest-api/rooms/recordings/start
        room = self._room(request)
        given = self._schema.body(RECORDING, body)
        if not room.participants:
            status = self._choices.recording_in_empty_room
            if status != 200:
                raise refusal(status, f"nobody is in room {room.name}")
            return _SENT
        running = self._parts.recorder.start(room, given, None)
        return {**_SENT, "info": SOUND_ALONE} if running.kind == "cloud" else _SENT

    def update(self, request: web.Request, body: Any) -> Any:
        """Change the layout of a recording, which has none here."""
        # https://docs.daily.co/reference/rest-api/rooms/recordings/update
        room = self._room(request)
        given = self._schema.body(RECORDING_UPDATE, body)
        self._parts.recorder.update(room, given.get("instanceId"))
        return _SENT

    def stop(self, request: web.Request, body: Any) -> Any:
        """Stop a recording."""
        # https://docs.daily.co/reference/rest-api/rooms/recordings/stop
        room = self._room(request)
        given = self._schema.body(RECORDING_STOP, body)
        self._parts.recorder.stop(room, given.get("instanceId"), None)
        return _SENT
