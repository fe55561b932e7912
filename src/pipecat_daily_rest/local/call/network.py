# SPDX-License-Identifier: BSD-2-Clause
"""Participants lose their network for a while."""

from typing import Any

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.outage import Outage
from pipecat_daily_rest.local.call.room import Participant
from pipecat_daily_rest.local.call.seat import Seat

# Reference: https://reference-python.daily.co/types.html#networkstats, and Pipecat's
# DailyTransport for the names of the connections and of what happens to them.
_CONNECTIONS = ("signalling", "sendTransport", "recvTransport")
_GOOD = {"quality": 100, "threshold": "good", "previousThreshold": "veryLow"}
_NONE = {"quality": 0, "threshold": "veryLow", "previousThreshold": "good"}


class Network:
    """Takes the network away from participants, and gives it back."""

    def __init__(self, calls: Calls) -> None:
        self._calls = calls

    def lose(self, participant: Participant, seconds: float) -> None:
        """Take the network away for some seconds of the local Daily's clock; see `RoomHandle`."""
        must_be(float, seconds=seconds)
        room, calls = participant.room, self._calls
        if not seconds > 0:
            msg = f"seconds must be more than 0, as 10, not {seconds}."
            raise DailyConfigError(msg)
        if participant.id not in room.participants or participant.outage is not None:
            msg = f"{participant.id} is not in the room {room.name!r}, or has no network already"
            raise DailyConfigError(msg)
        self._tell(participant.seat, "interrupted", _NONE)
        outage = Outage(participant.seat)
        participant.seat = participant.outage = outage
        participant.open_feeds()
        calls.log.record(room.name, f"{participant.kind} lost its network", participant.id)
        if calls.choices.interrupted_is_shown:
            self._show(participant, "playable", "interrupted")
        now, timeout = calls.log.clock.now(), calls.choices.network_timeout
        if timeout is not None and seconds > timeout:
            calls.log.clock.call_at(now + timeout, lambda: self._time_out(participant, outage))
        calls.log.clock.call_at(now + seconds, lambda: self._restore(participant, outage))

    def _time_out(self, participant: Participant, outage: Outage) -> None:
        if participant.id in participant.room.participants:
            outage.timed_out = True
            self._calls.leave(participant, "lost its network")

    def _restore(self, participant: Participant, outage: Outage) -> None:
        participant.seat, participant.outage = outage.seat, None
        if participant.id not in participant.room.participants:
            if outage.timed_out:  # and finds out only now
                outage.seat.close("network-lost")
            return
        if outage.overflowed:  # the events that it missed are lost
            self._calls.eject(participant, "network-lost")
            return
        self._calls.log.record(
            participant.room.name, f"{participant.kind} has its network back", participant.id
        )
        self._tell(participant.seat, "connected", _GOOD)
        self._show(participant, "interrupted", "playable")
        late = self._calls.choices.messages_without_network == "late"
        outage.catch_up(messages=late)

    def _show(self, participant: Participant, before: str, after: str) -> None:
        media = {name: after for name, state in participant.media.items() if state == before}
        self._calls.change(participant, media=media)

    def _tell(self, seat: Seat, event: str, stats: dict[str, Any]) -> None:
        for connection in _CONNECTIONS:
            status = {"connection": connection, "event": event}
            seat.send({"event": "network-connection-status-updated", "status": status})
        seat.send({"event": "network-stats-updated", "stats": {**stats, "stats": {"latest": {}}}})
