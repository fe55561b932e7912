# SPDX-License-Identifier: BSD-2-Clause
"""The parts of what a local Daily knows, put together. No HTTP, no media.

Everything here runs on one event loop, and nothing waits. The REST endpoints, the browsers, the
bots' links and the tests get the parts that they need. These parts deliver to a participant through
its `Seat`.
"""

from pipecat_daily_rest.local.call.admission import Admission
from pipecat_daily_rest.local.call.app_messages import AppMessages
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.clock import Clock
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.log import Log
from pipecat_daily_rest.local.call.meetings import Meetings
from pipecat_daily_rest.local.call.rooms import Rooms
from pipecat_daily_rest.local.choices import Choices


class State:
    """The parts; each knows only those that are made before it.

    Parameters:
        log: What happened.
        domain: The key, the properties, which rooms there are.
        meetings: The records of the meetings.
        calls: Who is in the rooms, and what each is told.
        messages: The app messages.
        admission: Who may join.
        lobby: Who waits to be let in.
        rooms: Rooms are created, changed, deleted.
    """

    def __init__(self, *, api_key: str, clock: Clock, choices: Choices | None = None) -> None:
        """Put the parts of an empty domain together."""
        self.clock = clock
        self.choices = choices or Choices()
        self.log = Log(clock, api_key)
        self.domain = Domain(api_key, clock, self.choices)
        self.meetings = Meetings(self.log, self.choices)
        self.calls = Calls(self.log, self.meetings, self.choices)
        self.messages = AppMessages(self.calls)
        self.admission = Admission(self.domain, self.calls)
        self.lobby = Lobby(self.admission, self.calls)
        self.rooms = Rooms(self.domain, self.calls, self.lobby)

    def close(self) -> None:
        """Eject everyone and stop the timers."""
        self.rooms.close()
        self.clock.stop()
