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
    """Meeting tokens, created and validated by Daily."""

    async def get_token(
        self,
        room_url: str,
        expiry_time: float = 60 * 60,
        eject_at_token_exp: bool = False,
        owner: bool = True,
        params: DailyMeetingTokenParams | None = None,
    ) -> str:
        """Have Daily create a meeting token.

        Args:
            room_url: The URL of the room that it is for.
            expiry_time: Seconds for which it is valid.
            eject_at_token_exp: Whether Daily ejects the participant when it expires.
            owner: Whether the participant is an owner.
            params: Further properties; the other arguments replace its ``room_name``, ``exp``,
                ``eject_at_token_exp`` and ``is_owner``. It is not changed.

        Returns:
            The token; its ``repr`` does not show it.

        Raises:
            DailyError: Daily did not create it.
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
        # The fields of a subclass are sent, too.
        more = params.model_dump(exclude={"properties"}, exclude_none=True) if params else {}
        return await create_token(self.api, wire(properties), more=more)

    async def create_token(self, properties: DailyMeetingTokenProperties) -> str:
        """Have Daily create a meeting token, exactly as the properties say.

        Args:
            properties: The token's properties.

        Returns:
            The token; its ``repr`` does not show it.

        Raises:
            DailyError: Daily did not create it.
        """
        checks.check_token(properties, now=time.time())
        return await create_token(self.api, wire(properties))

    async def validate_token(
        self, token: str, *, ignore_nbf: bool = False
    ) -> DailyMeetingTokenProperties:
        """Have Daily validate a meeting token, and give its properties.

        `pipecat_daily_rest.tokens.read_token` does it without a request.

        Reference: https://docs.daily.co/reference/rest-api/meeting-tokens/validate-meeting-token

        Args:
            token: The token.
            ignore_nbf: Whether a token that is not valid yet is accepted.

        Returns:
            The token's properties, as far as Daily gives them: its example has neither ``exp`` nor
            ``nbf``.

        Raises:
            DailyInvalidRequestError: It is not valid: expired, not valid yet, of another domain, or
                not a token.
            DailyError: Daily gave no usable answer.
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
