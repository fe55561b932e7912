# SPDX-License-Identifier: BSD-2-Clause
"""What each endpoint of the REST API does, one module for each family as in Daily's reference.

Imports what `rest` imports, and its `parts` and `journal`.

Reference: https://docs.daily.co/reference/rest-api
"""

from pipecat_daily_rest.local.rest.endpoints.dialin import DialinEndpoints
from pipecat_daily_rest.local.rest.endpoints.domain import DomainEndpoints
from pipecat_daily_rest.local.rest.endpoints.family import Endpoint, Family, Route
from pipecat_daily_rest.local.rest.endpoints.logs import LogEndpoints
from pipecat_daily_rest.local.rest.endpoints.meetings import MeetingEndpoints
from pipecat_daily_rest.local.rest.endpoints.numbers import NumberEndpoints
from pipecat_daily_rest.local.rest.endpoints.phone import PhoneEndpoints
from pipecat_daily_rest.local.rest.endpoints.recording import RecordingEndpoints
from pipecat_daily_rest.local.rest.endpoints.refused import REFUSALS, RefusedEndpoints
from pipecat_daily_rest.local.rest.endpoints.rooms import RoomEndpoints
from pipecat_daily_rest.local.rest.endpoints.session import SessionEndpoints
from pipecat_daily_rest.local.rest.endpoints.stored import StoredEndpoints
from pipecat_daily_rest.local.rest.endpoints.tokens import TokenEndpoints
from pipecat_daily_rest.local.rest.endpoints.webhooks import WebhookEndpoints

__all__ = ["FAMILIES", "REFUSALS", "Endpoint", "Route"]

FAMILIES: tuple[type[Family], ...] = (
    DomainEndpoints,
    LogEndpoints,
    RecordingEndpoints,
    RefusedEndpoints,
    MeetingEndpoints,
    RoomEndpoints,
    SessionEndpoints,
    StoredEndpoints,
    TokenEndpoints,
    PhoneEndpoints,
    NumberEndpoints,
    DialinEndpoints,
    WebhookEndpoints,
)
