# SPDX-License-Identifier: BSD-2-Clause
"""The surface of the ``daily`` on the path, and what it does without a call, as JSON.

``make snapshot`` installs daily-python and, with ``--write``, renews the files that the stand-in is
compared with. Without ``--write`` this prints.
"""

import inspect
import json
import os
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

FILE = Path(__file__).with_name("daily_python.json")
GRID = Path(__file__).with_name("daily_python_grid.json")


def parameters(callable_: Any) -> list[list[Any]] | None:
    """Give names, kinds and defaults; None where the compiled module has no signature."""
    try:
        signature = inspect.signature(callable_)
    except ValueError:
        return None
    found = []
    for name, parameter in signature.parameters.items():
        if name == "self":
            continue
        default: Any = parameter.default
        if default is inspect.Parameter.empty:
            default = "required"
        elif not isinstance(default, str | int | None):
            default = "..."
        found.append([name, parameter.kind.name, default])
    return found


def surface() -> dict[str, Any]:
    """Give every public name of the module, and every public member of its classes."""
    import daily
    import daily.daily

    classes = {}
    for name in sorted(daily.__all__):
        cls = getattr(daily, name)
        assert getattr(daily.daily, name) is cls
        members: dict[str, Any] = {}
        for member in sorted(dir(cls)):
            if member.startswith("_"):
                continue
            value = inspect.getattr_static(cls, member)
            if isinstance(value, cls):
                members[member] = "constant"
            elif callable(value) or isinstance(value, staticmethod):
                members[member] = parameters(getattr(cls, member))
            else:
                members[member] = "property"
        classes[name] = {"call": parameters(cls), "members": members}
    return classes


def snapshot() -> dict[str, Any]:
    """Give everything that the stand-in must have in common with daily-python."""
    import behaviour
    import daily

    facts = json.loads(json.dumps(behaviour.facts()))
    return {
        "stand_in": hasattr(daily, "__stand_in__"),
        "classes": surface(),
        "times": {name: facts["pacing"].pop(name) for name in ("at_once", "times", "blocked")},
        "behaviour": facts,
    }


if __name__ == "__main__":
    found = snapshot()
    if "--write" in sys.argv:
        import grid
        import pipecat_calls

        if found["stand_in"]:
            sys.exit("This is the stand-in: run it where daily-python is installed.")
        data = {
            "daily-python": version("daily-python"),
            "pipecat-ai": version("pipecat-ai"),
            "pipecat_calls": pipecat_calls.told(),
            "classes": found["classes"],
            "behaviour": found["behaviour"],
        }
        FILE.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
        GRID.write_text(json.dumps(grid.rows(sys.executable, dict(os.environ)), indent=0) + "\n")
    else:
        print(json.dumps(found))
