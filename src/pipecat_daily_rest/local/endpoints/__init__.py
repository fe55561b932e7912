# SPDX-License-Identifier: BSD-2-Clause
"""What each endpoint of the REST API does to the state, a module for each family of them.

Reference: https://docs.daily.co/reference/rest-api
"""

from pipecat_daily_rest.local.endpoints.domain import DomainEndpoints
from pipecat_daily_rest.local.endpoints.family import Endpoint, Family, Route
from pipecat_daily_rest.local.endpoints.rooms import RoomEndpoints
from pipecat_daily_rest.local.endpoints.session import SessionEndpoints
from pipecat_daily_rest.local.endpoints.tokens import TokenEndpoints

__all__ = ["FAMILIES", "Endpoint", "Route"]

FAMILIES: tuple[type[Family], ...] = (
    DomainEndpoints,
    RoomEndpoints,
    SessionEndpoints,
    TokenEndpoints,
)
