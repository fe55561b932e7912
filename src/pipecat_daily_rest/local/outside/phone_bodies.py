# SPDX-License-Identifier: BSD-2-Clause
"""The bodies of the requests about calls, numbers and webhooks, by their members.

Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out,
https://docs.daily.co/reference/rest-api/domainDialinConfig and
https://docs.daily.co/reference/rest-api/webhooks

These are the server's own tables, as those of the rooms are.
"""

import re
from collections.abc import Mapping

from pipecat_daily_rest.local.outside.sending import is_secret, why_not
from pipecat_daily_rest.local.outside.webhooks import CIRCUIT_BREAKER, EVENT_TYPES, EXPONENTIAL
from pipecat_daily_rest.local.rules.kinds import (
    Check,
    Wrong,
    an_object,
    array_of,
    integer,
    kind,
    one_of,
    text,
    url,
)

_BOOLEAN = kind("a boolean", lambda value: isinstance(value, bool))


def is_number(value: object) -> bool:
    """Tell whether a value is a telephone number in E.164."""
    return isinstance(value, str) and re.fullmatch(r"\+[1-9][0-9]{1,14}", value) is not None


def _is_sip(value: object) -> bool:
    return isinstance(value, str) and re.fullmatch(r"sip:[^@\s]+@[^@\s]+", value) is not None


def _reachable(name: str, value: object) -> None:
    url()(name, value)
    if (why := why_not(str(value))) is not None:
        raise Wrong(name, value, f"on this machine: {why}")


def _secret(name: str, value: object) -> None:
    if not is_secret(value):
        raise Wrong(name, "***", "base64")


_NUMBER = kind("a phone number in E.164, as +18058700061", is_number)
_SIP_URI = kind("a SIP URI that begins with sip:", _is_sip)
_ENDPOINT = kind(
    "a phone number in E.164 or a SIP URI", lambda value: is_number(value) or _is_sip(value)
)
_EXTENSION = kind(
    "a string of 1 to 20 characters", lambda value: isinstance(value, str) and 1 <= len(value) <= 20
)
_CREDENTIALS = kind("a string", lambda value: isinstance(value, str))

DIALOUT_START: Mapping[str, Check] = {
    "sipUri": _SIP_URI,
    "phoneNumber": _NUMBER,
    "extension": _EXTENSION,
    "waitBeforeExtensionDialSec": integer(0, 60),
    "displayName": text(),
    "userId": text(36),
    "callerId": text(),
    "video": _BOOLEAN,
    "videoSettings": an_object(
        width=integer(1, 1280), height=integer(1, 720), fps=integer(1, 30),
        videoBitrate=integer(1, 1000),
    ),
    "codecs": an_object(
        audio=array_of(one_of("OPUS", "G722", "PCMU", "PCMA")),
        video=array_of(one_of("H264", "VP8")),
    ),
}  # fmt: skip
DIALOUT_STOP: Mapping[str, Check] = {"sessionId": text()}
SEND_DTMF: Mapping[str, Check] = {
    "sessionId": text(),
    "tones": kind(
        "a string of 1 to 20 tones",
        lambda value: isinstance(value, str) and bool(re.fullmatch("[0-9A-D*#]{1,20}", value)),
    ),
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
    "room_creation_api": _reachable,
    "hold_music_url": url(),
    "timeout_config": an_object(message=text()),
    "ivr_greeting": an_object(message=text()),
}
DIALIN_CREATE: Mapping[str, Check] = {
    "type": one_of("pin_dialin", "pinless_dialin"),
    **DIALIN_UPDATE,
}
WEBHOOK: Mapping[str, Check] = {
    "url": _reachable,
    "basicAuth": _CREDENTIALS,
    "retryType": one_of(CIRCUIT_BREAKER, EXPONENTIAL),
    "eventTypes": array_of(one_of(*EVENT_TYPES)),
    "hmac": _secret,
}
