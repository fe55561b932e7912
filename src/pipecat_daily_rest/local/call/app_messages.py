# SPDX-License-Identifier: BSD-2-Clause
"""App messages: what the participants of a room send each other."""

from functools import partial
from typing import Any
from weakref import WeakSet

from loguru import logger

from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.room import Room
from pipecat_daily_rest.local.call.rtvi_loops import RtviLoops
from pipecat_daily_rest.local.rules.strict_json import size_of

_LARGE = (
    "Local room {}: an app message has {} bytes of JSON. Daily documents no limit for bots and "
    "browsers, but one of {} bytes for its REST API: send less, or in parts."
)


class TooLarge(Exception):
    """An app message is too large; the text is for its sender."""


class AppMessages:
    """Passes app messages on."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls
        self._choices = calls.choices
        self._rtvi_loops = RtviLoops()
        self._warned: WeakSet[Room] = WeakSet()  # of large messages

    def send(self, room: Room, message: Any, *, sender: str, recipient: str | None = None) -> None:
        """Pass a message on to a session id; to everybody but the sender when None or ``*``."""
        source = room.participants.get(sender)
        if source is not None and source.outage is not None:
            again = partial(self.send, room, message, sender=sender, recipient=recipient)
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
            self._calls.log.notify("app-message", (room, event))
        bots = [target for target in targets if target.kind == "bot"]
        if bots and not self._rtvi_loops.reaches_bots(source, message):
            targets = [target for target in targets if target not in bots]
        self._calls.reach(targets, event)

    def check(self, room: Room, message: Any) -> None:
        """Check the size of a message from a bot or a person; raise `TooLarge`, or warn once."""
        size = size_of(message)
        limit, warned = self._choices.app_message_limit, self._choices.app_message_warning
        if limit is not None and size > limit:
            raise TooLarge(self._choices.app_message_too_large_info.format(size=size, limit=limit))
        if warned is not None and size > warned and room not in self._warned:
            self._warned.add(room)
            logger.warning(_LARGE, room.name, size, warned)
