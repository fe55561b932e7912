# SPDX-License-Identifier: BSD-2-Clause
"""What a server's owner allows by phone: whose calls come in, and whom bots may call."""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field

from pipecat_daily_rest._core.secret import Secret
from pipecat_daily_rest._core.settings import listed
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.server import numbers
from pipecat_daily_rest.webhooks import sign

SECRET, UNSIGNED = "PIPECAT_DAILY_DIALIN_SECRET", "PIPECAT_DAILY_NO_DIALIN_SECRET"
PREFIXES, SIP = "PIPECAT_DAILY_DIALOUT_PREFIXES", "PIPECAT_DAILY_DIALOUT_SIP"
_TRUE = ("1", "true", "t", "yes", "y", "on")  # as typer reads a flag's variable


class NotAllowed(DailyConfigError):
    """A number or a SIP URI that the server's owner does not allow."""


@dataclass(frozen=True, kw_only=True)
class Phone:
    """What a server's owner allows by phone.

    Parameters:
        dialin_secrets: The ``hmac`` of each dial-in configuration whose calls come in here.
        unsigned_dialin: Whether calls that nobody signed come in from everywhere. Without secrets
            they come in from this machine only.
        dialout_prefixes: How the numbers begin that may be called, as ``+1415``; ``+`` for all.
        dialout_sip: The SIP URIs that may be called, as ``sip:desk@example.com``, or
            ``sip:*@example.com`` for every user of a host.
    """

    dialin_secrets: tuple[str, ...] = field(default=(), repr=False)
    unsigned_dialin: bool = False
    dialout_prefixes: tuple[str, ...] = ()
    dialout_sip: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Check the settings.

        Raises:
            DailyConfigError: A secret is not base64, or a prefix or a SIP URI is none.
        """
        secrets = tuple(map(Secret, self.dialin_secrets))
        object.__setattr__(self, "dialin_secrets", secrets)
        for each in secrets:
            try:
                sign(b"", secret=each)
            except DailyConfigError as exc:
                msg = f"{SECRET}: each must be base64, as the hmac of a dial-in configuration is."
                raise DailyConfigError(msg) from exc
        if secrets and self.unsigned_dialin:
            msg = f"Calls are signed or not: set {SECRET}, or pass --no-dialin-secret."
            raise DailyConfigError(msg)
        prefixes = tuple(map(numbers.prefix, self.dialout_prefixes))
        object.__setattr__(self, "dialout_prefixes", prefixes)
        uris = tuple(map(numbers.sip_pattern, self.dialout_sip))
        object.__setattr__(self, "dialout_sip", uris)

    @classmethod
    def from_env(cls, env: Mapping[str, str] | None = None) -> "Phone":
        """Read the settings from the environment: several values with commas between them."""
        env = os.environ if env is None else env
        return cls(
            dialin_secrets=listed(env.get(SECRET, "")),
            unsigned_dialin=env.get(UNSIGNED, "").strip().lower() in _TRUE,
            dialout_prefixes=listed(env.get(PREFIXES, "")),
            dialout_sip=listed(env.get(SIP, "")),
        )

    @property
    def dials_out(self) -> bool:
        """Whether bots may call anybody."""
        return bool(self.dialout_prefixes or self.dialout_sip)

    def number(self, given: str) -> str:
        """Give a telephone number in E.164.

        Raises:
            DailyConfigError: It is none.
            NotAllowed: It may not be called.
        """
        number = numbers.e164(given)
        if not number.startswith(self.dialout_prefixes):
            msg = f"{number} may not be called: no prefix of {PREFIXES} fits."
            raise NotAllowed(msg)
        return number

    def sip_uri(self, given: str) -> str:
        """Give a SIP URI with its scheme and host in lower case.

        Raises:
            DailyConfigError: It is none.
            NotAllowed: It may not be called.
        """
        uri = numbers.sip_uri(given)
        address = uri.partition(";")[0].partition("?")[0]
        anybody = f"sip:*@{address.rpartition('@')[2]}"
        if not {address, anybody} & set(self.dialout_sip):
            msg = f"{address} may not be called: {SIP} does not name it."
            raise NotAllowed(msg)
        return uri
