# SPDX-License-Identifier: BSD-2-Clause
"""The bodies of the requests about calls, numbers and webhooks, by their members.

Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out,
https://docs.daily.co/reference/rest-api/domainDialinConfig and
https://docs.daily.co/reference/rest-api/webhooks

These tables are the server's own, as in `rules.properties`.
"""

from collections.abc import Mapping

from pipecat_daily_rest.local.outside.sending import is_secret, why_not
from pipecat_daily_rest.local.outside.webhooks import CIRCUIT_BREAKER, EVENT_TYPES, EXPONENTIAL
from pipecat_daily_rest.local.rules.kinds import (
    BOOLEAN,
    Check,
    Wrong,
    an_object,
    array_of,
    integer,
    matching,
    one_of,
    text,
    url,
)
from pipecat_daily_rest.local.rules.properties import CODECS

_E164 = r"\+[1-9][0-9]{1,14}"
_SIP = r"sip:[^@\s]+@[^@\s]+"
_NUMBER = matching(_E164, "a phone number in E.164, as +18058700061")
_SIP_URI = matching(_SIP, "a SIP URI that begins with sip:")
_ENDPOINT = matching(f"{_E164}|{_SIP}", "a phone number in E.164 or a SIP URI")
_EXTENSION = matching("(?s).{1,20}", "a string of 1 to 20 characters")


def _on_this_machine(name: str, value: object) -> None:
    url()(name, value)
    if (why := why_not(str(value))) is not None:
        raise Wrong(name, value, f"on this machine: {why}")


def _secret(name: str, value: object) -> None:
    if not is_secret(value):
        raise Wrong(name, "***", "base64")


DIALOUT_START: Mapping[str, Check] = {
    "sipUri": _SIP_URI,
    "phoneNumber": _NUMBER,
    "extension": _EXTENSION,
    "waitBeforeExtensionDialSec": integer(0, 60),
    "displayName": text(),
    "userId": text(36),
    "callerId": text(),
    "video": BOOLEAN,
    "videoSettings": an_object(
        width=integer(1, 1280), height=integer(1, 720), fps=integer(1, 30),
        videoBitrate=integer(1, 1000),
    ),
    "codecs": CODECS,
}  # fmt: skip
DIALOUT_STOP: Mapping[str, Check] = {"sessionId": text()}
SEND_DTMF: Mapping[str, Check] = {
    "sessionId": text(),
    "tones": matching("[0-9A-D*#]{1,20}", "a string of 1 to 20 tones"),
    "digitDurationMs": integer(50, 2000),
}
TRANSFER: Mapping[str, Check] = {
    "sessionId": text(),
    "toEndPoint": _ENDPOINT,
    "callerId": text(),
    "extension": _EXTENSION,
    "waitBeforeExtensionDialSec": integer(0, 60),
}
REFER: Mapping[str, Check] = {"sessionId": text(), "toEndPoint": _ENDPOINT}
PINLESS_UPDATE: Mapping[str, Check] = {"callId": text(), "callDomain": text(), "sipUri": text()}
BUY_NUMBER: Mapping[str, Check] = {"number": text()}
DIALIN_UPDATE: Mapping[str, Check] = {
    "phone_number": _NUMBER,
    "name_prefix": text(),
    "hmac": _secret,
    "room_creation_api": _on_this_machine,
    "hold_music_url": url(),
    "timeout_config": an_object(message=text()),
    "ivr_greeting": an_object(message=text()),
}
DIALIN_CREATE: Mapping[str, Check] = {
    "type": one_of("pin_dialin", "pinless_dialin"),
    **DIALIN_UPDATE,
}
WEBHOOK: Mapping[str, Check] = {
    "url": _on_this_machine,
    "basicAuth": text(),
    "retryType": one_of(CIRCUIT_BREAKER, EXPONENTIAL),
    "eventTypes": array_of(one_of(*EVENT_TYPES)),
    "hmac": _secret,
}
