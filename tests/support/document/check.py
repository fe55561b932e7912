# SPDX-License-Identifier: BSD-2-Clause
"""Checks requests and answers against the table, with its gaps filled.

Objects whose members the document lists may have no others, and an answer has to have all of them:
a misspelt name is noticed on both sides.
"""

from collections.abc import Iterator, Mapping
from fnmatch import fnmatchcase
from functools import cache
from typing import Any

from jsonschema import Draft202012Validator

from document import table
from document.gaps import DELETED_ERROR, ERROR, GAPS, REFUSED, STATUSES, Gap, Schema


class Document:
    """The operations of Daily's API."""

    def __init__(self) -> None:
        """Read the table and fill its gaps."""
        self._table = table.read()
        self.operations: dict[str, Any] = self._table["operations"]
        self.met: set[int] = set()  # the gaps that met something

    def find(self, method: str, path: str) -> str | None:
        """Find the operation that a request is for."""
        return table.operation(method, path, self.operations)

    @cache  # noqa: B019 - there is one document
    def body(self, operation: str) -> Schema | None:
        """Give the schema of an operation's body, None when it has none."""
        given = self.operations[operation].get("body")
        filled = self._filled(operation, "body", given and self._inlined(given))
        return filled and _strict(filled, complete=False)

    @cache  # noqa: B019 - there is one document
    def answer(self, operation: str, status: int) -> Schema | None:
        """Give the schema of an operation's answer, None when there is no such answer."""
        given = self.operations[operation]["answers"].get(str(status))
        if status == 200:
            return _strict(self._filled(operation, "answer", self._answer(given)), complete=True)
        error = DELETED_ERROR if operation == "DELETE /rooms/{room_name}" else ERROR
        if status == 501:
            return REFUSED
        if given is None:
            return error if status in STATUSES else None
        # One of its own, as those of the phone numbers, or the one of them all.
        return {"anyOf": [error, _strict(self._answer(given), complete=True)]}

    def _answer(self, given: Any) -> Schema:
        if "examples" in given:
            return _of_examples(given["examples"])
        return self._inlined(given["schema"])

    def _inlined(self, node: Any) -> Any:
        """Without references, and with null as a type of its own."""
        if isinstance(node, list):
            return [self._inlined(each) for each in node]
        if not isinstance(node, dict):
            return node
        if isinstance(node.get("$ref"), str):
            return self._inlined(self._referred(node["$ref"]))
        new = {key: self._inlined(each) for key, each in node.items() if key != "nullable"}
        return {"anyOf": [new, {"type": "null"}]} if node.get("nullable") is True else new

    def _referred(self, reference: str) -> Schema:
        """``#/schemas/<name>`` and, for the gaps, ``…/<member>`` and an answer of an operation."""
        kind, _, name = reference.removeprefix("#/").partition("/")
        if kind == "operations":
            operation, _, at = name.rpartition("/")
            return _at(self._inlined(self.operations[operation]["answers"]["200"]["schema"]), at)
        name, _, member = name.partition("/")  # no schema of the document has a slash in its name
        schema: Schema = self._table["schemas"][name]
        return schema["properties"][member] if member else schema

    def _filled(self, operation: str, part: str, schema: Any) -> Any:
        for number, gap in enumerate(GAPS):
            if gap.part == part and fnmatchcase(operation, gap.operations.replace("[", "[[]")):
                schema = _put(schema, [step for step in gap.at.split(".") if step], gap, self)
                self.met.add(number)
        return schema

    def put(self, gap: Gap, schema: Any) -> Any:
        """Fill one gap."""
        return self._inlined(gap.put(schema) if callable(gap.put) else gap.put)

    def wrong_request(
        self, method: str, path: str, query: Mapping[str, str], body: Any
    ) -> list[str]:
        """Tell what is wrong with a request."""
        operation = self.find(method, path)
        if operation is None:
            return [f"{method} {path}: no such operation"]
        known = self.operations[operation]["query"]
        found = [f"query: {name} is not documented" for name in query if name not in known]
        for name, text in query.items():
            if name in known and not _is_written(text, self._inlined(known[name])):
                found.append(f"query: {name} is {text!r}, not {known[name]}")
        schema = self.body(operation)
        if schema is None and body not in (None, {}):
            found.append("body: none is documented")
        elif schema is not None:
            found += [f"body{each}" for each in _errors(schema, {} if body is None else body)]
        return [f"{operation}, {each}" for each in found]

    def wrong_answer(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """Tell what is wrong with an answer."""
        operation = self.find(method, path)
        if operation is None:
            schema: Schema | None = ERROR if status >= 400 else None
            operation = f"{method} {path}"
        else:
            schema = self.answer(operation, status)
        if schema is None:
            return [f"{operation}: no answer with {status} is documented"]
        return [f"{operation}, {status}{each}" for each in _errors(schema, body)]


def _put(schema: Any, steps: list[str], gap: Gap, document: Document) -> Any:
    if not steps:
        return document.put(gap, schema)
    step, *rest = steps
    for many in ("anyOf", "oneOf"):
        if many in schema:
            # null has no members
            new = [
                each if each == {"type": "null"} else _put(each, steps, gap, document)
                for each in schema[many]
            ]
            return {**schema, many: new}
    if step == "[]":
        return {**schema, "items": _put(schema["items"], rest, gap, document)}
    if step == "*":
        inner = _put(schema["additionalProperties"], rest, gap, document)
        return {**schema, "additionalProperties": inner}
    members = schema["properties"]
    return {**schema, "properties": {**members, step: _put(members[step], rest, gap, document)}}


def _at(schema: Any, at: str) -> Any:
    for step in at.split("."):
        schema = schema["items"] if step == "[]" else schema["properties"][step]
    return schema


def _of_examples(values: list[Any]) -> Schema:
    """What an answer is like whose only description is an example."""
    kinds: list[tuple[type, str]] = [
        (bool, "boolean"), (int, "number"), (float, "number"), (str, "string"),
    ]  # fmt: skip
    if not values:
        return {}
    first = values[0]
    if isinstance(first, dict):
        names = dict.fromkeys(name for value in values for name in value)
        members = {
            name: _of_examples([value[name] for value in values if name in value]) for name in names
        }
        seldom = [name for name in names if any(name not in value for value in values)]
        return {"type": "object", "properties": members, "x-optional": seldom}
    if isinstance(first, list):
        return {
            "type": "array",
            "items": _of_examples([each for value in values for each in value]),
        }
    if any(value is None for value in values):
        return {}
    return {"type": next(name for kind, name in kinds if isinstance(first, kind))}


def _strict(node: Any, *, complete: bool) -> Any:
    """Only the members that are listed and, in an answer, all of them."""
    if isinstance(node, list):
        return [_strict(each, complete=complete) for each in node]
    if not isinstance(node, dict):
        return node
    complete = complete and not node.get("x-partial")
    new = {}
    for key, value in node.items():
        if key == "properties":
            new[key] = {name: _strict(each, complete=complete) for name, each in value.items()}
        elif key not in ("required", "enum", "const", "x-optional", "x-partial"):
            new[key] = _strict(value, complete=complete)
        else:
            new[key] = value
    if "properties" in node:
        new.setdefault("additionalProperties", False)
        new["type"] = "object"
        if complete:
            seldom = node.get("x-optional", [])
            new["required"] = [name for name in node["properties"] if name not in seldom]
    return new


def _is_written(text: str, schema: Schema) -> bool:
    """Whether a query's text can be of a type."""
    match schema.get("type"):
        case "integer":
            return text.lstrip("-").isdigit()
        case "boolean":
            return text in ("true", "false")
    return text in schema.get("enum", [text])


def _errors(schema: Schema, value: Any) -> Iterator[str]:
    for error in Draft202012Validator(schema).iter_errors(value):
        yield f"{error.json_path.removeprefix('$')}: {error.message}"


DOCUMENT = Document()
