# SPDX-License-Identifier: BSD-2-Clause
"""What the people in a room are told, and what they send each other."""

from collections.abc import Iterable
from functools import partial
from typing import Any
from weakref import WeakSet

from loguru import logger

from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.meetings import Meetings
from pipecat_daily_rest.local.call.room import Participant, Room
from pipecat_daily_rest.local.call.rtvi_loops import Chatter
from pipecat_daily_rest.local.choices import Choices
from pipecat_daily_rest.local.rules.incoming import size_of
from pipecat_daily_rest.local.secret import trace

_LARGE = (
    "Local room {}: an app message has {} bytes of JSON. Daily documents no limit for bots and "
    "browsers, but one of {} bytes for its REST API: send less, or in parts."
)


class TooLarge(Exception):
    """An app message is too large; the text is for whoever sent it."""


class Messages(Meetings):
    """Tells people what happens in their rooms. One who cannot be told is nobody else's trouble."""

    api_key = ""  # see `Arrivals`

    def __init__(self, clock: Clock, choices: Choices) -> None:
        """Initialize without anybody in a call."""
        super().__init__(clock, choices)
        self._chatter = Chatter()
        self._warned: WeakSet[Room] = WeakSet()  # of large messages

    def put_out(self, participant: Participant, reason: str) -> None:
        """End somebody's stay, as `Calls` does."""
        raise NotImplementedError

    def tell(self, room: Room, event: dict[str, Any], *, but: Participant | None = None) -> None:
        """Tell everybody in a room."""
        room.told.put(event)
        self.reach([other for other in room.participants.values() if other is not but], event)

    def reach(self, targets: Iterable[Participant], event: dict[str, Any]) -> None:
        """Tell some people. One whose seat fails is put out when the others have been told."""
        failures: list[tuple[Participant, Exception]] = []
        for target in list(targets):
            try:
                target.seat.send(event)
            except Exception as exc:
                failures.append((target, exc))
        for target, failure in failures:
            self.fail(target, failure)

    def fail(self, participant: Participant, exc: Exception) -> None:
        """Put somebody out whose seat has failed: it is nobody else's trouble."""
        self.log_failure(participant.room.name, f"put out {participant.id}", exc)
        self.put_out(participant, "failed")

    def _tell_counts(self, room: Room) -> None:
        self.tell(room, {"event": "participant-counts-updated", "counts": room.counts()})

    def log_failure(self, room: str, what: str, exc: Exception) -> None:
        """Log what should not have happened."""
        logger.error("Local room {}: {}:\n{}", room, what, trace(exc, self.api_key))

    def message(
        self, room: Room, message: Any, *, sender: str, recipient: str | None = None
    ) -> None:
        """Pass an app message on. Whoever is not there never gets it.

        Bots do not get each other's endless answers, see `Chatter`.

        Args:
            room: The room.
            message: Anything that JSON can hold.
            sender: The sender's session id.
            recipient: A session id; everybody but the sender when None or ``*``.
        """
        source = room.participants.get(sender)
        if source is not None and source.outage is not None:
            again = partial(self.message, room, message, sender=sender, recipient=recipient)
            source.outage.hold(again, message=True, size=size_of(message))
            return
        event = {"event": "app-message", "message": message, "sender": sender}
        everybody = recipient in (None, "*")
        if everybody:
            targets = [other for other in room.participants.values() if other is not source]
        else:
            targets = [other for id, other in room.participants.items() if id == recipient]
        if everybody or targets:
            room.told.put(event)
        bots = [target for target in targets if target.kind == "bot"]
        if bots and not self._chatter.reaches_bots(source, message):
            targets = [target for target in targets if target not in bots]
        self.reach(targets, event)

    def check_message(self, room: Room, message: Any) -> None:
        """Check the size of an app message from a bot or a person."""
        size = size_of(message)
        limit, warned = self.choices.app_message_limit, self.choices.app_message_warning
        if limit is not None and size > limit:
            raise TooLarge(self.choices.app_message_too_large_info.format(size=size, limit=limit))
        if warned is not None and size > warned and room not in self._warned:
            self._warned.add(room)
            logger.warning(_LARGE, room.name, size, warned)
