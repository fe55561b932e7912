# SPDX-License-Identifier: BSD-2-Clause
"""What one Daily did otherwise than another, as lines to read."""

import json
from typing import Any

from drift.target import SIGNED, Answer, Target

# What an account's own settings fill, or nobody lists.
OPAQUE = ("config", "data.config")
# Of the network between, and of the local Daily alone.
HEADERS_PASSED_OVER = frozenset(
    name.title()
    for name in (
        "content-length", "content-type", "date", "server", "connection", "x-local-daily",
        "content-security-policy", "x-content-type-options", "referrer-policy", "cache-control",
        "cross-origin-resource-policy", "cross-origin-opener-policy", "permissions-policy",
    )
)  # fmt: skip


def shape(body: Any, at: str = "") -> dict[str, str]:
    """Tell the members of a body and their kinds, as ``{"data.id": "string"}``."""
    kinds = {dict: "object", list: "array", str: "string", bool: "boolean", type(None): "null"}
    found = {at: kinds.get(type(body), "number")}
    if at in OPAQUE:
        return found
    if isinstance(body, dict):
        for name, each in body.items():
            found |= shape(each, f"{at}.{name}" if at else name)
    elif isinstance(body, list):
        for each in body:
            found |= shape(each, at) | {at: "array"}
    return found


def differences(local: Answer, live: Answer) -> list[str]:
    """Tell how an answer differs from another one to the same question."""
    found = []
    if local.status != live.status:
        found.append(f"status: local {local.status}, live {live.status}")
    if local.code != live.code:
        found.append(f"code: local {local.code}, live {live.code}")
    if local.status == live.status < 400:
        here, there = shape(local.body), shape(live.body)
        for name in sorted(here.keys() | there.keys()):
            if any(_in_empty_list(name, each) for each in (here, there)):
                continue
            kinds = here.get(name, "absent"), there.get(name, "absent")
            if kinds[0] != kinds[1]:
                found.append(f"{name or 'the body'}: local {kinds[0]}, live {kinds[1]}")
    return [f"{live.operation}: {each}" for each in found]


def _in_empty_list(name: str, shape: dict[str, str]) -> bool:
    """Nothing can be told of the members of what a list has none of."""
    lists = [at for at, kind in shape.items() if kind == "array" and at != name]
    around = [at for at in lists if not at or name.startswith(f"{at}.")]
    return any(not any(_below(other, at) for other in shape) for at in around)


def _below(name: str, at: str) -> bool:
    return name != at and (not at or name.startswith(f"{at}."))


class Report:
    """What was found so far."""

    def __init__(self) -> None:
        self.questions = 0
        self.signed: bool | None = None
        self.drift: dict[str, list[str]] = {}
        self.switches: dict[str, tuple[Any, Any]] = {}
        self.headers: tuple[set[str], set[str]] = (set(), set())
        self.swept: list[str] = []

    def add(self, question: str, local: Target, live: Target) -> None:
        """Take in how both answered one question."""
        self.questions += 1
        self.signed = live.switches.get(SIGNED, self.signed)
        lines = []
        if len(local.answers) != len(live.answers):
            lines.append(f"{len(local.answers)} requests to local, {len(live.answers)} to live")
        # Where the course differs the reason is in what came before.
        for here, there in zip(local.answers, live.answers, strict=False):
            if here.operation == there.operation:
                lines += differences(here, there)
        self.drift[question] = list(dict.fromkeys(lines))
        for name in (local.switches.keys() | live.switches.keys()) - {SIGNED}:
            values = local.switches.get(name, "not told"), live.switches.get(name, "not told")
            self.switches[name] = values
        for target, names in zip((local, live), self.headers, strict=True):
            for answer in target.answers:
                names |= answer.headers - HEADERS_PASSED_OVER

    def lines(self) -> list[str]:
        """Give the report, the most important first."""
        told = {True: "accepted", False: "REFUSED", None: "not asked"}[self.signed]
        found = [f"a locally signed token: {told}"]
        for name, (local, live) in sorted(self.switches.items()):
            if local != live:
                default, other = json.dumps(local), json.dumps(live)
                found.append(f"switch {name}: local default {default}, live {other}")
        for question, lines in self.drift.items():
            found += [f"{question}: {line}" for line in lines]
        here, there = self.headers
        for who, names in (("local", here - there), ("live", there - here)):
            if names:
                found.append(f"headers of {who} alone: {', '.join(sorted(names))}")
        same = sum(local == live for local, live in self.switches.values())
        found.append(f"{same} of {len(self.switches)} switches as in the local Daily")
        if self.swept:
            found.append(f"{len(self.swept)} rooms of this run were left, and are deleted now")
        return found
