# SPDX-License-Identifier: BSD-2-Clause
"""Values that a schema allows, with everything in them that it lists."""

from typing import Any

TEXTS = {"date-time": "2026-01-01T00:00:00.000Z"}


def sample(schema: dict[str, Any]) -> Any:
    """Make one."""
    for many in ("anyOf", "oneOf"):
        if many in schema:
            return sample(schema[many][0])
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][0]
    match schema.get("type"):
        case "object":
            members = {name: sample(each) for name, each in schema.get("properties", {}).items()}
            any_name = schema.get("additionalProperties")
            return {**members, "any": sample(any_name)} if isinstance(any_name, dict) else members
        case "array":
            return [sample(schema.get("items", {}))]
        case "integer" | "number":
            return schema.get("minimum", 1)
        case "boolean":
            return True
    return TEXTS.get(schema.get("format", ""), "x" * schema.get("minLength", 1))
