# SPDX-License-Identifier: BSD-2-Clause
"""Rooms, tokens, participants and their time: what the local Daily knows. No HTTP, no media.

Everything here runs on one event loop and nothing waits. The routes (`api`), the browsers
(`person`) and the bots' links (`link`) change the state through these methods only; the state
tells each participant what happened through its `Seat`.
"""

import asyncio
import uuid
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from loguru import logger

from pipecat_daily_rest.local import claims
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.clock import Clock, Timer

MAX_PARTICIPANTS = 200  # Daily's default for a room
MEDIA = ("camera", "microphone", "screenAudio", "screenVideo")


class JoinRefused(Exception):
    """Somebody may not come in.

    Parameters:
        kind: Daily's join error type: ``no-room``, ``exp-room``, ``nbf-room``, ``exp-token``,
            ``nbf-token``, ``not-allowed``, ``meeting-full`` or ``ejected``.
        message: Why, and what to do, as a sentence for the person or the bot's log.
    """

    def __init__(self, kind: str, message: str) -> None:
        """Initialize the error.

        Args:
            kind: Daily's join error type.
            message: Why, and what to do.
        """
        super().__init__(message)
        self.kind = kind
        self.message = message


class Seat(Protocol):
    """How the room reaches one participant. No method may block or raise."""

    def send(self, event: dict[str, Any]) -> None:
        """Tell the participant what happened.

        Args:
            event: One of ``{"event": "participant-joined" | "participant-updated",
                "participant": …}``, ``{"event": "participant-left", "participant": …,
                "reason": …}``, ``{"event": "participant-counts-updated", "counts": …}``,
                ``{"event": "active-speaker-changed", "participant": …}``,
                ``{"event": "app-message", "message": …, "sender": id}`` and
                ``{"event": "mute", "by": id, "microphone": bool | None, "camera": bool | None}``
                (an owner switched an input; False is off).
        """

    def close(self, reason: str) -> None:
        """Put the participant out; it has left the room already.

        Args:
            reason: ``room-deleted``, ``room-expired``, ``token-expired``, ``time-over``,
                ``ejected``, ``replaced``, ``shutdown`` or ``failed`` (its own seat raised).
        """


@dataclass(eq=False)
class Participant:
    """Somebody in a room.

    Parameters:
        id: The session id, new for each join.
        room: Where.
        seat: How to reach it.
        kind: ``bot`` (a link), ``person`` (a browser) or ``scripted`` (a test).
        user_name: Display name.
        user_id: The token's ``user_id``, or None.
        is_owner: Whether the token makes it an owner.
        permissions: ``hasPresence``, ``canSend``, ``canReceive``, ``canAdmin``.
        joined_at: Unix seconds.
        will_eject_at: Unix seconds, fixed at the join and never changed by an update of the
            room, or None.
        media: State of each track: ``playable`` or ``off``.
    """

    id: str
    room: "Room"
    seat: Seat
    kind: str
    user_name: str
    user_id: str | None
    is_owner: bool
    permissions: dict[str, Any]
    joined_at: float
    will_eject_at: float | None = None
    media: dict[str, str] = field(default_factory=lambda: dict.fromkeys(MEDIA, "off"))
    ejection: Timer | None = field(default=None, repr=False)

    @property
    def hidden(self) -> bool:
        """Whether others do not see it (``hasPresence`` is false)."""
        return self.permissions.get("hasPresence") is False

    def describe(self, *, local: bool = False) -> dict[str, Any]:
        """Describe the participant in the shape of daily-python's ``participants()``.

        Args:
            local: Whether the description is for the participant itself.

        Returns:
            ``{"id", "info": {…}, "media": {…}}``.
        """
        return {
            "id": self.id,
            "info": {
                "isLocal": local,
                "isOwner": self.is_owner,
                "joinedAt": int(self.joined_at),
                "userName": self.user_name,
                "userId": self.user_id or self.id,
                "permissions": self.permissions,
            },
            "media": {
                **{name: _track(state) for name, state in self.media.items()},
                "customAudio": {},
                "customVideo": {},
            },
        }


def _track(state: str) -> dict[str, Any]:
    if state == "off":
        return {"state": "off", "offReasons": ["user"], "subscribed": "unsubscribed"}
    return {"state": state, "offReasons": [], "subscribed": "subscribed"}


