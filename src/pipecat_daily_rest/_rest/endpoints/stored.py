# SPDX-License-Identifier: BSD-2-Clause
"""Recordings and transcripts.

Reference: https://docs.daily.co/reference/rest-api/recordings and
https://docs.daily.co/reference/rest-api/transcript
"""

from collections.abc import AsyncIterator
from typing import Any

from pipecat_daily_rest._core import arguments, room_names
from pipecat_daily_rest._rest.endpoints.base import Methods, segment
from pipecat_daily_rest._rest.pages import listed
from pipecat_daily_rest.answers import (
    DailyAccessLink,
    DailyDeletedRecording,
    DailyRecording,
    DailyTranscript,
)
from pipecat_daily_rest.errors import DailyNotFoundError
from pipecat_daily_rest.models.lenient import without_nulls


class StoredMethods(Methods):
    """Recordings and transcripts."""

    def list_recordings(self, *, room_name: str | None = None) -> AsyncIterator[DailyRecording]:
        """List the recordings, all pages, newest first.

        Daily counts this request in its slow rate tier (50 in 30 s).

        Reference: https://docs.daily.co/reference/rest-api/recordings/list-recordings

        Args:
            room_name: Only those of this room, even if it no longer exists.

        Returns:
            The recordings, for ``async for``, which raises `DailyError` if a page cannot be read.

        Raises:
            DailyConfigError: ``room_name`` is not a room's name.
        """
        what = "Unable to list the recordings"
        return listed(
            self.api,
            "/recordings",
            what=what,
            read=DailyRecording.read,
            key=lambda recording: recording.id,
            query={"room_name": None if room_name is None else room_names.check(room_name)},
        )

    async def get_recording(self, recording_id: str) -> DailyRecording:
        """Look a recording up.

        Reference: https://docs.daily.co/reference/rest-api/recordings/get-recording-information

        Args:
            recording_id: Its id.

        Returns:
            The recording.

        Raises:
            DailyNotFoundError: It does not exist.
            DailyError: Daily gave no usable answer.
        """
        path = self._recording(recording_id)
        return await self._ask(DailyRecording, "GET", path, "Unable to get the recording")

    async def delete_recording(self, recording_id: str) -> DailyDeletedRecording:
        """Delete a recording. That it is gone already is a success.

        Reference: https://docs.daily.co/reference/rest-api/recordings/delete-recording

        Args:
            recording_id: Its id.

        Returns:
            Where its file was; only the id when it was gone already.

        Raises:
            DailyError: Daily did not delete it.
        """
        path, what = self._recording(recording_id), "Failed to delete the recording"
        data = await self._delete(path, what, id=recording_id)
        return DailyDeletedRecording.read(data, what=what)

    async def get_recording_link(self, recording_id: str) -> DailyAccessLink:
        """Give a link to a recording's file. It works for a short time; do not store it.

        Reference: https://docs.daily.co/reference/rest-api/recordings/get-recording-link

        Args:
            recording_id: Its id.

        Returns:
            The link.

        Raises:
            DailyNotFoundError: The recording does not exist.
            DailyError: Daily gave no link.
        """
        return await self._link(self._recording(recording_id), "recording")

    def list_transcripts(
        self, *, room_id: str | None = None, meeting_id: str | None = None
    ) -> AsyncIterator[DailyTranscript]:
        """List the transcripts, all pages, newest first.

        Reference: https://docs.daily.co/reference/rest-api/transcript/list-transcripts

        Args:
            room_id: Only those of the room with this id (`DailyRoomObject.id`, not its name).
            meeting_id: Only those of this meeting session.

        Returns:
            The transcripts, for ``async for``, which raises `DailyError` if a page cannot be read.

        Raises:
            DailyConfigError: An argument is not a string.
        """
        what = "Unable to list the transcripts"
        return listed(
            self.api,
            "/transcript",
            what=what,
            read=DailyTranscript.read,
            key=lambda transcript: transcript.transcriptId,
            query={
                "roomId": arguments.text("room_id", room_id),
                "mtgSessionId": arguments.text("meeting_id", meeting_id),
            },
        )

    async def get_transcript(self, transcript_id: str) -> DailyTranscript:
        """Look a transcript up.

        Reference: https://docs.daily.co/reference/rest-api/transcript/get-transcript-information

        Args:
            transcript_id: Its id.

        Returns:
            The transcript.

        Raises:
            DailyNotFoundError: It does not exist.
            DailyError: Daily gave no usable answer.
        """
        path = self._transcript(transcript_id)
        return await self._ask(DailyTranscript, "GET", path, "Unable to get the transcript")

    async def delete_transcript(self, transcript_id: str) -> DailyTranscript:
        """Delete a transcript. That it is gone already is a success.

        Reference: https://docs.daily.co/reference/rest-api/transcript/delete-transcript

        Args:
            transcript_id: Its id.

        Returns:
            The transcript, with the status ``t_deleted``; only that and the id when it was gone
            already.

        Raises:
            DailyError: Daily did not delete it.
        """
        path, what = self._transcript(transcript_id), "Failed to delete the transcript"
        data = await self._delete(path, what, transcriptId=transcript_id, status="t_deleted")
        return DailyTranscript.read(data, what=what)

    async def get_transcript_link(self, transcript_id: str) -> DailyAccessLink:
        """Give a link to a transcript's WebVTT file. It works for a short time; do not store it.

        Reference: https://docs.daily.co/reference/rest-api/transcript/get-transcript-link

        Args:
            transcript_id: Its id.

        Returns:
            The link.

        Raises:
            DailyNotFoundError: The transcript does not exist.
            DailyError: Daily gave no link.
        """
        return await self._link(self._transcript(transcript_id), "transcript")

    def _recording(self, id: str) -> str:
        return f"/recordings/{segment('recording_id', id, key=self.api.key)}"

    def _transcript(self, id: str) -> str:
        return f"/transcript/{segment('transcript_id', id, key=self.api.key)}"

    async def _delete(self, path: str, what: str, **known: str) -> dict[str, Any]:
        """Delete something, and give what is known of it and what Daily answered."""
        try:
            data = await self.api.request("DELETE", path, what=what)
        except DailyNotFoundError:
            data = None  # an earlier attempt may have deleted it
        answered = data if isinstance(data, dict) else {}
        return {**known, **without_nulls(answered)}

    async def _link(self, path: str, what: str) -> DailyAccessLink:
        what = f"Unable to get the link to the {what}"
        return await self._ask(DailyAccessLink, "GET", f"{path}/access-link", what)
