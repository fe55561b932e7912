# SPDX-License-Identifier: BSD-2-Clause
"""A room, who is in it, who wants to join, and who waits in its lobby."""

import itertools
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from pipecat_daily_rest.local.call.clock import Timer
from pipecat_daily_rest.local.call.inbox import Inbox
from pipecat_daily_rest.local.call.outage import Outage
from pipecat_daily_rest.local.call.pictures import SOURCES, Feed
from pipecat_daily_rest.local.call.records import Meeting
from pipecat_daily_rest.local.call.seat import Seat
from pipecat_daily_rest.local.rules.rights import includes

# What a track shows and sends, by the names of `canSend`.
MEDIA = {
    "camera": "video",
    "microphone": "audio",
    "screenAudio": "screenAudio",
    "screenVideo": "screenVideo",
}

MOST_TRACKS = 32  # custom audio tracks of one bot
_MOST_NAME = 128  # characters of a display name
_MOST_TOLD = 2_000  # events that a room remembers
_MOST_BYTES = 4 * 1024 * 1024  # of their JSON


class JoinRefused(Exception):
    """Somebody may not join.

    Parameters:
        kind: Daily's join error type: ``no-room``, ``exp-room``, ``nbf-room``, ``exp-token``,
            ``nbf-token``, ``not-allowed``, ``meeting-full`` or ``ejected``.
        message: Why, and what to do, as a sentence for the person or the bot's log.
    """

    def __init__(self, kind: str, message: str) -> None:
        """Initialize the error; see `JoinRefused`."""
        super().__init__(message)
        self.kind = kind
        self.message = message


