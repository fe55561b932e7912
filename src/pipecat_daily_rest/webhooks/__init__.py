# SPDX-License-Identifier: BSD-2-Clause
"""What Daily sends to you: webhooks, and the calls that come in by phone.

::

    event = read_webhook(await request.body(), request.headers, secret=WEBHOOK_HMAC)
    match event:
        case ParticipantLeft(payload=left):
            print(f"{left.user_name} was in {left.room} for {left.duration} s")
        case WebhookEvent(type="recording.ready-to-download"):
            print(event.payload)

Respond 200 to everything that `read_webhook` returns, also to a `WebhookProbe` and to events that you
do not need, and 401 to a `WebhookVerificationError`. Daily may send an event twice and out of order:
`WebhookEvent.dedupe_key` shows which events are the same.

Imports `_core` and `errors`.

Reference: https://docs.daily.co/reference/rest-api/webhooks
"""

from pipecat_daily_rest.webhooks.events import (
    CallProblem,
    CallProblemPayload,
    CallTransferEvent,
    CallTransferPayload,
    DialinEvent,
    DialinPayload,
    DialinReady,
    DialinReadyPayload,
    DialoutEvent,
    DialoutPayload,
    MeetingEnded,
    MeetingEndedPayload,
    MeetingStarted,
    MeetingStartedPayload,
    ParticipantJoined,
    ParticipantJoinedPayload,
    ParticipantLeft,
    ParticipantLeftPayload,
    WaitingParticipantEvent,
    WebhookEvent,
)
from pipecat_daily_rest.webhooks.parsing import (
    DialinCall,
    WebhookProbe,
    WebhookVerificationError,
    parse_dialin,
    parse_webhook,
)
from pipecat_daily_rest.webhooks.signature import (
    read_dialin,
    read_webhook,
    sign,
    verify,
)

__all__ = [
    "CallProblem",
    "CallProblemPayload",
    "CallTransferEvent",
    "CallTransferPayload",
    "DialinCall",
    "DialinEvent",
    "DialinPayload",
    "DialinReady",
    "DialinReadyPayload",
    "DialoutEvent",
    "DialoutPayload",
    "MeetingEnded",
    "MeetingEndedPayload",
    "MeetingStarted",
    "MeetingStartedPayload",
    "ParticipantJoined",
    "ParticipantJoinedPayload",
    "ParticipantLeft",
    "ParticipantLeftPayload",
    "WaitingParticipantEvent",
    "WebhookEvent",
    "WebhookProbe",
    "WebhookVerificationError",
    "parse_dialin",
    "parse_webhook",
    "read_dialin",
    "read_webhook",
    "sign",
    "verify",
]
