# SPDX-License-Identifier: BSD-2-Clause
"""The domain.

Reference: https://docs.daily.co/reference/rest-api/domain
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.endpoints.family import Family, Route


class DomainEndpoints(Family):
    """The domain of the key."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [("GET", "/", self.domain)]

    def domain(self, request: web.Request, body: Any) -> Any:
        """Give the domain, with its id.

        Reference: https://docs.daily.co/reference/rest-api/domain/get-domain-config
        """
        return {
            "domain_name": self._state.domain_name,
            "domain_id": self._state.domain_id,
            "config": {
                "hide_daily_branding": False,
                "hipaa": False,
                "lang": "en",
                "meeting_join_hook": "",
                "redirect_on_meeting_exit": "",
                "max_api_rooms": self._choices.max_api_rooms,
                "enable_prejoin_ui": True,
                "enable_people_ui": True,
            },
        }