@dataclass(eq=False)
class Participant:
    """Somebody in a room.

    Parameters:
        id: The session id, new for each join.
        room: Where.
        seat: How to reach it.
        kind: ``bot`` (a link), ``person`` (a browser), ``phone`` (a call out or in) or
            ``scripted`` (a test).
        user_name: Display name.
        user_id: The token's ``user_id``, or None.
        is_owner: Whether the token makes it an owner.
        permissions: ``hasPresence``, ``canSend``, ``canReceive``, ``canAdmin``.
        joined_at: Unix seconds.
        rights: The token's properties.
        will_eject_at: Unix seconds, fixed at the join and not changed by an update of the room
            (but see `Choices.update_moves_ejection`), or None.
        may_share: Whether the room and the token allow a shared screen.
        media: State of each track: ``playable``, ``off`` or ``interrupted``.
        custom_audio: The same of its custom audio tracks, by name.
        feeds: What its camera and its screen show.
        outage: What takes its seat's place while it has no network; else None.
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
    rights: Mapping[str, Any] = field(default_factory=dict, repr=False)
    will_eject_at: float | None = None
    may_share: bool = True
    media: dict[str, str] = field(default_factory=lambda: dict.fromkeys(MEDIA, "off"))
    custom_audio: dict[str, str] = field(default_factory=dict)
    feeds: dict[str, Feed] = field(
        default_factory=lambda: {source: Feed() for source in SOURCES}, repr=False
    )
    ejection: Timer | None = field(default=None, repr=False)
    outage: Outage | None = field(default=None, repr=False)

    @property
    def hidden(self) -> bool:
        """Whether others do not see it (``hasPresence`` is false)."""
        return self.permissions.get("hasPresence") is False

    @property
    def administers(self) -> bool:
        """Whether it may mute others, change their permissions, eject them and let them in."""
        return self.may_admin("participants")

    def may_admin(self, task: str) -> bool:
        """Tell whether it may administer ``participants``, ``streaming`` or ``transcription``."""
        return self.is_owner or includes(self.permissions.get("canAdmin"), task)

    def may_send(self, kind: str) -> bool:
        """Tell whether it may send a kind of media, as in ``canSend``."""
        # https://docs.daily.co/reference/rest-api/meeting-tokens/config#permissions
        if kind in ("screenVideo", "screenAudio") and not self.may_share:
            return False
        return includes(self.permissions.get("canSend", True), kind)

    def publishes(self, track: str) -> bool:
        """Tell whether others have a track of it, silent or not."""
        state = self.media.get(track) or self.custom_audio.get(track) or "off"
        kind = MEDIA.get(track, "customAudio")
        return state != "off" and not self.hidden and self.may_send(kind)

    def sends(self, track: str) -> bool:
        """Tell whether others get what is on a track of it now: it has a network, too."""
        return self.outage is None and self.publishes(track)

    def set_media(
        self, media: Mapping[str, str], custom_audio: Mapping[str, str] | None = None
    ) -> None:
        """Note which tracks it sends (None: its custom audio tracks stay). Tells nobody."""
        self.media.update(media)
        if custom_audio is not None:
            self.custom_audio = dict(custom_audio)
        self.open_feeds()

    def open_feeds(self) -> None:
        """Open its feeds, or not, as its tracks and permissions are now."""
        for source, feed in self.feeds.items():
            feed.open(self.sends(source))

    def describe(self, *, local: bool = False) -> dict[str, Any]:
        """Describe it as daily-python's ``participants()``, but for REST's names of permissions."""
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
                **{
                    name: _track(state, "user" if self.may_send(MEDIA[name]) else "sendPermission")
                    for name, state in self.media.items()
                },
                "customAudio": {
                    name: _track(
                        state, "user" if self.may_send("customAudio") else "sendPermission"
                    )
                    for name, state in self.custom_audio.items()
                },
                "customVideo": {},
            },
        }


def short_name(name: str) -> str:
    """Cut a display name to 128 characters."""
    return name.strip()[:_MOST_NAME]


def is_about(event: dict[str, Any], participant: Participant) -> bool:
    """Tell whether an event says that a participant itself has changed."""
    updated = event.get("event") == "participant-updated"
    return updated and bool(event["participant"]["id"] == participant.id)


def _track(state: str, why_off: str) -> dict[str, Any]:
    if state == "off" or why_off != "user":
        return {"state": "off", "offReasons": [why_off], "subscribed": "unsubscribed"}
    return {"state": state, "offReasons": [], "subscribed": "subscribed"}


class Caller(Protocol):
    """What a knock is answered to. No method may block or raise."""

    def let_in(self, participant: Participant) -> None:
        """Take note that it is in the room from now on."""

    def turned_away(self, refused: JoinRefused) -> None:
        """Take note that it is refused, for good."""


@dataclass(frozen=True)
class Newcomer:
    """Somebody who wants to join.

    Parameters:
        seat: How the room reaches it.
        kind: As in `Participant.kind`.
        user_name: Display name when the token has none; None is one that differs from the others'.
        media: State of its tracks at the start.
        custom_audio: The same of its custom audio tracks, by name.
    """

    seat: Seat
    kind: str
    user_name: str | None = ""
    media: Mapping[str, str] = field(default_factory=dict)
    custom_audio: Mapping[str, str] | None = None


@dataclass(eq=False)
class Knock:
    """Somebody who waits in the lobby.

    Parameters:
        participant: What it would be, had it joined instead.
        token: The meeting token, or None.
        newcomer: What it joins with.
        caller: Who is told what comes of it.
    """

    participant: Participant
    token: str | None = field(repr=False)
    newcomer: Newcomer = field(repr=False)
    caller: Caller = field(repr=False)

    @property
    def id(self) -> str:
        """The session id, which it keeps when it is let in."""
        return self.participant.id

    @property
    def user_name(self) -> str:
        """Display name."""
        return self.participant.user_name

    def describe(self) -> dict[str, Any]:
        """Describe it to those who may let it in, as daily-js does."""
        # https://docs.daily.co/reference/daily-js/instance-methods/waiting-participants
        return {"id": self.id, "name": self.user_name, "awaitingAccess": {"level": "full"}}


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
        waiting: Who waits in the lobby, by session id.
        meeting: The running meeting; None while nobody is in.
        told: The events that were told in it, to everybody or to one, as in `Seat`.
        latencies: Of the turns that a test had with a bot in it, in seconds.
        made_by: The user agent of the request that created it, or "".
    """

    name: str
    privacy: str
    config: dict[str, Any]
    created_at: float
    id: str = field(default_factory=lambda: str(uuid.uuid4()))
    participants: dict[str, Participant] = field(default_factory=dict)
    waiting: dict[str, Knock] = field(default_factory=dict, repr=False)
    meeting: Meeting | None = field(default=None, repr=False)
    expiry: Timer | None = field(default=None, repr=False)
    active_speaker: str | None = None
    told: Inbox = field(default_factory=lambda: Inbox(_MOST_TOLD, _MOST_BYTES), repr=False)
    latencies: list[float] = field(default_factory=list, repr=False)
    made_by: str = field(default="", repr=False)

    @property
    def meeting_id(self) -> str | None:
        """The id of the running meeting, or None."""
        return None if self.meeting is None else self.meeting.id

    def guest_name(self) -> str:
        """Give a name that nobody has who is in or waits: ``Guest``, ``Guest 2`` and so on."""
        taken = {participant.user_name for participant in self.participants.values()}
        taken |= {knock.user_name for knock in self.waiting.values()}
        names = itertools.chain(["Guest"], (f"Guest {number}" for number in itertools.count(2)))
        return next(name for name in names if name not in taken)

    def counts(self) -> dict[str, int]:
        """Count who is in."""
        hidden = sum(participant.hidden for participant in self.participants.values())
        return {"present": len(self.participants) - hidden, "hidden": hidden}
