# SPDX-License-Identifier: BSD-2-Clause
"""Daily's services as far as a local room has them: calls by telephone, and transcription."""

from collections.abc import Mapping
from typing import Any

from daily._checks import listed, need, need_texts, plain
from daily._grammar import DIALOUT, DTMF, IDS, TRANSCRIPTION, TRANSFER
from daily._handle import Completion, Handle
from daily._shapes import Shape, an_id, anything, maybe


class Services(Handle):
    """The part of `CallClient` for telephones and transcription."""

    def _serve(
        self,
        name: str,
        op: str,
        completion: Completion,
        *,
        pair: bool = False,
        **fields: tuple[Shape, Any],
    ) -> None:
        """Ask the room; each field is given with its shape."""
        call = self._call

        async def ask() -> Any:
            read = {field: shape(given) for field, (shape, given) in fields.items()}
            return (await call.ask(op, **read)).get("result")

        call.perform(name, ask, completion, pair=pair)

    def start_transcription(
        self, settings: Mapping[str, Any] | None = None, completion: Completion = None
    ) -> None:
        """Have the call transcribed.

        Here a test tells what was said, or faster-whisper where it is installed.

        Args:
            settings: daily-python's ``TranscriptionSettings``; Deepgram's own are without effect.
            completion: Called with an error or None.
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
        """Choose who is transcribed.

        Args:
            participants: Their session ids; everybody when None.
            instance_id: Of which transcription; the one that runs when None.
            completion: Called with an error or None.
        """
        need_texts(instance_id)
        self._serve(
            "updateTranscription",
            "update-transcription",
            completion,
            participants=(maybe(IDS), None if participants is None else listed(participants)),
            instance=(anything, instance_id),
        )

    def stop_transcription(self, completion: Completion = None) -> None:
        """End the transcription.

        Args:
            completion: Called with an error or None.
        """
        self._serve("stopTranscription", "stop-transcription", completion)

    def start_dialout(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Call somebody; here a test holds the telephone.

        Args:
            settings: ``phoneNumber`` or ``sipUri``, and more.
            completion: Called with the session id and an error, one of them None.
        """
        given = (DIALOUT, plain(settings))
        self._serve("startDialout", "start-dialout", completion, pair=True, settings=given)

    def stop_dialout(self, participant_id: str, completion: Completion = None) -> None:
        """End a call.

        Args:
            participant_id: Its session id.
            completion: Called with an error or None.
        """
        need(participant_id, str)
        self._serve("stopDialout", "stop-dialout", completion, participant=(an_id, participant_id))

    def send_dtmf(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Press keys towards a telephone; here a test holds the telephone.

        Args:
            settings: ``sessionId`` and ``tones``, and more.
            completion: Called with an error or None.
        """
        self._serve("sendDTMF", "send-dtmf", completion, settings=(DTMF, plain(settings)))

    def sip_call_transfer(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Connect a call with another number or SIP URI; here a test sees where to.

        Args:
            settings: ``sessionId`` and ``toEndPoint``, and more.
            completion: Called with an error or None.
        """
        given = (TRANSFER, plain(settings))
        self._serve("sipCallTransfer", "sip-call-transfer", completion, settings=given)

    def sip_refer(self, settings: Mapping[str, Any], completion: Completion = None) -> None:
        """Refer a call to another SIP endpoint; here a test sees where to.

        Args:
            settings: ``sessionId`` and ``toEndPoint``.
            completion: Called with an error or None.
        """
        self._serve("sipRefer", "sip-refer", completion, settings=(TRANSFER, plain(settings)))
