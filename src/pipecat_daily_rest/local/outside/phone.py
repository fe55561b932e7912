# SPDX-License-Identifier: BSD-2-Clause
"""Phone calls, as a test sees them.

There is no phone network: the test answers, presses keys, speaks and hangs up.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from pipecat_daily_rest.local.call.budget import DEFAULT
from pipecat_daily_rest.local.call.inbox import Waiters
from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.scripted.person import Scripted
from pipecat_daily_rest.local.secret import Secret

CallState = Literal["on-hold", "ringing", "connected", "transferred", "ended", "failed"]

PHONE = "phone"  # a participant's kind
_OVER = ("ended", "failed")


@dataclass(eq=False)
class DialinConfig:
    """Which endpoint the local Daily asks for a room when somebody calls a number."""

    id: str
    type: str  # pinless_dialin or pin_dialin
    sip_uri: str
    hmac: Secret  # signs the requests; base64
    fields: dict[str, Any] = field(default_factory=dict)  # the other members of Daily's config

    @property
    def names(self) -> set[str]:
        """The numbers and names under which a test can call it."""
        members = ("phone_number", "name_prefix", "room_creation_api")
        return {self.id, self.sip_uri, *(self.fields[m] for m in members if self.fields.get(m))}


class Exchange(Protocol):
    """Connects calls and ends them."""

    def press(self, call: "PhoneCall", tones: str) -> None:
        """Press keys of the phone."""

    def answered(self, call: "PhoneCall") -> None:
        """Connect a call that was answered."""

    def hang_up(self, call: "PhoneCall") -> None:
        """End the call."""

    def fail(self, call: "DialOut", reason: str) -> None:
        """End a ringing call with an error."""


class PhoneCall:
    """A call between a phone and a room.

    Parameters:
        state: ``on-hold`` (an incoming call waits for a room), ``ringing`` (an outgoing call),
            ``connected``, ``transferred`` (it has left the room for another number), ``ended`` or
            ``failed``.
        reason: Why it failed, "" if it has not.
        to: The number or SIP URI that was called.
        person: The phone in the room, which speaks and hears as any `Scripted`; None before it
            joins.
        tones: The tones that were sent to the phone, in order.
        transferred_to: The number or SIP URI that it was transferred to, or None.
        by_refer: Whether it was transferred by a SIP REFER.
        meeting_id: The meeting that it was transferred out of, or None.
    """

    def __init__(self, telephony: Exchange) -> None:
        self.state: CallState = "ringing"
        self.reason = ""
        self.to = ""
        self.person: Scripted | None = None
        self.tones: list[str] = []
        self.transferred_to: str | None = None
        self.by_refer = False
        self.meeting_id: str | None = None
        self._telephony = telephony
        self._news = Waiters()

    @property
    def session_id(self) -> str | None:
        """The session id of the phone in the room; None before it joins."""
        return None if self.person is None else self.person.id

    @property
    def room(self) -> Room | None:
        """The room that it is or was in."""
        return None if self.person is None else self.person.participant.room

    @property
    def over(self) -> bool:
        """Whether it has ended or failed."""
        return self.state in _OVER

    def __repr__(self) -> str:
        reason = f" ({self.reason})" if self.reason else ""
        return f"<{type(self).__name__} to {self.to!r}, {self.state}{reason}>"

    def become(self, state: CallState, reason: str = "") -> None:
        """Change the state and wake those who wait for it.

        Args:
            state: The new one.
            reason: Why it failed.
        """
        self.state, self.reason = state, reason
        self._news.wake()

    def press(self, tones: str) -> None:
        """Press keys of the phone.

        Args:
            tones: The keys, as ``1``, ``*`` or ``#``; each is an event of its own.

        Raises:
            DailyConfigError: The call is not in a room, or a phone has no such keys.
        """
        self._telephony.press(self, tones)

    def answer(self) -> None:
        """Answer the phone: a call that rings, or that was transferred."""
        self._telephony.answered(self)

    def hang_up(self) -> None:
        """End the call. A second time does nothing."""
        self._telephony.hang_up(self)

    async def connected(self, *, timeout: float = DEFAULT) -> Scripted:  # noqa: ASYNC109
        """Wait until the phone is connected with the room.

        Args:
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            The phone in the room.

        Raises:
            ConnectionError: The call failed or ended before; the text says why.
            TimeoutError: It is still not connected.
        """
        await self._until(lambda: self.state == "connected" or self.over, timeout, "connected")
        if self.state != "connected" or self.person is None:
            msg = f"the call {self.state} before it was connected" + (
                f": {self.reason}" if self.reason else ""
            )
            raise ConnectionError(msg)
        return self.person

    async def ended(self, *, timeout: float = DEFAULT) -> str:  # noqa: ASYNC109
        """Wait until the call is over.

        Args:
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            Why it failed; "" if it has not.

        Raises:
            TimeoutError: It is still not over.
        """
        await self._until(lambda: self.over, timeout, "over")
        return self.reason

    async def _until(self, check: Callable[[], bool], timeout: float, what: str) -> None:  # noqa: ASYNC109
        await self._news.until(check, timeout, lambda: f"the call is {self.state}, not {what},")


class DialOut(PhoneCall):
    """An outgoing call; its phone is in the room while it rings, since the room hears that.

    Parameters:
        settings: The body of ``dialOut/start``.
    """

    def __init__(self, telephony: Exchange, settings: dict[str, Any]) -> None:
        super().__init__(telephony)
        self.settings = settings
        self.to = settings.get("phoneNumber") or settings["sipUri"]

    def fail(self, reason: str = "the number is busy") -> None:
        """Make the call fail while it rings.

        Args:
            reason: The ``error_msg`` of ``dialout.error``.
        """
        self._telephony.fail(self, reason)


class DialIn(PhoneCall):
    """An incoming call.

    Parameters:
        id: Its ``callId``.
        domain: Its ``callDomain``.
        from_: The caller's number or SIP URI.
        sip_headers: The SIP headers of the call.
        answer_status: The status with which ``room_creation_api`` responded; None for no response.
    """

    def __init__(
        self,
        telephony: Exchange,
        *,
        id: str,
        domain: str,
        to: str,
        from_: str,
        sip_headers: dict[str, str],
    ) -> None:
        super().__init__(telephony)
        self.state = "on-hold"
        self.id = id
        self.domain = domain
        self.to = to
        self.from_ = from_
        self.sip_headers = sip_headers
        self.answer_status: int | None = None
