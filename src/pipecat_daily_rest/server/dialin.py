# SPDX-License-Identifier: BSD-2-Clause
"""Calls that come in by phone: Daily asks for a room, and a bot waits there for the call.

Reference: https://docs.daily.co/docs/guides/features/dial-in-dial-out/sip-interconnect-pinless
"""

import hashlib

from fastapi import Request
from loguru import logger

from pipecat_daily_rest.models import DailyRoomProperties, DailyRoomSipParams
from pipecat_daily_rest.server.http_body import read_raw
from pipecat_daily_rest.server.http_errors import HTTPError
from pipecat_daily_rest.server.phone import SECRET, Phone
from pipecat_daily_rest.server.sessions import Sessions
from pipecat_daily_rest.server.start_request import StartRequest
from pipecat_daily_rest.server.this_machine import from_this_machine
from pipecat_daily_rest.webhooks import (
    DialinCall,
    WebhookProbe,
    WebhookVerificationError,
    parse_dialin,
    read_dialin,
)
from pipecat_daily_rest.webhooks.parsing import parse_probe

_CALLER = "dial-in"  # no key's digest: nobody's idempotency key is the one of a call
_LONGEST = 100  # characters of a name
_NAMELESS = "Caller"


async def read_call(request: Request, phone: Phone) -> DialinCall | WebhookProbe:
    """Read Daily's request for a room, once its signature is verified."""
    body = await read_raw(request)
    try:
        if phone.dialin_secrets:
            return _signed(body, request, phone)
        if (probe := parse_probe(body, call=True)) is not None:
            return probe
        if not (phone.unsigned_dialin or from_this_machine(request)):
            msg = (
                f"Calls are not taken, since nobody could tell who sends them: set {SECRET} to the "
                "hmac of the dial-in configuration, or pass --no-dialin-secret."
            )
            logger.error("A call was refused. {}", msg)
            raise HTTPError(403, msg, "dialin-unsigned")
        return parse_dialin(body)
    except WebhookVerificationError as exc:
        if exc.reason == "unreadable":
            raise HTTPError(400, str(exc), "invalid-call") from exc
        logger.warning("A call was refused: {}", exc)
        raise HTTPError(401, str(exc), exc.reason) from exc


def _signed(body: bytes, request: Request, phone: Phone) -> DialinCall | WebhookProbe:
    """Each dial-in configuration has its own secret: any may have signed."""
    *others, last = phone.dialin_secrets
    for secret in others:
        try:
            return read_dialin(body, request.headers, secret=secret)
        except WebhookVerificationError as exc:
            if exc.reason != "wrong-signature":
                raise
    return read_dialin(body, request.headers, secret=last)


def start_of(
    call: DialinCall, sessions: Sessions, *, agent: str | None, dials_out: bool
) -> StartRequest:
    """Make the request that starts the bot of a call.

    The body holds the account's key, by Pipecat's format: with it the bot connects the call.
    """
    helper = sessions.rooms.helper
    body = call.dialin_request(api_key=helper.daily_api_key, api_url=helper.daily_api_url)
    sip = sessions.rooms.sip or DailyRoomSipParams()
    name = "".join(filter(str.isprintable, call.From or ""))[:_LONGEST]
    room = DailyRoomProperties(
        sip=sip.model_copy(update={"display_name": name.strip() or _NAMELESS}),
        start_video_off=True,
    )
    if dials_out:
        room.enable_dialout = True
    return StartRequest(
        agent=agent,
        room=room,
        body=body.model_dump(),
        idempotency_key=hashlib.sha256(f"{call.call_domain} {call.call_id}".encode()).hexdigest(),
        caller=_CALLER,
    )
