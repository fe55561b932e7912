# SPDX-License-Identifier: BSD-2-Clause
"""The services of Daily that a bot uses over its link: transcription, recording, telephones."""

from collections.abc import Callable, Mapping
from typing import Any

from pipecat_daily_rest.local.bot.transcriber import Transcriber
from pipecat_daily_rest.local.call.room import Participant
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.outside.dialing import Dialing
from pipecat_daily_rest.local.outside.phone_bodies import DIALOUT_START, SEND_DTMF
from pipecat_daily_rest.local.recording import recorder
from pipecat_daily_rest.local.rules.kinds import Check, one_of
from pipecat_daily_rest.local.rules.properties import TOKEN_PROPERTIES
from pipecat_daily_rest.local.rules.schema import invalid

# What daily-python accepts and the REST API does not:
# https://reference-python.daily.co/types.html#dialoutsettings
_DIALOUT: Mapping[str, Check] = {
    **DIALOUT_START,
    "permissions": TOKEN_PROPERTIES["permissions"],
}
_DTMF: Mapping[str, Check] = {
    **SEND_DTMF,
    "method": one_of("sip-info", "telephone-event", "auto"),
}


class Services:
    """The ops of a link that are services of Daily.

    Parameters:
        ops: The ops by name. Each gives its answer, or raises a `Refusal`.
    """

    def __init__(
        self,
        choices: Choices,
        dialing: Dialing,
        transcriber: Transcriber,
        recorder: recorder.Recorder,
    ) -> None:
        """Initialize the ops."""
        self._choices = choices
        self._dialing = dialing
        self._transcriber = transcriber
        self._recorder = recorder
        self.ops: dict[str, Callable[[Participant, dict[str, Any]], dict[str, Any]]] = {
            "start-transcription": self._start_transcription,
            "update-transcription": self._update_transcription,
            "stop-transcription": self._stop_transcription,
            "start-recording": self._start_recording,
            "update-recording": self._update_recording,
            "stop-recording": self._stop_recording,
            "start-dialout": self._start_dialout,
            "stop-dialout": self._stop_dialout,
            "send-dtmf": self._send_dtmf,
            "sip-call-transfer": self._transfer,
            "sip-refer": self._refer,
        }

    def _start_transcription(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        settings = op.get("settings")
        if not isinstance(settings, dict | None):
            raise invalid("settings is an object")
        self._transcriber.start(me, settings or {})
        return {}

    def _update_transcription(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        self._transcriber.update(me, op.get("participants"), op.get("instance"))
        return {}

    def _stop_transcription(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        self._transcriber.stop(me)
        return {}

    def _start_recording(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        recorder.check(me, "startRecording")
        given = op.get("settings")
        if not isinstance(given, dict | None):
            raise invalid("settings is an object")
        settings = {**(given or {}), **_instance(op)}
        running = self._recorder.start(me.room, settings, me, new=op.get("new") is True)
        as_id = self._choices.start_recording_gives == "stream id"
        note = {"note": recorder.SOUND_ALONE} if running.kind == "cloud" else {}
        return {"result": running.instance if as_id else running.status, **note}

    def _update_recording(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        recorder.check(me, "updateRecording")
        self._recorder.update(me.room, _instance(op).get("instanceId"))
        return {}

    def _stop_recording(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        recorder.check(me, "stopRecording")
        self._recorder.stop(me.room, _instance(op).get("instanceId"), me)
        return {}

    def _start_dialout(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        self._need_owner(me)
        id = self._dialing.start(me.room, op.get("settings"), _DIALOUT).session_id
        as_id = self._choices.dialout_gives == "session id"
        return {"result": id if as_id else {"session": {"sessionId": id}}}

    def _stop_dialout(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        self._need_owner(me)
        self._dialing.stop(me.room, {"sessionId": op.get("participant")})
        return {}

    def _send_dtmf(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        self._need_owner(me)
        self._dialing.send_dtmf(me.room, op.get("settings"), _DTMF)
        return {}

    def _transfer(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        self._need_owner(me)
        self._dialing.transfer(me.room, op.get("settings"))
        return {}

    def _refer(self, me: Participant, op: dict[str, Any]) -> dict[str, Any]:
        self._need_owner(me)
        self._dialing.refer(me.room, op.get("settings"))
        return {}

    def _need_owner(self, me: Participant) -> None:
        """https://docs.daily.co/docs/daily-js/features/dialin-dialout#prerequisites."""
        if not me.is_owner:
            raise invalid(self._choices.may_not_dial_out_info)


def _instance(op: dict[str, Any]) -> dict[str, str]:
    """Give the id of a recording, if the op has one."""
    stream = op.get("stream")
    if not isinstance(stream, str | None):
        raise invalid("stream is an id")
    return {"instanceId": stream} if stream else {}
