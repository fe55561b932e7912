# SPDX-License-Identifier: BSD-2-Clause
"""A room for a test: what it makes happen in it, and what it waits for."""

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.budget import DEFAULT
from pipecat_daily_rest.local.call.network import Network
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.outside.call_events import endpoints
from pipecat_daily_rest.local.outside.phone import DialIn, PhoneCall
from pipecat_daily_rest.local.outside.telephony import Telephony
from pipecat_daily_rest.local.scripted.latency import Latency
from pipecat_daily_rest.local.scripted.person import Scripted

Who = str | Participant | Scripted
"""A session id, a display name, or the participant."""


class Transcribing(Protocol):
    """What transcribes the calls: `Transcriber`."""

    def said(self, participant: Participant, text: str, *, final: bool = True) -> None:
        """Tell the bots what somebody said."""

    def running(self, room: Room) -> Sequence[object]:
        """Give the transcriptions of the call in a room."""

    def fail(self, room: Room, message: str) -> None:
        """End the transcription with an error."""


class RoomHandle:
    """A room of a `LocalDaily`, for tests.

    Parameters:
        room: The room's state: its properties, participants, meeting.
    """

    def __init__(
        self,
        room: Room,
        *,
        transcriber: Transcribing,
        telephony: Telephony,
        network: Network,
        dial_in: Callable[..., DialIn],
    ) -> None:
        """Initialize it; use `LocalDaily.room`."""
        self.room = room
        self._transcriber = transcriber
        self._telephony = telephony
        self._network = network
        self._dial_in = dial_in

    @property
    def name(self) -> str:
        """The room's name."""
        return self.room.name

    @property
    def events(self) -> list[dict[str, Any]]:
        """The events that were told in the room, to all or to one participant, in order (see `Seat`)."""
        return self.room.told.events

    @property
    def latency(self) -> Latency:
        """The latencies of the turns in the room so far: ``latency.p95``, in seconds."""
        return Latency(self.room.latencies)

    async def event(
        self,
        name: str,
        where: Callable[[dict[str, Any]], bool] | None = None,
        *,
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> dict[str, Any]:
        """Wait for an event in the room, or take one that was told. Each is given once.

        For instance::

            await room.event("participant-left")
            await room.event("app-message", lambda event: event["message"] == "hello")

        Args:
            name: The event's name, as in `Seat`.
            where: Which one; the next when None.
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            The event.

        Raises:
            TimeoutError: There was none; the message says what came.
            DailyConfigError: An argument has the wrong type.
        """
        return await self.room.told.take(name, where, timeout, f"the room {self.name!r}")

    def transcribe(self, who: Who, text: str, final: bool = True) -> None:
        """Tell the bots that transcribe the call what somebody said, as Daily's service would.

        Bots get what is not final if they asked for it (``extra={"interim_results": True}``), and
        the words of those only who are transcribed (``update_transcription``).

        Args:
            who: Who said it: a session id, a display name, or the participant.
            text: What.
            final: Whether the words are final.

        Raises:
            DailyConfigError: Nobody transcribes the call, nobody has this name, or an argument has
                the wrong type.
        """
        must_be(str, text=text)
        must_be(bool, final=final)
        self._transcriber.said(self._find(who), text, final=final)

    def fail_transcription(self, message: str = "the transcription service failed") -> None:
        """Have the transcription of the call fail and end; the bots are told.

        Args:
            message: Why.

        Raises:
            DailyConfigError: Nobody transcribes the call, or ``message`` is not a string.
        """
        must_be(str, message=message)
        if not self._transcriber.running(self.room):
            msg = f"No transcription runs in {self.name!r}, so none can fail."
            raise DailyConfigError(msg)
        self._transcriber.fail(self.room, message)

    def dial_in(self, **options: Any) -> DialIn:
        """Call the room's own SIP endpoint, as a telephone does.

        The room takes the call after ``dialin-ready``, which comes when somebody has joined::

            await room.event("dialin-ready")
            call = room.dial_in(from_="+12125550199")
            caller = await call.connected()

        Args:
            **options: As for `LocalDaily.dial_in`: ``from_``, ``to``, ``sip_headers``.

        Returns:
            The call.

        Raises:
            DailyConfigError: The room has no SIP endpoint.
        """
        if not (uris := endpoints(self.room)):
            msg = (
                f"The room {self.name!r} takes no calls: create it with the property sip, as "
                "DailyRoomSipParams() gives it."
            )
            raise DailyConfigError(msg)
        return self._dial_in(uris[0], **options)

    def dtmf(self, tones: str, *, phone: PhoneCall | None = None) -> None:
        """Press keys of a telephone that is in the room.

        Args:
            tones: The keys, as ``1``, ``*`` or ``#``; each is an event of its own.
            phone: Which one; None when there is only one in the room.

        Raises:
            DailyConfigError: There is no such key, or it is not clear which telephone is meant.
        """
        if phone is None:
            phones = self._telephony.in_room(self.room)
            if len(phones) != 1:
                msg = (
                    f"There are {len(phones)} telephones in the room {self.name!r}: call in with "
                    "dial_in(), or pass phone= to choose one."
                )
                raise DailyConfigError(msg)
            phone = phones[0]
        must_be(PhoneCall, phone=phone)
        phone.press(tones)

    def lose_network(self, who: Who, seconds: float) -> None:
        """Have somebody lose the network for a while, on the local Daily's clock.

        Nothing passes either way: sound is lost, events come late. After
        ``Choices.network_timeout`` it has left for the others, and Daily ejects it when it is back.

        Args:
            who: A session id, a display name, or the participant.
            seconds: For how long.

        Raises:
            DailyConfigError: Nobody has this name, it has no network already, or ``seconds`` is not
                more than 0.
        """
        self._network.lose(self._find(who), seconds)

    def _find(self, who: Who) -> Participant:
        wanted = who if isinstance(who, str) else getattr(who, "id", None)
        if wanted is None:
            must_be(Who, who=who)
        here = self.room.participants
        found = [p for p in here.values() if wanted in (p.id, p.user_name)]
        if len(found) != 1:
            names = ", ".join(repr(p.user_name or p.id) for p in here.values()) or "nobody"
            how = f"{len(found)} are" if found else "nobody is"
            msg = f"In the room {self.name!r} {how} called {wanted!r}: there is {names}."
            raise DailyConfigError(msg)
        return found[0]
