# SPDX-License-Identifier: BSD-2-Clause
"""The pages of the API, one for each public module, and for the parts of the package's own names."""

import ast
import importlib
import inspect
import re
from collections.abc import Iterator
from pathlib import Path

PACKAGE = Path(__file__).parents[1] / "src" / "pipecat_daily_rest"
TOP = {
    "rooms": (
        "Rooms",
        "provisioned_room ProvisionedRoom RoomPool PoolStats owned_rooms drain_on_exit deletes_room "
        "sweep_rooms SweepReport configure DailyRoomConfig",
    ),
    "helper": ("The REST helper", "DailyRESTHelper RetryPolicy RateLimits"),
    "models": (
        "Rooms and tokens on the wire",
        "DailyRoomParams DailyRoomProperties DailyRoomSipParams DailyRoomObject "
        "RecordingsBucketConfig TranscriptionBucketConfig DailyMeetingTokenParams "
        "DailyMeetingTokenProperties",
    ),
}
MODULES = {
    "errors": "Errors",
    "properties": "Objects inside properties",
    "answers": "Daily's answers",
    "tokens": "Tokens",
    "webhooks": "Webhooks",
    "runner": "The runner",
    "server": "The session server",
    "local": "The local Daily",
    "testing": "The pytest plugin",
}
ELSEWHERE = {"DailyRoomConfig": "pipecat.runner.daily"}  # Pipecat's own
# What a page names besides what its module exports.
MORE = {
    "server": ["server.router.session_router", "server.app.create_app"],
    "tokens": ["tokens.read_token", "tokens.TokenVerificationError"],
    "local": ["local.room_handle.RoomHandle", "local.scripted.person.Scripted"],
}


def exported(module: str) -> list[str]:
    """Give the public names of a module, without importing it."""
    path = PACKAGE / module / "__init__.py"
    tree = ast.parse((path if path.exists() else PACKAGE / f"{module}.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            names: list[str] = ast.literal_eval(node.value)
            return names
    return [
        node.name
        for node in tree.body
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and not node.name.startswith("_")
    ]


def reference() -> dict[str, str]:
    """Give the pages by their names."""
    pages = {
        f"reference/{page}.md": _page(
            title, "pipecat_daily_rest", [each for each in names.split() if each not in ELSEWHERE]
        )
        for page, (title, names) in TOP.items()
    }
    for module, title in MODULES.items():
        names = [] if module == "tokens" else [f"{module}.{name}" for name in exported(module)]
        more = MORE.get(module, [])
        pages[f"reference/{module}.md"] = _page(
            title, f"pipecat_daily_rest.{module}", [*names, *more]
        )
    return pages


def names() -> Iterator[str]:
    """Give the dotted names that the pages describe."""
    for text in reference().values():
        yield from re.findall(r"^::: (\S+)$", text, re.MULTILINE)


def undocumented() -> list[str]:
    """Give the names of the reference, and of what is in their classes, that have no docstring."""
    found = []
    for name in names():
        home, _, last = name.rpartition(".")
        thing = getattr(importlib.import_module(home), last)
        found += [name] if not inspect.getdoc(thing) else []
        for member in dir(thing) if inspect.isclass(thing) else ():
            value = inspect.getattr_static(thing, member)
            value = getattr(value, "fget", getattr(value, "__func__", value))
            ours = (getattr(value, "__module__", None) or "").startswith("pipecat_daily_rest")
            if ours and not member.startswith("_") and callable(value) and not value.__doc__:
                found.append(f"{name}.{member}")
    return found


def _page(title: str, module: str, names: list[str]) -> str:
    text = f"# {title}\n\nImport from `{module}`.\n\n"
    return text + "".join(f"::: pipecat_daily_rest.{name}\n\n" for name in names)