@dataclass(eq=False)
class Room:
    """A room of the domain.

    Parameters:
        name: Unique in the domain.
        privacy: ``public`` or ``private``.
        config: The properties that were set and differ from the defaults.
        created_at: Unix seconds.
        id: UUID.
        participants: Who is in, by session id.
        meeting_id: The running meeting session, or None.
        banned: The user ids that may not come back while the meeting runs.
    """

    name: str
    privacy: str
    config: dict[str, Any]
    created_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    participants: dict[str, Participant] = field(default_factory=dict)
    meeting_id: str | None = None
    banned: set[str] = field(default_factory=set)
    expiry: Timer | None = field(default=None, repr=False)
    active_speaker: str | None = None

    def counts(self) -> dict[str, int]:
        """Count who is in.

        Returns:
            ``{"present", "hidden"}``, everybody included.
        """
        hidden = sum(participant.hidden for participant in self.participants.values())
        return {"present": len(self.participants) - hidden, "hidden": hidden}


@dataclass(frozen=True)
class LogEntry:
    """One line of what happened.

    Parameters:
        at: Unix seconds.
        room: The room's name.
        what: ``created``, ``deleted``, ``expired``, ``bot joined``, ``person left``, …
        detail: The participant's id and why, where there is more to say; never a secret.
    """

    at: float
    room: str
    what: str
    detail: str = ""


