# SPDX-License-Identifier: BSD-2-Clause
"""What each endpoint of the REST API does to the state, a module for each family of them.

Reference: https://docs.daily.co/reference/rest-api
"""

from pipecat_daily_rest.local.rest.endpoints.domain import DomainEndpoints
from pipecat_daily_rest.local.rest.endpoints.family import Endpoint, Family, Route
from pipecat_daily_rest.local.rest.endpoints.hooks import HookEndpoints
from pipecat_daily_rest.local.rest.endpoints.logs import LogEndpoints
from pipecat_daily_rest.local.rest.endpoints.meetings import MeetingEndpoints
from pipecat_daily_rest.local.rest.endpoints.numbers import NumberEndpoints
from pipecat_daily_rest.local.rest.endpoints.phone import PhoneEndpoints
from pipecat_daily_rest.local.rest.endpoints.refused import RefusedEndpoints
from pipecat_daily_rest.local.rest.endpoints.rooms import RoomEndpoints
from pipecat_daily_rest.local.rest.endpoints.session import SessionEndpoints
from pipecat_daily_rest.local.rest.endpoints.stored import StoredEndpoints
from pipecat_daily_rest.local.rest.endpoints.tokens import TokenEndpoints
from pipecat_daily_rest.local.rest.parts import Parts

__all__ = ["FAMILIES", "Endpoint", "Route", "refusals"]

FAMILIES: tuple[type[Family], ...] = (
    DomainEndpoints,
    LogEndpoints,
    RefusedEndpoints,
    MeetingEndpoints,
    RoomEndpoints,
    SessionEndpoints,
    StoredEndpoints,
    TokenEndpoints,
    PhoneEndpoints,
    NumberEndpoints,
    HookEndpoints,
)


def refusals(parts: Parts) -> dict[tuple[str, str], str]:
    """List what a local Daily refuses, since it has no meaning on one machine."""
    return {
        (method, path): endpoint.refused
        for family in FAMILIES
        for method, path, endpoint in family(parts).routes()
        if hasattr(endpoint, "refused")
    }
