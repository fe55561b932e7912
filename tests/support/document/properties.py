# SPDX-License-Identifier: BSD-2-Clause
"""The properties of rooms and tokens that the document has, and values for them."""

from typing import Any

from document import table

_TABLE = table.read()
_SAMPLES = {"boolean": True, "integer": 4_000_000_000, "number": 0.25, "string": "x", "object": {}}
# Where prose of the documentation says more than the type.
_SPECIAL: dict[str, Any] = {
    "geo": "us-west-2",
    "dialout_geo": "us-west-2",
    "rtmp_geo": "us-west-2",
    "meeting_join_hook": "https://example.com/hook",
    "redirect_on_meeting_exit": "https://example.com/bye",
    "recordings_template": "{domain_name}/{epoch_time}.mp4",
    "transcription_template": "{room_name}-{epoch_time}.txt",
    "user_id": "u",
    "num_endpoints": 3,
    "force_digit_only_username": False,
    "canSend": ["video", "customAudio"],
    "canAdmin": ["participants"],
    "canReceive": {"base": False, "byUserId": {"u": True}, "byParticipantId": {}},
    "streaming_endpoints": [{"name": "a", "type": "rtmp", "rtmp_config": {"url": "rtmp://x"}}],
}


def _kinds(schema: dict[str, Any]) -> dict[str, Any]:
    schemas = _TABLE["schemas"]

    def brief(node: dict[str, Any]) -> Any:
        if "$ref" in node:
            return brief(schemas[node["$ref"].removeprefix("#/schemas/")])
        if "oneOf" in node:
            return [brief(inner) for inner in node["oneOf"]]
        if "enum" in node:
            return {"enum": node["enum"]}
        if node["type"] == "array":
            return {"array": brief(node["items"])}
        if node["type"] == "object" and "properties" in node:
            return {"object": {name: brief(inner) for name, inner in node["properties"].items()}}
        return node["type"]

    found: dict[str, Any] = brief(schema)["object"]
    return found


# The kind of each: a type's name, a list of kinds, or {"enum" | "array" | "object": …}.
KINDS = {
    "room": _kinds(_TABLE["schemas"]["room-properties"]),
    "token": _kinds(_TABLE["schemas"]["properties"]),
    "domain": _kinds(_TABLE["schemas"]["domain"]["properties"]["properties"]),
}


def samples(name: str, kind: Any) -> list[Any]:
    """Give every kind of value that the document allows."""
    if name in _SPECIAL:
        return [_SPECIAL[name]]
    if isinstance(kind, list):
        return [sample for inner in kind for sample in samples(name, inner)]
    if isinstance(kind, str):
        return [_SAMPLES[kind]]
    if "enum" in kind:
        return list(kind["enum"])
    if "array" in kind:
        return [[], samples(name, kind["array"])]
    return [{field: samples(field, inner)[-1] for field, inner in kind["object"].items()}]


def full(where: str) -> dict[str, Any]:
    """Give all properties of a room, a token or the domain at once."""
    values = {name: samples(name, kind)[-1] for name, kind in KINDS[where].items()}
    return {**values, **({"nbf": 1} if "nbf" in values else {})}  # before exp