class State:
    """The domain: its key, rooms and log."""

    def __init__(
        self,
        *,
        api_key: str,
        domain_name: str = "local",
        clock: Clock,
        choices: Choices = Choices(),  # noqa: B008 - frozen
    ) -> None:
        """Initialize an empty domain.

        Args:
            api_key: The one key that the REST API accepts and that signs tokens.
            domain_name: The domain's name.
            clock: The time.
            choices: What to do where Daily's behaviour is unconfirmed.
        """
        self.choices = choices
        self.api_key = api_key
        self.domain_name = domain_name
        self.domain_id = str(uuid.uuid4())
        self.clock = clock
        self.rooms: dict[str, Room] = {}
        self.log: list[LogEntry] = []
        self._watchers: list[Callable[[LogEntry], None]] = []

    # -- The log ---------------------------------------------------------------------------

    def record(self, room: str, what: str, detail: str = "") -> None:
        """Note what happened.

        Args:
            room: The room's name.
            what: In two or three words.
            detail: More, never a secret.
        """
        entry = LogEntry(self.clock.now(), room, what, detail)
        self.log.append(entry)
        logger.debug("Local room {}: {}{}", room, what, f" ({detail})" if detail else "")
        for watcher in list(self._watchers):
            watcher(entry)

    async def wait_for(self, what: str, *, room: str | None = None, count: int = 1) -> LogEntry:
        """Wait until something has happened, however long ago.

        Args:
            what: As in `LogEntry.what`.
            room: In which room; in any when None.
            count: How often.

        Returns:
            The entry that made the count.
        """
        found: asyncio.Future[LogEntry] = asyncio.get_running_loop().create_future()

        def look(_: LogEntry | None = None) -> None:
            matches = [e for e in self.log if e.what == what and room in (None, e.room)]
            if len(matches) >= count and not found.done():
                found.set_result(matches[count - 1])

        self._watchers.append(look)
        try:
            look()
            return await found
        finally:
            self._watchers.remove(look)

    # -- Rooms -----------------------------------------------------------------------------

    def create_room(self, name: str, privacy: str, config: Mapping[str, Any]) -> Room:
        """Make a room whose parameters have been checked.

        The name is free; an expired room that still has it is gone at once.

        Args:
            name: The room's name.
            privacy: ``public`` or ``private``.
            config: The properties to keep.

        Returns:
            The room.
        """
        if (expired := self.rooms.get(name)) is not None:
            self._end(expired, "room-expired")
        room = Room(name, privacy, dict(config), self.clock.now())
        self.rooms[name] = room
        self.record(name, "created", privacy)
        self._watch_expiry(room)
        return room

    def find_room(self, name: str) -> Room | None:
        """Look up a room. An expired one does not exist for most of the API.

        Reference: https://docs.daily.co/reference/rest-api/rooms

        Args:
            name: The room's name.

        Returns:
            The room, or None.
        """
        room = self.rooms.get(name)
        return None if room is None or self.expired(room) else room

    def expired(self, room: Room) -> bool:
        """Tell whether a room's ``exp`` is over.

        Args:
            room: The room.

        Returns:
            Whether it is.
        """
        exp = room.config.get("exp")
        return exp is not None and exp <= self.clock.now()

    def update_room(self, room: Room, privacy: str | None, config: Mapping[str, Any]) -> None:
        """Change a room. Whoever is inside keeps the ejection instant fixed at the join.

        Args:
            room: The room.
            privacy: The new privacy, or None to leave it.
            config: All of its properties from now on.
        """
        if privacy is not None:
            room.privacy = privacy
        room.config = dict(config)
        self._watch_expiry(room)

    def delete_room(self, room: Room) -> None:
        """Delete a room and put everybody out.

        Args:
            room: The room.
        """
        self._end(room, "room-deleted", "deleted")

    def collect(self) -> None:
        """Remove the rooms that expired long ago and that nobody is in any more."""
        over = self.clock.now() - self.choices.collected_after
        for room in list(self.rooms.values()):
            exp = room.config.get("exp")
            if exp is not None and exp <= over and not room.participants:
                self._end(room, "room-expired")

    def _end(self, room: Room, reason: str, what: str | None = None) -> None:
        if self.rooms.get(room.name) is room:
            del self.rooms[room.name]
        if room.expiry is not None:
            room.expiry.cancel()
        if what is not None:
            self.record(room.name, what)
        for participant in list(room.participants.values()):
            self.put_out(participant, reason)

    def _watch_expiry(self, room: Room) -> None:
        if room.expiry is not None:
            room.expiry.cancel()
            room.expiry = None
        exp = room.config.get("exp")
        if exp is not None:
            room.expiry = self.clock.call_at(exp, lambda: self.record(room.name, "expired"))

    # -- Coming in and going ---------------------------------------------------------------

    def read_token(
        self, token: str, *, room: str | None = None, ignore_nbf: bool = False
    ) -> dict[str, Any]:
        """Verify a meeting token.

        Args:
            token: The JWT.
            room: The room that it has to open; any when None.
            ignore_nbf: Whether one that is not valid yet passes.

        Returns:
            Its properties by their long names.

        Raises:
            BadToken: It opens nothing here.
        """
        rights = claims.read(
            token,
            api_key=self.api_key,
            domain_id=self.domain_id,
            now=self.clock.now(),
            ignore_nbf=ignore_nbf,
            ignore_unknown=self.choices.unknown_claims == "ignore",
        )
        if room is not None and rights.get("room_name") not in (None, room):
            raise claims.BadToken("not-allowed", "the token is for another room")
        return rights

    def admit(self, name: str, token: str | None) -> tuple[Room, dict[str, Any]]:
        """Decide whether somebody may come in.

        Args:
            name: The room's name.
            token: The meeting token, or None.

        Returns:
            The room, and the token's properties.

        Raises:
            JoinRefused: No, and why.
        """
        now = self.clock.now()
        room = self.rooms.get(name)
        if room is None:
            msg = f"There is no room {name!r} here: it was deleted or never made. Start the bot again for a new link."
            raise JoinRefused("no-room", msg)
        if self.expired(room):
            msg = f"The room {name!r} has expired. Start the bot again for a new link."
            raise JoinRefused("exp-room", msg)
        if room.config.get("nbf") is not None and room.config["nbf"] > now:
            raise JoinRefused("nbf-room", f"The room {name!r} is not open yet. Try again later.")
        rights: dict[str, Any] = {}
        if token:
            try:
                rights = self.read_token(token, room=name)
            except claims.BadToken as exc:
                if room.privacy != "public" or not self.choices.public_room_ignores_bad_token:
                    msg = f"This link does not open the room: {exc}. Ask for a new link."
                    raise JoinRefused(exc.kind, msg) from exc
        elif room.privacy != "public":
            msg = "This room is private: it needs a link with a token (…?t=…). Use the one that was printed for you."
            raise JoinRefused("not-allowed", msg)
        if rights.get("user_id") in room.banned and rights.get("user_id") is not None:
            raise JoinRefused("ejected", "You were removed from this call and may not come back.")
        limit = room.config.get("max_participants", MAX_PARTICIPANTS)
        if len(room.participants) >= limit:
            msg = f"The room is full ({limit} participants). Try again when somebody has left."
            raise JoinRefused("meeting-full", msg)
        return room, rights

    def join(
        self,
        name: str,
        token: str | None,
        seat: Seat,
        *,
        kind: str,
        user_name: str = "",
        media: Mapping[str, str] | None = None,
    ) -> Participant:
        """Let somebody in and tell the others.

        Args:
            name: The room's name.
            token: The meeting token, or None.
            seat: How to reach the newcomer.
            kind: ``bot``, ``person`` or ``scripted``.
            user_name: Display name when the token has none.
            media: State of its tracks at the start.

        Returns:
            The participant. Who was there before is in ``participant.room.participants``.

        Raises:
            JoinRefused: It may not come in.
        """
        room, rights = self.admit(name, token)
        now = self.clock.now()
        participant = Participant(
            id=str(uuid.uuid4()),
            room=room,
            seat=seat,
            kind=kind,
            user_name=rights.get("user_name") or user_name,
            user_id=rights.get("user_id"),
            is_owner=rights.get("is_owner") is True,
            permissions=_permissions(room, rights),
            joined_at=now,
            will_eject_at=_ejection(room, rights, now),
        )
        participant.media.update(media or {})
        if room.config.get("enforce_unique_user_ids") and participant.user_id is not None:
            for other in list(room.participants.values()):
                if other.user_id == participant.user_id:
                    self.put_out(other, "replaced")
        if not room.participants:
            room.meeting_id = str(uuid.uuid4())
            room.banned.clear()
        room.participants[participant.id] = participant
        if participant.will_eject_at is not None:
            why = _ejection_reason(rights)
            participant.ejection = self.clock.call_at(
                participant.will_eject_at, lambda: self.put_out(participant, why)
            )
        self.record(name, f"{kind} joined", participant.id)
        if not participant.hidden:
            self.tell(
                room,
                {"event": "participant-joined", "participant": participant.describe()},
                but=participant,
            )
        self._tell_counts(room)
        return participant

    def leave(self, participant: Participant, reason: str = "leftCall") -> None:
        """Take somebody out of the room and tell the others. A second time does nothing.

        Args:
            participant: Who.
            reason: As the others are told: ``leftCall`` or ``hidden``; the log keeps more.
        """
        room = participant.room
        if room.participants.pop(participant.id, None) is None:
            return
        if participant.ejection is not None:
            participant.ejection.cancel()
        if room.active_speaker == participant.id:
            room.active_speaker = None
        if not room.participants:
            room.meeting_id = None
            room.banned.clear()
        participant.media = dict.fromkeys(MEDIA, "off")
        self.record(room.name, f"{participant.kind} left", f"{participant.id}: {reason}")
        if not participant.hidden:
            self.tell(
                room,
                {
                    "event": "participant-left",
                    "participant": participant.describe(),
                    "reason": "leftCall",
                },
            )
        self._tell_counts(room)

    def put_out(self, participant: Participant, reason: str) -> None:
        """End somebody's stay against its will.

        Args:
            participant: Who.
            reason: As in `Seat.close`.
        """
        if participant.id in participant.room.participants:
            self.leave(participant, reason)
            participant.seat.close(reason)

    def eject(
        self, room: Room, targets: list[Participant], *, ban: Collection[str] = ()
    ) -> list[str]:
        """Put people out on request.

        Args:
            room: The room.
            targets: Who.
            ban: The user ids that may not come in while the meeting runs.

        Returns:
            The session ids that were put out.
        """
        meeting = room.meeting_id
        for target in targets:
            self.put_out(target, "ejected")
        if room.meeting_id == meeting:
            room.banned |= set(ban)
        return [target.id for target in targets]

    # -- In the call -----------------------------------------------------------------------

    def tell(self, room: Room, event: dict[str, Any], *, but: Participant | None = None) -> None:
        """Tell everybody in a room.

        Args:
            room: The room.
            event: As in `Seat.send`.
            but: Who need not be told.
        """
        for other in list(room.participants.values()):
            if other is not but:
                other.seat.send(event)

    def _tell_counts(self, room: Room) -> None:
        self.tell(room, {"event": "participant-counts-updated", "counts": room.counts()})

    def message(
        self, room: Room, message: Any, *, sender: str, recipient: str | None = None
    ) -> None:
        """Pass an app message on. Whoever is not there never gets it.

        Args:
            room: The room.
            message: Anything that JSON can hold.
            sender: The sender's session id.
            recipient: A session id; everybody but the sender when None or ``*``.
        """
        event = {"event": "app-message", "message": message, "sender": sender}
        if recipient in (None, "*"):
            self.tell(room, event, but=room.participants.get(sender))
        elif (target := room.participants.get(str(recipient))) is not None:
            target.seat.send(event)

    def update(
        self,
        participant: Participant,
        *,
        media: Mapping[str, str] | None = None,
        user_name: str | None = None,
    ) -> None:
        """Change what others see of somebody: a mute, a new name.

        Args:
            participant: Who.
            media: New track states, ``playable`` or ``off``.
            user_name: New display name.
        """
        before = participant.describe()
        participant.media.update(media or {})
        if user_name is not None:
            participant.user_name = user_name
        after = participant.describe()
        joined = participant.id in participant.room.participants
        if joined and after != before and not participant.hidden:
            self.tell(
                participant.room,
                {"event": "participant-updated", "participant": after},
                but=participant,
            )

    def mute(
        self,
        participant: Participant,
        *,
        by: Participant,
        microphone: bool | None = None,
        camera: bool | None = None,
    ) -> None:
        """Switch somebody's inputs, as an owner may.

        Args:
            participant: Whose.
            by: The owner who does it.
            microphone: False is off, None leaves it.
            camera: False is off, None leaves it.

        Raises:
            PermissionError: ``by`` is not an owner.
        """
        if not by.is_owner:
            msg = "only an owner may change other participants: join with an owner's token"
            raise PermissionError(msg)
        switched = {"microphone": microphone, "camera": camera}
        participant.seat.send({"event": "mute", "by": by.id, **switched})
        # Off is enforced here; on is a request that the person answers.
        off = {name: "off" for name, on in switched.items() if on is False}
        self.update(participant, media=off)

    def speaking(self, room: Room, participant_id: str | None) -> None:
        """Note who speaks loudest, and tell everybody when that changes.

        Args:
            room: The room.
            participant_id: The session id; None leaves the last one.
        """
        participant = room.participants.get(participant_id or "")
        if participant is None or participant.hidden or room.active_speaker == participant_id:
            return
        room.active_speaker = participant_id
        self.tell(room, {"event": "active-speaker-changed", "participant": participant.describe()})

    def close(self) -> None:
        """Put everybody out and stop the timers: the local Daily ends."""
        for room in list(self.rooms.values()):
            for participant in list(room.participants.values()):
                self.put_out(participant, "shutdown")
        self.clock.stop()


