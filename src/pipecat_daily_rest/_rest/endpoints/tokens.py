# SPDX-License-Identifier: BSD-2-Clause
"""Meeting tokens.

Reference: https://docs.daily.co/reference/rest-api/meeting-tokens
"""

import time

from pipecat_daily_rest._core import arguments, room_names
from pipecat_daily_rest._core.secret import hide_secrets, secret
from pipecat_daily_rest._rest import checks
from pipecat_daily_rest._rest.endpoints.base import Methods, segment
from pipecat_daily_rest._rest.token_creation import create_token
from pipecat_daily_rest.answers.answer import read_object
from pipecat_daily_rest.models import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    read_token_properties,
)
from pipecat_daily_rest.tokens import wire


class TokenMethods(Methods):
    """Meeting tokens, made and validated by Daily."""

    async def get_token(
        self,
        room_url: str,
        expiry_time: float = 60 * 60,
        eject_at_token_exp: bool = False,
        owner: bool = True,
        params: DailyMeetingTokenParams | None = None,
    ) -> str:
        """Make a meeting token over the API.

        Args:
            room_url: The URL of the room that it opens.
            expiry_time: Seconds that it is valid.
            eject_at_token_exp: Whether the participant is put out when it expires.
            owner: Whether the participant is an owner.
            params: Further properties; the room, the expiry, the ejection and the ownership are
                taken from the other arguments. Not changed.

        Returns:
            The token; its ``repr`` does not show it.

        Raises:
            DailyError: It could not be made.
        """
        room_url = hide_secrets(room_url)
        if params is not None:
            arguments.model("params", params, DailyMeetingTokenParams)
        given = params.properties if params is not None else DailyMeetingTokenProperties()
        properties = given.model_copy(
            update={
                "room_name": room_names.from_url(room_url),
                "exp": int(time.time() + arguments.seconds("expiry_time", expiry_time)),
                "eject_at_token_exp": arguments.flag("eject_at_token_exp", eject_at_token_exp),
                "is_owner": arguments.flag("owner", owner),
            },
        )
        checks.check_token(properties, now=time.time())
        # What a subclass adds goes along.
        more = params.model_dump(exclude={"properties"}, exclude_none=True) if params else {}
        return await create_token(self.api, wire(properties), more=more)

    async def create_token(self, properties: DailyMeetingTokenProperties) -> str:
        """Make a meeting token over the API, exactly as the properties say.

        Args:
            properties: The token's properties.

        Returns:
            The token; its ``repr`` does not show it.

        Raises:
            DailyError: It could not be made.
        """
        checks.check_token(properties, now=time.time())
        return await create_token(self.api, wire(properties))

    async def validate_token(
        self, token: str, *, ignore_nbf: bool = False
    ) -> DailyMeetingTokenProperties:
        """Ask Daily whether a meeting token is valid, and what it says.

        `pipecat_daily_rest.tokens.read_token` does it without asking.

        Reference: https://docs.daily.co/reference/rest-api/meeting-tokens/validate-meeting-token

        Args:
            token: The token.
            ignore_nbf: Whether one that is not valid yet passes.

        Returns:
            The token's properties, as far as Daily tells them: its example has neither ``exp`` nor
            ``nbf``.

        Raises:
            DailyInvalidRequestError: It is not valid: expired, too early, of another domain, or no
                token.
            DailyError: It could not be told.
        """
        what = "Unable to validate the meeting token"
        token = secret(token) or ""
        data = await self.api.request(
            "GET",
            hide_secrets(f"/meeting-tokens/{segment('token', token, key=self.api.key)}"),
            what=what,
            query={"ignoreNbf": "true"} if arguments.flag("ignore_nbf", ignore_nbf) else None,
        )
        return read_token_properties(read_object(data, what=what))
