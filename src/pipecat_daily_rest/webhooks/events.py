# SPDX-License-Identifier: BSD-2-Clause
"""The events of Daily's webhooks, a class for each shape that is documented. Pure: no I/O.

Reference: https://docs.daily.co/reference/rest-api/webhooks/events
"""

from collections.abc import Mapping
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, model_validator

OPEN = ConfigDict(extra="allow", populate_by_name=True, hide_input_in_errors=True)


class WebhookEvent(BaseModel):
    """An event. The types with a class of their own are a subclass of this one.

    Reference: https://docs.daily.co/reference/rest-api/webhooks/events

    Parameters:
        version: Version of the event's format, as ``1.0.0``.
        type: What happened, as ``recording.ready-to-download``.
        id: The event's id.
        payload: The event itself, as Daily sent it or as the model of the subclass.
        event_ts: When it was sent, in unix seconds.
    """

    model_config = OPEN

    version: str = ""
    type: str
    id: str = ""
    payload: Any = None
    event_ts: float | None = None

    @model_validator(mode="before")
    @classmethod
    def _read_leniently(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        data = {name: value for name, value in data.items() if value is not None}
        for name in ("version", "id"):
            if not isinstance(data.get(name, ""), str):
                data[name] = str(data[name])
        if not isinstance(data.get("event_ts", 0), int | float):
            del data["event_ts"]
        return data

    @property
    def dedupe_key(self) -> tuple[str, str]:
        """The type, and what the event is about: equal for an event that Daily sent twice.

        Returns:
            The type, and the participant's session id, else the event's id, else the whole event.
        """
        if isinstance(self.payload, ParticipantJoinedPayload):
            return self.type, self.payload.session_id
        return self.type, self.id or self.model_dump_json()


class ParticipantJoinedPayload(BaseModel):
    """Who joined.

    Parameters:
        room: The room's name.
        session_id: The participant's id, new at each join.
        user_id: The user's id, as the token set it.
        user_name: The user's name.
        joined_at: When the participant joined, in unix seconds.
        owner: Whether the participant is an owner.
        will_eject_at: When Daily will eject the participant, in unix seconds; fixed at the join.
        permissions: What the participant may do.
        network_quality_state: Quality of the network, as ``good``.
    """

    model_config = OPEN

    room: str
    session_id: str = Field(min_length=1)
    user_id: str | None = None
    user_name: str | None = None
    joined_at: float | None = None
    owner: bool | None = None
    will_eject_at: float | None = None
    permissions: dict[str, Any] | None = None
    network_quality_state: str | None = Field(default=None, alias="networkQualityState")


class ParticipantLeftPayload(ParticipantJoinedPayload):
    """Who left.

    Parameters:
        duration: How long the participant was there, in seconds.
    """

    duration: float | None = None


class MeetingStartedPayload(BaseModel):
    """Which meeting started.

    Parameters:
        room: The room's name.
        meeting_id: The meeting's id.
        start_ts: When it started, in unix seconds.
    """

    model_config = OPEN

    room: str
    meeting_id: str
    start_ts: float | None = None


class MeetingEndedPayload(MeetingStartedPayload):
    """Which meeting ended.

    Parameters:
        end_ts: When it ended, in unix seconds.
    """

    end_ts: float | None = None


class ParticipantJoined(WebhookEvent):
    """``participant.joined``: a person or a bot joined the room.

    Parameters:
        payload: Who.
    """

    payload: ParticipantJoinedPayload


class ParticipantLeft(WebhookEvent):
    """``participant.left``: a person or a bot left the room.

    Parameters:
        payload: Who.
    """

    payload: ParticipantLeftPayload


class MeetingStarted(WebhookEvent):
    """``meeting.started``: a meeting began in a room.

    Parameters:
        payload: Which.
    """

    payload: MeetingStartedPayload


class MeetingEnded(WebhookEvent):
    """``meeting.ended``: the last participant left, up to 20 s ago.

    Parameters:
        payload: Which.
    """

    payload: MeetingEndedPayload


class WaitingParticipantEvent(WebhookEvent):
    """``waiting-participant.joined`` and ``.left``: a person knocks, or stops knocking.

    Parameters:
        payload: Who.
    """

    payload: ParticipantJoinedPayload


class _CallPayload(BaseModel):
    model_config = OPEN

    domain_id: str = ""
    room: str
    timestamp: float | None = None


class DialinReadyPayload(_CallPayload):
    """Which SIP endpoint of a room takes calls.

    Parameters:
        domain_id: The domain.
        room: The room's name.
        timestamp: When, in unix seconds.
        sip_endpoint: The SIP URI.
    """

    sip_endpoint: str


class DialinPayload(_CallPayload):
    """A call that came in.

    Parameters:
        domain_id: The domain.
        room: The room's name.
        timestamp: When, in unix seconds.
        session_id: The session id of the caller in the room.
        sip_from: The caller's SIP address.
        display_name: How the others see the caller.
        sip_headers: SIP headers of the call.
    """

    session_id: str = Field(min_length=1)
    sip_from: str | None = None
    display_name: str | None = None
    sip_headers: dict[str, Any] | None = None


class DialoutPayload(_CallPayload):
    """A call that goes out.

    Parameters:
        domain_id: The domain.
        room: The room's name.
        timestamp: When, in unix seconds.
        session_id: The session id of the called participant.
        user_id: The user id that was given for it.
        destination: The number or SIP URI that is called.
        origin: The number or SIP URI that calls.
        caller_id: Id of the purchased number that is shown.
    """

    session_id: str = Field(min_length=1)
    user_id: str | None = None
    destination: str | None = None
    origin: str | None = None
    caller_id: str | None = None


class CallProblemPayload(_CallPayload):
    """What went wrong with a call.

    Parameters:
        domain_id: The domain.
        room: The room's name.
        timestamp: When, in unix seconds.
        session_id: The session id of the call, if it had one.
        user_id: The user id that was given for it.
        error_msg: What went wrong.
    """

    session_id: str | None = None
    user_id: str | None = None
    error_msg: str


class CallTransferPayload(_CallPayload):
    """A call that is transferred out of the room.

    Parameters:
        domain_id: The domain.
        room: The room's name.
        timestamp: When, in unix seconds.
        session_id: The session id that the call had in the room.
        mtg_session_id: The meeting.
        to_endpoint: Where it goes to.
        from_endpoint: Where it comes from.
        is_sip_refer: Whether by a SIP REFER.
    """

    session_id: str = Field(min_length=1)
    mtg_session_id: str | None = None
    to_endpoint: str | None = None
    from_endpoint: str | None = None
    is_sip_refer: bool | None = None


class DialinReady(WebhookEvent):
    """``dialin.ready``: a room's SIP endpoint takes calls.

    Parameters:
        payload: Which.
    """

    payload: DialinReadyPayload


class DialinEvent(WebhookEvent):
    """``dialin.connected`` and ``.stopped``: a call came into a room, or ended.

    Parameters:
        payload: Which.
    """

    payload: DialinPayload


class DialoutEvent(WebhookEvent):
    """``dialout.connected`` (it rings), ``.answered``, ``.stopped`` and ``.warning``.

    Parameters:
        payload: Which.
    """

    payload: DialoutPayload


class CallProblem(WebhookEvent):
    """``dialin.warning``, ``dialin.error`` and ``dialout.error``.

    Parameters:
        payload: What went wrong.
    """

    payload: CallProblemPayload


class CallTransferEvent(WebhookEvent):
    """``calltransfer.triggered``, ``.initiated``, ``.answered`` and ``.completed``.

    Daily does not send the last two for a SIP REFER.

    Parameters:
        payload: Which.
    """

    payload: CallTransferPayload


TYPES: Mapping[str, type[WebhookEvent]] = {
    "participant.joined": ParticipantJoined,
    "participant.left": ParticipantLeft,
    "meeting.started": MeetingStarted,
    "meeting.ended": MeetingEnded,
    "waiting-participant.joined": WaitingParticipantEvent,
    "waiting-participant.left": WaitingParticipantEvent,
    "dialin.ready": DialinReady,
    "dialin.connected": DialinEvent,
    "dialin.stopped": DialinEvent,
    "dialin.warning": CallProblem,
    "dialin.error": CallProblem,
    "dialout.connected": DialoutEvent,
    "dialout.answered": DialoutEvent,
    "dialout.stopped": DialoutEvent,
    "dialout.warning": DialoutEvent,
    "dialout.error": CallProblem,
    "calltransfer.triggered": CallTransferEvent,
    "calltransfer.initiated": CallTransferEvent,
    "calltransfer.answered": CallTransferEvent,
    "calltransfer.completed": CallTransferEvent,
}
