# SPDX-License-Identifier: BSD-2-Clause
"""Live streams and stored transcripts: the local Daily refuses to make them.

An unknown room is still a 404 and a bad body a 400, so that a program's requests are tested.

Reference: https://docs.daily.co/reference/rest-api/rooms
"""

from collections.abc import Mapping
from functools import partial
from typing import NoReturn

from aiohttp import web

from pipecat_daily_rest.local.rest.endpoints.family import Family, Route
from pipecat_daily_rest.local.rules import media_properties
from pipecat_daily_rest.local.rules.kinds import Check
from pipecat_daily_rest.local.rules.schema import not_here

_NO_STREAM = "the local Daily streams nothing: no media leaves this machine"
_NO_TRANSCRIPTION = (
    "the local Daily transcribes only for a bot's start_transcription(), and stores nothing: add "
    "what a test needs with LocalDaily.add_transcript()"
)

# The endpoint below /rooms/{name}/, the body that it takes, and why it is refused.
_REFUSED: Mapping[str, tuple[Mapping[str, Check], str]] = {
    "live-streaming/start": (media_properties.LIVE_STREAM, _NO_STREAM),
    "live-streaming/update": (media_properties.LIVE_STREAM, _NO_STREAM),
    "live-streaming/stop": (media_properties.LIVE_STREAM_STOP, _NO_STREAM),
    "transcription/start": (media_properties.TRANSCRIPTION, _NO_TRANSCRIPTION),
    "transcription/update": (media_properties.TRANSCRIPTION_UPDATE, _NO_TRANSCRIPTION),
    "transcription/stop": (media_properties.TRANSCRIPTION_STOP, _NO_TRANSCRIPTION),
}
REFUSALS = {("POST", f"/rooms/{{name}}/{path}"): why for path, (_, why) in _REFUSED.items()}
"""Why each of these endpoints is refused, by method and path."""


class RefusedEndpoints(Family):
    """The endpoints that check a request and then answer 501."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("POST", f"/rooms/{{name}}/{path}", partial(self._refuse, body, why))
            for path, (body, why) in _REFUSED.items()
        ]

    def _refuse(
        self, table: Mapping[str, Check], why: str, request: web.Request, body: object
    ) -> NoReturn:
        self._room(request)
        self._schema.body(table, body)
        raise not_here(why)
