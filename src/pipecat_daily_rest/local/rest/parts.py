# SPDX-License-Identifier: BSD-2-Clause
"""What the REST API of a local Daily works on."""

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
from pipecat_daily_rest.local.outside.webhooks import Hooks
from pipecat_daily_rest.local.rest.faults import Faults
from pipecat_daily_rest.local.rest.journal import Request
from pipecat_daily_rest.local.rest.limits import Limiter
from pipecat_daily_rest.local.rest.stored import Stored


@dataclass(kw_only=True)
class Parts:
    """The parts, and how the local Daily behaves.

    Parameters:
        url: Gives where people find the rooms; it is known once the local Daily listens.
        domain: The key, the properties, which rooms there are.
        log: What happened.
        meetings: The records of the meetings.
        calls: Who is in the rooms.
        messages: The app messages.
        rooms: Rooms are created, changed, deleted.
        requests: What was asked, in order of arrival.
        limits: How many requests are answered in how many seconds.
        faults: What makes requests fail.
        stored: Recordings and transcripts.
        webhooks: Who is told what happens.
        telephony: The calls by telephone.
        switchboard: The numbers, and who calls in.
        dialing: The calls that bots make.
        latency: Seconds that every request takes at the least.
    """

    url: Callable[[], str]
    domain: Domain
    log: Log
    meetings: Meetings
    calls: Calls
    messages: AppMessages
    rooms: Rooms
    requests: list[Request]
    limits: Limiter
    faults: Faults
    stored: Stored
    webhooks: Hooks
    telephony: Telephony
    switchboard: Switchboard
    dialing: Dialing
    latency: float