def _permissions(room: Room, rights: Mapping[str, Any]) -> dict[str, Any]:
    """Token over room over Daily's defaults; an owner administers.

    https://docs.daily.co/reference/rest-api/rooms/create-room#permissions
    """
    defaults = {
        "hasPresence": True,
        "canSend": True,
        "canReceive": {"base": True},
        "canAdmin": rights.get("is_owner") is True,
    }
    return {
        **defaults,
        **(room.config.get("permissions") or {}),
        **(rights.get("permissions") or {}),
    }


def _ejection(room: Room, rights: Mapping[str, Any], now: float) -> float | None:
    """The instant is fixed at the join; a token's rule switches both of the room's off.

    https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
    """
    token_rules = rights.get("eject_at_token_exp") or rights.get("eject_after_elapsed") is not None
    source, at_exp = (
        (rights, "eject_at_token_exp") if token_rules else (room.config, "eject_at_room_exp")
    )
    instants = []
    if source.get(at_exp) and source.get("exp") is not None:
        instants.append(float(source["exp"]))
    if source.get("eject_after_elapsed") is not None:
        instants.append(now + float(source["eject_after_elapsed"]))
    return min(instants, default=None)


def _ejection_reason(rights: Mapping[str, Any]) -> str:
    if rights.get("eject_at_token_exp"):
        return "token-expired"
    if rights.get("eject_after_elapsed") is not None:
        return "time-over"
    return "room-expired"
