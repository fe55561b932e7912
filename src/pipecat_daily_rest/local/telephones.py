# SPDX-License-Identifier: BSD-2-Clause
"""What a test does with the telephones of a local Daily."""

from pipecat_daily_rest.local.phone import DialIn, DialOut
from pipecat_daily_rest.local.switchboard import Switchboard
from pipecat_daily_rest.local.telephony import Telephony


class Telephones:
    """The telephones, for `LocalDaily`.

    Parameters:
        telephony: Who is in a call.
        switchboard: Who calls in.
    """

    telephony: Telephony
    switchboard: Switchboard

    @property
    def dialouts(self) -> list[DialOut]:
        """The calls that were made out of the rooms, in order. They ring until a test answers."""
        return list(self.telephony.dialouts)

    def dial_in(
        self,
        target: str,
        *,
        from_: str = "+12125550199",
        to: str | None = None,
        sip_headers: dict[str, str] | None = None,
    ) -> DialIn:
        """Call in, as somebody with a telephone does.

        A number asks the ``room_creation_api`` of its dial-in configuration for a room, signed as
        Daily signs, and waits for ``pinlessCallUpdate``::

            call = daily.dial_in("+14155550100", from_="+12125550199")
            caller = await call.connected()
            caller.tone(500)

        Args:
            target: The number of a dial-in configuration, or its ``name_prefix``,
                ``room_creation_api``, id or SIP URI. Or a room's own SIP URI, which is called
                without asking anybody.
            from_: The caller's number or SIP URI.
            to: The number that was called, when ``target`` is not it.
            sip_headers: The SIP headers of the call.

        Returns:
            The call, which goes on by itself.

        Raises:
            DailyConfigError: Nobody has that number.
        """
        return self.switchboard.dial_in(target, from_=from_, to=to, sip_headers=sip_headers)
