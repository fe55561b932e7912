# SPDX-License-Identifier: BSD-2-Clause
"""The 60 operations of Daily's OpenAPI document, without its prose.

``tests/fidelity/daily_operations.json`` is what `generate` makes of the document::

    PYTHONPATH=tests/support python -m document.table ../shared/daily-api/openapi.json
"""

import json
import re
import sys
from functools import cache
from pathlib import Path
from typing import Any

TESTS = Path(__file__).parents[2]
STORED = TESTS / "fidelity" / "daily_operations.json"
OPENAPI = TESTS.parents[1] / "shared" / "daily-api" / "openapi.json"

METHODS = ("get", "post", "put", "patch", "delete")
# What a value may be. The rest is prose, and `format`, which no JSON Schema enforces.
KEPT = (
    "type", "format", "nullable", "enum", "minimum", "maximum", "minLength", "maxLength",
    "uniqueItems", "required", "properties", "additionalProperties", "items", "oneOf", "anyOf",
)  # fmt: skip


def generate(document: dict[str, Any]) -> dict[str, Any]:
    """Make the table."""
    components = document["components"]
    used: dict[str, Any] = {}

    def brief(node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in node:
            name = node["$ref"].removeprefix("#/components/schemas/")
            if name not in used:
                used[name] = {}  # for a schema that holds itself
                used[name] = brief(components["schemas"][name])
            return {"$ref": f"#/schemas/{name}"}
        kept = {key: node[key] for key in KEPT if key in node}
        if "properties" in kept:
            kept["properties"] = {name: brief(each) for name, each in kept["properties"].items()}
        for key in ("oneOf", "anyOf"):
            if key in kept:
                kept[key] = [brief(each) for each in kept[key]]
        for key in ("items", "additionalProperties"):
            if isinstance(kept.get(key), dict):
                kept[key] = brief(kept[key])
        return kept

    def answer(node: dict[str, Any]) -> dict[str, Any]:
        if "content" not in node and "$ref" in node:
            node = components["responses"][node["$ref"].rpartition("/")[2]]
        content = node.get("content", {}).get("application/json", {})
        examples = [each["value"] for each in content.get("examples", {}).values()]
        schema = brief(content.get("schema", {}))
        # An example is what there is where no member has a name.
        nameless = not schema or schema == {"type": "object", "properties": {}}
        return {"examples": examples} if nameless else {"schema": schema}

    operations = {}
    for path, item in document["paths"].items():
        for method in METHODS:
            if (operation := item.get(method)) is None:
                continue
            parameters = [*item.get("parameters", []), *operation.get("parameters", [])]
            entry: dict[str, Any] = {
                "query": {
                    each["name"]: brief(each["schema"])
                    for each in parameters
                    if each["in"] == "query"
                }
            }
            if "requestBody" in operation:
                content = operation["requestBody"]["content"]
                entry["body"] = brief(content["application/json"]["schema"])
            entry["answers"] = {
                status: answer(node) for status, node in operation["responses"].items()
            }
            operations[f"{method.upper()} {path}"] = entry
    return {"operations": operations, "schemas": dict(sorted(used.items()))}


def written(table: dict[str, Any]) -> str:
    """Give the table as its file holds it, one operation or schema on a line."""
    parts = []
    for name, entries in table.items():
        lines = ",\n".join(f"  {json.dumps(key)}: {json.dumps(entries[key])}" for key in entries)
        parts.append(f" {json.dumps(name)}: {{\n{lines}\n }}")
    return "{\n" + ",\n".join(parts) + "\n}\n"


def read() -> dict[str, Any]:
    """Read the stored table."""
    table: dict[str, Any] = json.loads(STORED.read_text())
    return table


def operation(method: str, path: str, operations: Any) -> str | None:
    """Find the operation that a request is for; a path without parameters comes first."""
    request = f"{method} {path}"
    found = [name for name in operations if _pattern(name).fullmatch(request)]
    return min(found, key=lambda name: name.count("{"), default=None)


@cache
def _pattern(operation: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\{\w+\}", "[^/]+", operation))


if __name__ == "__main__":
    STORED.write_text(written(generate(json.loads(Path(sys.argv[1]).read_text()))))
