# SPDX-License-Identifier: BSD-2-Clause
"""The domain.

Reference: https://docs.daily.co/reference/rest-api/domain
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.rest.endpoints.family import Family, Route
from pipecat_daily_rest.local.rules import schema
from pipecat_daily_rest.local.rules.properties import DOMAIN_DEFAULTS
from pipecat_daily_rest.local.rules.schema import invalid


class DomainEndpoints(Family):
    """The domain of the key."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [("GET", "/", self.domain), ("POST", "/", self.set_domain)]

    def domain(self, request: web.Request, body: Any) -> Any:
        """Give the domain, with its id."""
        # https://docs.daily.co/reference/rest-api/domain/get-domain-config
        return {
            "domain_name": self._domain.name,
            "domain_id": self._domain.id,
            "config": self._config(),
        }

    def set_domain(self, request: web.Request, body: Any) -> Any:
        """Update the domain; null unsets a property."""
        # https://docs.daily.co/reference/rest-api/domain/set-domain-config
        properties = self._schema.domain(body)
        if not properties:
            raise invalid(schema.MISSING)
        domain = {**self._domain.properties, **properties}
        self._domain.properties = {
            name: value for name, value in domain.items() if value is not None
        }
        return {"domain_name": self._domain.name, "config": self._config()}

    def _config(self) -> dict[str, Any]:
        """Give the config: unlike a room's, it shows the defaults and the nulls."""
        config = {
            **DOMAIN_DEFAULTS,
            "max_api_rooms": self._choices.max_api_rooms,
            **self._domain.properties,
        }
        nulls = self._choices.domain_shows_nulls
        return {name: value for name, value in config.items() if nulls or value is not None}
