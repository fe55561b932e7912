# SPDX-License-Identifier: BSD-2-Clause
"""Where Daily's OpenAPI document is wrong, or says less than Daily does, and what holds instead.

A gap names operations by a pattern, the part of them that it is about, and the place in that
part's schema: the names of members, ``[]`` for the items of an array, ``*`` for members of any
name. `test_document.py` proves that each of them still meets something.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

Schema = dict[str, Any]

ANY: Schema = {}
STRING: Schema = {"type": "string"}
NUMBER: Schema = {"type": "number"}
SAID = {"enum": [True, "true"]}

# Daily's codes: https://docs.daily.co/docs/rest-api/errors, and `not-found`, which was measured.
CODES = (
    "authorization-header-error", "authentication-error", "forbidden-error", "json-parsing-error",
    "invalid-request-error", "not-found", "rate-limit-error", "server-error", "invalid-plan-type",
)  # fmt: skip
# Almost every operation of the document lists 200 and 400 alone; 413 is of this machine.
STATUSES = (400, 401, 403, 404, 413, 429, 500, 503)
ERROR: Schema = {
    "type": "object",
    "properties": {"error": {"enum": list(CODES)}, "info": STRING},
    "required": ["error"],
    "additionalProperties": False,
}
# What has no meaning on one machine: LocalDaily's own answer, which Daily never gives.
REFUSED: Schema = {
    "type": "object",
    "properties": {"error": {"const": "not-supported-locally"}, "info": STRING},
    "required": ["error", "info"],
    "additionalProperties": False,
}
# An expired room is not found, and deleted all the same.
DELETED_ERROR = {**ERROR, "properties": {**ERROR["properties"], "deleted": {"const": True}}}


@dataclass(frozen=True)
class Gap:
    """One gap.

    Parameters:
        why: What holds, or what shows it.
        operations: A pattern of operations, as ``POST /rooms*``.
        part: Where it is.
        at: Where in the part's schema, with dots between the steps; "" is all of it.
        put: The right schema, or what makes it from the document's.
    """

    why: str
    operations: str
    part: Literal["query", "body", "answer"]
    at: str
    put: Schema | Callable[[Schema], Schema] = field(default_factory=dict)


def partial(schema: Schema) -> Schema:
    """Nothing in it, however deep, needs to be there."""
    return {**schema, "x-partial": True}


def nullable(*names: str) -> Callable[[Schema], Schema]:
    """These members, or all of them, may be null."""

    def put(schema: Schema) -> Schema:
        members = schema["properties"]
        null = {name: {"anyOf": [members[name], {"type": "null"}]} for name in names or members}
        return {**schema, "properties": {**members, **null}}

    return put


def more(**members: Schema) -> Callable[[Schema], Schema]:
    """These members may be there as well."""

    def put(schema: Schema) -> Schema:
        seen = [*schema.get("x-optional", []), *members]
        return {**schema, "properties": {**schema["properties"], **members}, "x-optional": seen}

    return put


def either(other: Callable[[Schema], Schema]) -> Callable[[Schema], Schema]:
    """As documented, or as this makes it."""
    return lambda schema: {"anyOf": [schema, other(schema)]}


def seldom(*names: str) -> Callable[[Schema], Schema]:
    """These members are not always there."""
    return lambda schema: {**schema, "x-optional": [*schema.get("x-optional", []), *names]}


def renamed(name: str, other: str) -> Callable[[Schema], Schema]:
    """A member is called otherwise."""

    def put(schema: Schema) -> Schema:
        members = schema["properties"]
        called = {other if each == name else each: members[each] for each in members}
        return {**schema, "properties": called}

    return put


def as_config(schema: Schema) -> Schema:
    """The config of a room that is declared with the schema of the whole room."""
    config: Schema = schema["properties"]["config"]
    return config


def as_domain_config(schema: Schema) -> Schema:
    """The config of the domain: an open map; what is documented of it is as documented, or null."""
    members = {**schema["properties"], "sfu_switchover": NUMBER, "recordings_bucket": ANY}
    known = nullable()({"properties": members})["properties"]
    return {"type": "object", "patternProperties": {f"^{name}$": known[name] for name in known}}


_INSTANTS = "unix seconds that overflow int32 in 2038; fractions are accepted (FACTS 0, 3.5)"
_CONFIG = "a room's config holds what differs from the defaults (FACTS 3.1)"
_RESETS = "null resets a property (FACTS 3.4)"
_SAID = "the example shows booleans as strings: both are read (FACTS 0)"
_ROOMS = ("GET /rooms/{room_name}", "POST /rooms/{room_name}", "POST /rooms", "POST /batch/rooms")

GAPS: list[Gap] = [
    # -- What is sent ------------------------------------------------------------------------
    Gap(
        "the document has no body for it (FACTS 4)",
        "DELETE /batch/rooms",
        "body",
        "",
        {
            "type": "object",
            "properties": {"room_names": {"type": "array", "items": STRING, "maxItems": 1000}},
            "required": ["room_names"],
        },
    ),
    *(
        Gap("a bare string in the document (FACTS 0)", operation, "body", at, put)
        for operation, at in (
            ("POST /rooms", "privacy"),
            ("POST /rooms/{room_name}", "privacy"),
            ("POST /batch/rooms", "rooms.[].privacy"),
        )
        for put in ({"enum": ["public", "private"]},)
    ),
    *(
        Gap(_INSTANTS, operation, "body", f"{at}.{instant}", NUMBER)
        for operation, at in (
            ("POST /rooms", "properties"),
            ("POST /rooms/{room_name}", "properties"),
            ("POST /batch/rooms", "rooms.[].properties"),
            ("POST /meeting-tokens", "properties"),
        )
        for instant in ("exp", "nbf")
    ),
    *(
        Gap(
            "the document spells the members of hls_config as JavaScript (FACTS 3.9)",
            operation,
            "body",
            f"{at}.streaming_endpoints.[]",
            more(rtmp_config={"type": "object"}, hls_config={"type": "object"}),
        )
        for operation, at in (
            ("POST /rooms", "properties"),
            ("POST /rooms/{room_name}", "properties"),
            ("POST /batch/rooms", "rooms.[].properties"),
        )
    ),
    Gap(_RESETS, "POST /rooms/{room_name}", "body", "properties", nullable()),
    Gap(_RESETS, "POST /", "body", "properties", nullable()),
    Gap(
        "no phone_number is SIP interconnect (FACTS 7.2), as one of the examples is",
        "POST /domain-dialin-config",
        "body",
        "",
        lambda schema: {**schema, "required": ["type"]},
    ),
    # -- What is answered --------------------------------------------------------------------
    Gap(
        "answered with the room, as its example shows",
        "POST /rooms/{room_name}",
        "answer",
        "",
        {"$ref": "#/schemas/rooms-room_name-get-res"},
    ),
    Gap(
        "config is declared with the schema of the whole room (FACTS 0)",
        "POST /rooms",
        "answer",
        "config",
        as_config,
    ),
    Gap(
        "config is declared with the one property of an example",
        "GET /rooms",
        "answer",
        "data.[].config",
        {"$ref": "#/schemas/rooms-room_name-get-res/config"},
    ),
    *(
        gap
        for operation, at in (
            ("GET /rooms/{room_name}", ""),
            ("POST /rooms/{room_name}", ""),
            ("POST /rooms", ""),
            ("GET /rooms", "data.[]."),
            ("POST /batch/rooms", "[]."),
        )
        for gap in (
            Gap(_CONFIG, operation, "answer", f"{at}.config", partial),
            Gap(
                "sip comes back, since Pipecat reads it there; the document has sip_uri alone",
                operation,
                "answer",
                f"{at}.config",
                more(sip={"$ref": "#/schemas/room-properties/sip"}),
            ),
            Gap(_INSTANTS, operation, "answer", f"{at}.config.exp", NUMBER),
            Gap(_INSTANTS, operation, "answer", f"{at}.config.nbf", NUMBER),
            Gap(
                "as in what is sent (FACTS 3.9)",
                operation,
                "answer",
                f"{at}.config.streaming_endpoints.[]",
                more(rtmp_config={"type": "object"}, hls_config={"type": "object"}),
            ),
        )
    ),
    Gap(
        "perhaps wrapped as in a list (FACTS 4; a switch)",
        "POST /batch/rooms",
        "answer",
        "",
        either(
            lambda rooms: {
                "type": "object",
                "properties": {"total_count": {"type": "integer"}, "data": rooms},
            }
        ),
    ),
    Gap(
        "null without a user_id and a name, as in GET /presence (FACTS 0)",
        "GET /rooms/{room_name}/presence",
        "answer",
        "data.[]",
        nullable("userId", "userName"),
    ),
    *(
        Gap(_SAID, operation, "answer", member, SAID)
        for operation, member in (
            ("POST /rooms/{room_name}/send-app-message", "sent"),
            ("POST /rooms/{room_name}/set-session-data", "sent"),
            ("POST /rooms/{room_name}/live-streaming/*", "sent"),
            ("POST /rooms/{room_name}/transcription/*", "sent"),
            ("POST /rooms/{room_name}/dialOut/start", "ok"),
            ("POST /rooms/{room_name}/dialOut/sendDTMF", "ok"),
            ("POST /rooms/{room_name}/sipCallTransfer", "ok"),
            ("POST /rooms/{room_name}/sipRefer", "ok"),
            ("POST /dialin/pinlessCallUpdate", "ok"),
        )
    ),
    Gap(
        "any object is session data; the example shows one",
        "GET /rooms/{room_name}/get-session-data",
        "answer",
        "data",
        {"type": "object"},
    ),
    Gap(
        "a token's properties, those that it has; the document lists those of an example (FACTS 5.2)",
        "GET /meeting-tokens/{meeting_token}",
        "answer",
        "",
        {"$ref": "#/schemas/properties"},
    ),
    Gap(
        "only those that it has (FACTS 5.2)",
        "GET /meeting-tokens/{meeting_token}",
        "answer",
        "",
        partial,
    ),
    *(
        Gap(_INSTANTS, "GET /meeting-tokens/{meeting_token}", "answer", instant, NUMBER)
        for instant in ("exp", "nbf")
    ),
    *(
        Gap(
            "an open map (FACTS 6); null in an example for what is not set (a switch); as it is "
            "set, sfu_switchover may be 0.5, and a bucket has more members",
            operation,
            "answer",
            "config",
            as_domain_config,
        )
        for operation in ("GET /", "POST /")
    ),
    Gap(
        "the document repeats the meeting; its example has participants (FACTS 7)",
        "GET /meetings/{meeting}/participants",
        "answer",
        "data",
        {"$ref": "#/operations/GET /meetings/data.[].participants"},
    ),
    Gap(
        "the same object as in the list, there without participants (FACTS 7)",
        "GET /meetings/{meeting}",
        "answer",
        "",
        more(participants={"type": "array"}),
    ),
    Gap("no body is documented", "DELETE /webhooks/{id}", "answer", "", ANY),
    Gap(
        "the same object as alone; the list's own example has a duration",
        "GET /recordings",
        "answer",
        "data.[]",
        more(
            room_name=STRING,
            duration=NUMBER,
            tracks={"$ref": "#/operations/GET /recordings/{recording_id}/tracks"},
        ),
    ),
    Gap(
        "tracks are those of raw tracks, and there is no duration while it is in progress",
        "GET /recordings/{recording_id}",
        "answer",
        "",
        seldom("tracks", "duration"),
    ),
    *(
        gap
        for operation in (
            "GET /transcript/{transcriptId}",
            "DELETE /transcript/{transcriptId}",
            "GET /transcript/{transcriptId}/access-link",
        )
        for gap in (
            Gap(
                "only with a transcription_bucket, as the document says",
                operation,
                "answer",
                "",
                seldom("outParams"),
            ),
            Gap(
                "key in the example, s3key in the schema (a switch)",
                operation,
                "answer",
                "outParams",
                either(renamed("s3key", "key")),
            ),
        )
    ),
    Gap(
        "download_link in the example and on the page on links, link in the schema (a switch)",
        "GET /transcript/{transcriptId}/access-link",
        "answer",
        "",
        either(renamed("link", "download_link")),
    ),
    Gap(
        "null without an error, as the document says",
        "GET /transcript/{transcriptId}",
        "answer",
        "",
        nullable("error"),
    ),
    Gap("left out with includeLogs=false", "GET /logs", "answer", "", seldom("logs")),
    *(
        Gap(
            "null in a webhook without credentials, and before its first event; no nulls documented",
            operation,
            "answer",
            at,
            nullable("basicAuth", "lastMomentPushed"),
        )
        for operation, at in (
            ("GET /webhooks", "[]"),
            ("POST /webhooks", ""),
            ("GET /webhooks/{id}", "[]"),
            ("POST /webhooks/{id}", ""),
        )
    ),
    Gap(
        "the array around the one webhook is surely a slip (FACTS 7.1; a switch)",
        "GET /webhooks/{id}",
        "answer",
        "",
        either(lambda webhooks: dict(webhooks["items"])),
    ),
    *(
        gap
        for operation, at in (
            ("GET /domain-dialin-config", "data.[].config"),
            ("POST /domain-dialin-config", "config"),
            ("GET /domain-dialin-config/{id}", "config"),
            ("PUT /domain-dialin-config/{id}", "config"),
        )
        for gap in (
            Gap(
                "only what it has, and the type outside of it, as the examples show",
                operation,
                "answer",
                at,
                lambda schema: {**partial(schema), "required": []},
            ),
            Gap(
                "sip_uri is in the examples alone, null with pin_dialin",
                operation,
                "answer",
                at,
                more(sip_uri={"type": ["string", "null"]}),
            ),
        )
    ),
]
