# SPDX-License-Identifier: BSD-2-Clause
"""Meeting tokens: created and validated.

Reference: https://docs.daily.co/reference/rest-api/meeting-tokens
"""

from typing import Any

from aiohttp import web

from pipecat_daily_rest.local.rest.endpoints.family import Family, Route
from pipecat_daily_rest.local.rules.claims import BadToken
from pipecat_daily_rest.local.rules.schema import invalid, no_room


class TokenEndpoints(Family):
    """The meeting tokens."""

    def routes(self) -> list[Route]:
        """List the endpoints."""
        return [
            ("POST", "/meeting-tokens", self.create_token),
            ("GET", "/meeting-tokens/{token}", self.validate_token),
        ]

    def create_token(self, request: web.Request, body: Any) -> Any:
        """Create a meeting token."""
        # https://docs.daily.co/reference/rest-api/meeting-tokens/create-meeting-token
        properties = self._schema.token(body, now=self._now)
        name = properties.get("room_name")
        if name is not None and not self._choices.token_for_unknown_room:
            if self._domain.find(name) is None:
                raise no_room(name, 400)
        self._parts.log.notify("token created", properties)
        return {"token": self._domain.sign(properties)}

    def validate_token(self, request: web.Request, body: Any) -> Any:
        """Validate a meeting token and give its properties."""
        # https://docs.daily.co/reference/rest-api/meeting-tokens/validate-meeting-token
        ignore_nbf = request.query.get("ignoreNbf") == "true"
        try:
            properties = self._domain.read_token(request.match_info["token"], ignore_nbf=ignore_nbf)
        except BadToken as exc:
            raise invalid(str(exc)) from exc
        hidden = () if self._choices.validation_shows_times else ("exp", "nbf")
        return {name: value for name, value in properties.items() if name not in hidden}
