# SPDX-License-Identifier: BSD-2-Clause
"""A Daily that runs on this machine.

Imports nothing of the package but `errors` and the masking in `_core/secret.py`.
"""

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pipecat_daily_rest.local.call.room import JoinRefused
    from pipecat_daily_rest.local.choices import Choices
    from pipecat_daily_rest.local.rest.limits import Limits
    from pipecat_daily_rest.local.server import LocalDaily

__all__ = ["Choices", "JoinRefused", "Limits", "LocalDaily"]

# Imported at their first use: the pytest plugin needs none until a test has a fixture of its.
_LATER = {
    "Choices": "choices",
    "JoinRefused": "call.room",
    "Limits": "rest.limits",
    "LocalDaily": "server",
}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        msg = f"module {__name__!r} has no attribute {name!r}"
        raise AttributeError(msg)
    module = importlib.import_module(f"{__name__}.{_LATER[name]}")
    value = globals()[name] = getattr(module, name)
    return value


def __dir__() -> list[str]:
    return [*globals(), *_LATER]
