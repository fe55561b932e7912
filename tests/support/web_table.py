# SPDX-License-Identifier: BSD-2-Clause
"""Writes what a local room has of daily-js into ``docs/local-room.md``: ``make coverage``.

The actions and events are those that the tried versions of daily-js can send and handle, read from
their packages. What becomes of them is in the call machine itself.
"""

import json
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.room_page import PAGE, put

from daily_app import package
from npm import program
from pipecat_daily_rest.cli.tried import DAILY_JS
from pipecat_daily_rest.local.browser import routes

COMMAND = "make coverage (daily-js)"
_MACHINE = Path(routes.__file__).parent / "page" / "machine"

# Events that daily-js handles and that have no cause in a local room.
NEVER = {
    "active-speaker-mode-change": "only Daily's Prebuilt has this mode",
    "cpu-load-change": "the load of the computer is not measured",
    "custom-button-click": "only Daily's Prebuilt has such buttons",
    "face-counts-updated": "nothing looks for faces",
    "iframe-ready-for-launch-config": "only a room in a frame sends it: the page itself",
    "input-settings-updated": "daily-js makes it from the answer to update-input-settings",
    "lang-updated": "the language is English",
    "live-streaming-started": "a local room streams nothing",
    "live-streaming-stopped": "a local room streams nothing",
    "live-streaming-updated": "a local room streams nothing",
    "loaded": "daily-js makes it itself; only a room in a frame sends it",
    "pip-started": "only Daily's Prebuilt has picture-in-picture",
    "pip-stopped": "only Daily's Prebuilt has picture-in-picture",
    "recording-data": "a local room records on its own side",
    "recording-stats": "of a recording, bots are told",
    "recording-upload-completed": "of a recording, bots are told",
    "remote-media-player-started": "a local room plays no files",
    "remote-media-player-stopped": "a local room plays no files",
    "remote-media-player-updated": "a local room plays no files",
    "request-exit-fullscreen": "only Daily's Prebuilt asks for it",
    "request-fullscreen": "only Daily's Prebuilt asks for it",
    "show-local-video-changed": "only Daily's Prebuilt has this",
    "sidebar-view-changed": "only Daily's Prebuilt has a sidebar",
    "test-completed": "there is no network in between to test",
    "waiting-participant-updated": "who waits changes nothing until it is decided",
}

# What differs where an action works.
DIFFERS = {
    "get-calc-stats": "the figures are those of the sound",
    "get-cpu-load-stats": "always low: the load is not measured",
    "local-screen-start": "the picture without its sound",
    "set-user-data": "the others do not see it",
    "test-call-quality": "the result is always `aborted`",
    "update-participant": "an owner mutes others; who is asked to unmute is not told",
    "update-receive-settings": "remembered, without effect on the pictures",
    "update-send-settings": "remembered, without effect on the pictures",
}

TEXT = """\
## What it has of daily-js

A web app's daily-js loads a call machine from the local Daily, in place of the one from Daily. Tests
run the unmodified versions {versions}; `pipecat-daily-rest version` prints them, too.

What daily-js asks the machine for:

- **works**: as on Daily.
- **without effect**: it is accepted. Nothing in a local room would change, or only Daily's Prebuilt
  has it.
- **refused**: who waits for an answer gets this error. Else it comes as an event: `recording-error`,
  `live-streaming-error`, `transcription-error`, or `nonfatal-error` with the action as its type.

{actions}

The events that daily-js takes from the machine:

{events}
"""


@cache
def known() -> tuple[list[str], list[str]]:
    """Give the actions that some version of daily-js sends, and the events that it handles."""
    actions: set[str] = set()
    events: set[str] = set()
    for version in DAILY_JS:
        code = package(version)
        constants = dict(re.findall(r'[,\s]([\w$]{1,3})="([a-z][a-z-]+)"', code))
        sent = r'essageToCallMachine\((?:[\w$]+\()?\{action:(?:"([\w-]+)"|([\w$]+))'
        actions |= {name or constants[short] for name, short in re.findall(sent, code)}
        actions.add("transmit-log")  # it is made before it is sent
        handler = code.split('key:"handleMessageFromCallMachine"')[1].split("{key:")[0]
        cases = re.findall(r'case ?(?:"([\w-]+)"|([\w$]+)):', handler)
        events |= {name or constants[short] for name, short in cases}
    return sorted(actions), sorted(events)


@cache
def machine() -> dict[str, Any]:
    """Give the machine's own tables: ``works``, ``refused`` and ``ignored`` actions."""
    modules = tuple(f"machine/{name}" for name in ("participants", "refusals", "actions"))
    tables = "{ works: Object.keys(ACTIONS), refused: REFUSED, ignored: [...IGNORED] }"
    script = routes.joined(modules).replace(
        "})();", f"console.log(JSON.stringify({tables}));}})();"
    )
    said = subprocess.run([program("node"), "-e", script], capture_output=True, check=True)
    return dict(json.loads(said.stdout))


def emitted() -> set[str]:
    """Give the names of events that the machine's files have."""
    text = "\n".join(path.read_text() for path in _MACHINE.glob("*.js"))
    return set(re.findall(r'"([a-z]+(?:-[a-z]+)*)"', text))


def effect(action: str) -> str:
    """Say what becomes of an action."""
    tables = machine()
    if action in tables["works"]:
        return f"**works**; {DIFFERS[action]}" if action in DIFFERS else "**works**"
    if action in tables["refused"]:
        return f"**refused**: {tables['refused'][action]}"
    return "**without effect**" if action in tables["ignored"] else "missing"


def text() -> str:
    """Give this part of the page."""
    actions, events = known()
    rows = [f"| {action} | {effect(action)} |" for action in actions]
    sent = emitted()
    seen = [
        f"| {event} | {f'**never comes**: {NEVER[event]}' if event in NEVER else '**works**' if event in sent else 'missing'} |"
        for event in events
    ]
    return TEXT.format(
        versions=", ".join(DAILY_JS),
        actions="\n".join(["| action | in a local room |", "| --- | --- |", *rows]),
        events="\n".join(["| event | in a local room |", "| --- | --- |", *seen]),
    )


def written(page: str) -> str:
    """Give the page with this part of it."""
    return put(page, text(), COMMAND)


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text()))
