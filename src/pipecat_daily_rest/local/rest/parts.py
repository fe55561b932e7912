# SPDX-License-Identifier: BSD-2-Clause
"""The parts of a local Daily that the REST API uses."""

from collections.abc import Callable
from dataclasses import dataclass

from pipecat_daily_rest.local.call.app_messages import AppMessages
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.domain import Domain
from pipecat_daily_rest.local.call.log import Log
from pipecat_daily_rest.local.call.meetings import Meetings
from pipecat_daily_rest.local.call.rooms import Rooms
from pipecat_daily_rest.local.outside.dialing import Dialing
from pipecat_daily_rest.local.outside.switchboard import Switchboard
from pipecat_daily_rest.local.outside.telephony import Telephony
from pipecat_daily_rest.local.outside.webhooks import Webhooks
from pipecat_daily_rest.local.recording.recorder import Recorder
from pipecat_daily_rest.local.recording.stored import Stored
from pipecat_daily_rest.local.rest.faults import Faults
from pipecat_daily_rest.local.rest.journal import Journal
from pipecat_daily_rest.local.rest.limits import Limiter


@dataclass(kw_only=True)
class Parts:
    """The parts; ``latency`` is the least number of seconds that every request takes."""

    url: Callable[[], str]  # where people find the rooms; known once the local Daily listens
    domain: Domain
    log: Log
    meetings: Meetings
    calls: Calls
    messages: AppMessages
    rooms: Rooms
    requests: Journal
    limits: Limiter
    faults: Faults
    stored: Stored
    recorder: Recorder
    webhooks: Webhooks
    telephony: Telephony
    switchboard: Switchboard
    dialing: Dialing
    latency: float
