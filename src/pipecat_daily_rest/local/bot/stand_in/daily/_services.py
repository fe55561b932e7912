# SPDX-License-Identifier: BSD-2-Clause
"""The services of Daily that a local room has: transcription, recording, telephone calls."""

from collections.abc import Mapping
from typing import Any

from loguru import logger

from daily._checks import need, need_flag, need_texts, plain, plain_list
from daily._handle import Handle
from daily._operations import Completion
from daily._settings_shapes import (
    DIALOUT,
    DTMF,
    IDS,
    STREAM_ID,
    STREAM_UPDATE,
    STREAMING,
    TRANSCRIPTION,
    TRANSFER,
)
from daily._shapes import Shape, an_id, anything, maybe


class Services(Handle):
    """The part of `CallClient` for transcription, recording and telephones."""

    def _serve(
        self,
        name: str,
        op: str,
        completion: Completion,
        *,
        pair: bool = False,
        **fields: tuple[Shape, Any],
    ) -> None:
        """Ask the room; each field comes with its shape."""
        operations = self._call.operations

        async def ask() -> Any:
            read = {field: shape(given) for field, (shape, given) in fields.items()}
            answer = await operations.ask(op, **read)
            if note := answer.get("note"):
                logger.warning("{}: {}.", name, note)
            return answer.get("result")

        operations.perform(name, ask, completion, pair=pair)

    def start_transcription(
        self, settings: Mapping[str, Any] | None = None, completion: Completion = None
    ) -> None:
        """Have the call transcribed; Deepgram's own settings are ignored.

        Here a test says what was said, or faster-whisper where it is installed.
        """
        shape = maybe(TRANSCRIPTION) if settings is None else TRANSCRIPTION
        given = (shape, plain(settings))
        self._serve("startTranscription", "start-transcription", completion, settings=given)

    def update_transcription(
        self,
        participants: list[str] | None = None,
        instance_id: str | None = None,
        completion: Completion = None,
    ) -> None:
        """Choose who is transcribed: everybody, or participants by session id.

        Without an instance id, it is the transcription that runs.
        """
        need_texts(instance_id)
        self._serve(
            "updateTranscription",
            "update-transcription",
            completion,
            participants=(maybe(IDS), None if participants is None else plain_list(participants)),
            instance=(anything, instance_id),
        )

    def stop_transcription(self, completion: Completion = None) -> None:
        """Stop the transcription."""
        self._serve("stopTranscription", "stop-transcription", completion)

    def start_recording(
        self,
        streaming_settings: Mapping[str, Any] | None = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Record the call; here the sound alone. Completes with the stream's id."""
        need_texts(stream_id)
        need_flag(force_new)
        self._serve(
            "startRecording",
            "start-recording",
            completion,
            pair=True,
            settings=(STREAMING, plain(streaming_settings)),
            stream=(STREAM_ID, stream_id),
            new=(anything, force_new),
        )

    def stop_recording(self, stream_id: str | None = None, completion: Completion = None) -> None:
        """Stop a recording: the last one without a stream's id."""
        need_texts(stream_id)
        self._serve("stopRecording", "stop-recording", completion, stream=(STREAM_ID, stream_id))

    def update_recording(
        self,
        update_settings: Mapping[str, Any],
        stream_id: str | None = None,
        completion: Completion = None,
    ) -> None:
        """Change the layout of a recording, which has no pictures; `update_settings` have no effect."""
        need_texts(stream_id)
        self._serve(
            "updateRecording",
            "update-recording",
            completion,
            settings=(STREAM_UPDATE, plain(update_settings)),
            stream=(STREAM_ID, stream_id),
        )

    def start_dialout(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Call a number or a SIP URI; here a test holds the telephone. Completes with its id."""
        given = (DIALOUT, plain(settings))
        self._serve("startDialout", "start-dialout", completion, pair=True, settings=given)

    def stop_dialout(self, participant_id: str, completion: Completion = None) -> None:
        """Hang up a call."""
        need(participant_id, str)
        self._serve("stopDialout", "stop-dialout", completion, participant=(an_id, participant_id))

    def send_dtmf(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Send tones to a telephone; here a test holds the telephone."""
        self._serve("sendDTMF", "send-dtmf", completion, settings=(DTMF, plain(settings)))

    def sip_call_transfer(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Transfer a call to another number or SIP URI; here a test sees the target."""
        given = (TRANSFER, plain(settings))
        self._serve("sipCallTransfer", "sip-call-transfer", completion, settings=given)

    def sip_refer(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Refer a call to another SIP endpoint; here a test sees the target."""
        self._serve("sipRefer", "sip-refer", completion, settings=(TRANSFER, plain(settings)))
