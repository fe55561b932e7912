# SPDX-License-Identifier: BSD-2-Clause
"""The recordings that were made, and what `LocalDaily.add_recording` and `add_transcript` added.

Reference: https://docs.daily.co/reference/rest-api/recordings and
https://docs.daily.co/reference/rest-api/transcript
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.recording.stored import Recording, Transcript, newest_first
from pipecat_daily_rest.local.rest import files
from pipecat_daily_rest.local.rest.endpoints.family import Family, Route, iso
from pipecat_daily_rest.local.rules.schema import refusal


class StoredEndpoints(Family):
    """What the calls left behind."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("GET", "/recordings", self.list_recordings),
            ("GET", "/recordings/{id}", self.get_recording),
            ("DELETE", "/recordings/{id}", self.delete_recording),
            ("GET", "/recordings/{id}/access-link", self.recording_link),
            ("GET", "/transcript", self.list_transcripts),
            ("GET", "/transcript/{id}", self.get_transcript),
            ("DELETE", "/transcript/{id}", self.delete_transcript),
            ("GET", "/transcript/{id}/access-link", self.transcript_link),
        ]

    def list_recordings(self, request: web.Request, body: Any) -> Any:
        """List the recordings, newest first."""
        # https://docs.daily.co/reference/rest-api/recordings/list-recordings
        room = request.query.get("room_name")
        all_of_them = newest_first(self._parts.stored.recordings)
        found = [each for each in all_of_them if room in (None, each.room)]
        page = self._page(request, found, id=lambda each: each.id, what="recording")
        return {"total_count": len(found), "data": [_recording(each) for each in page]}

    def get_recording(self, request: web.Request, body: Any) -> Any:
        """Give a recording."""
        # https://docs.daily.co/reference/rest-api/recordings/get-recording-information
        return _recording(self._recording(request))

    def delete_recording(self, request: web.Request, body: Any) -> Any:
        """Delete a recording and its file."""
        # https://docs.daily.co/reference/rest-api/recordings/delete-recording
        recording = self._recording(request)
        self._parts.stored.delete_recording(recording)
        return {
            "deleted": True,
            "id": recording.id,
            "s3_bucket": recording.bucket["bucket_name"],
            "s3_region": recording.bucket["bucket_region"],
            "s3_key": recording.s3key,
        }

    def recording_link(self, request: web.Request, body: Any) -> Any:
        """Make a link to a recording's file."""
        # https://docs.daily.co/reference/rest-api/recordings/get-recording-link
        recording = self._recording(request)
        self._has_file("recording", recording.id, recording.status == "finished")
        link, expires = files.link(self._parts, recording.id)
        return {"download_link": link, "expires": expires}

    def list_transcripts(self, request: web.Request, body: Any) -> Any:
        """List the transcripts, newest first."""
        # https://docs.daily.co/reference/rest-api/transcript/list-transcripts
        room, meeting = request.query.get("roomId"), request.query.get("mtgSessionId")
        found = [
            each
            for each in newest_first(self._parts.stored.transcripts)
            if room in (None, each.room_id) and meeting in (None, each.meeting_id)
        ]
        page = self._page(request, found, id=lambda each: each.id, what="transcript")
        return {"total_count": len(found), "data": [self._described(each) for each in page]}

    def get_transcript(self, request: web.Request, body: Any) -> Any:
        """Give a transcript."""
        # https://docs.daily.co/reference/rest-api/transcript/get-transcript-information
        transcript = self._transcript(request)
        described, place = self._described(transcript), self._place(transcript)
        return {**described, **place, "error": transcript.error}

    def delete_transcript(self, request: web.Request, body: Any) -> Any:
        """Delete a transcript and its file."""
        # https://docs.daily.co/reference/rest-api/transcript/delete-transcript
        rest = self._parts.stored.delete_transcript(self._transcript(request))
        described = self._described(rest)
        del described["updated_at"]  # documented for the other answers only
        return {**described, **self._place(rest)}

    def transcript_link(self, request: web.Request, body: Any) -> Any:
        """Make a link to a transcript's file."""
        # https://docs.daily.co/reference/rest-api/transcript/get-transcript-link
        transcript = self._transcript(request)
        stored = transcript.status == "t_finished" and transcript.content is not None
        self._has_file("transcript", transcript.id, stored)
        link, _ = files.link(self._parts, transcript.id)
        return {
            "transcriptId": transcript.id,
            self._choices.transcript_link_name: link,
            **self._place(transcript),
        }

    def _recording(self, request: web.Request) -> Recording:
        stored, status = self._parts.stored.recordings, self._choices.stored_not_found
        return self._find(request, stored, "recording", status)

    def _transcript(self, request: web.Request) -> Transcript:
        stored, status = self._parts.stored.transcripts, self._choices.stored_not_found
        return self._find(request, stored, "transcript", status)

    def _has_file(self, what: str, id: str, stored: bool) -> None:
        status = self._choices.link_without_file
        if not stored and status != 200:
            raise refusal(status, f"{what} {id} has no file")

    def _described(self, transcript: Transcript) -> dict[str, Any]:
        return {
            "transcriptId": transcript.id,
            "domainId": self._domain.id,
            "roomId": transcript.room_id,
            "mtgSessionId": transcript.meeting_id,
            "status": transcript.status,
            "isVttAvailable": transcript.content is not None,
            "duration": int(transcript.duration),
            "created_at": iso(transcript.start),
            "updated_at": iso(transcript.updated),
        }

    def _place(self, transcript: Transcript) -> dict[str, Any]:
        """Give its place in the room's ``transcription_bucket``, if the room had one."""
        if transcript.bucket is None:
            return {}
        place = {
            self._choices.transcript_key_name: transcript.s3key,
            "bucket": transcript.bucket.get("bucket_name"),
            "region": transcript.bucket.get("bucket_region"),
        }
        return {"outParams": place}


def _recording(recording: Recording) -> dict[str, Any]:
    running = recording.status == "in-progress"
    return {
        "id": recording.id,
        "room_name": recording.room,
        "start_ts": int(recording.start),
        "status": recording.status,
        "max_participants": recording.max_participants,
        **({} if running else {"duration": int(recording.duration)}),
        "share_token": recording.share_token,
        "s3key": recording.s3key,
        "mtgSessionId": recording.meeting_id,
        **({} if recording.tracks is None else {"tracks": [dict(t) for t in recording.tracks]}),
    }
