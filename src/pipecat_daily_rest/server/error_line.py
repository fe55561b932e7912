# SPDX-License-Identifier: BSD-2-Clause
"""An error as a list of sessions, a report and a trace show it."""

from pipecat_daily_rest._core.secret import masked
from pipecat_daily_rest._core.settings import environment_secrets

_LINE = 300  # characters


def one_line(error: BaseException) -> str:
    """Give an error's class and words as one line without secrets."""
    name, words = type(error).__name__, str(error)
    return plain(f"{name}: {words}" if words.strip() else name)


def plain(text: str) -> str:
    """Give a text as one line without secrets."""
    text = text.encode("utf-8", "replace").decode()  # half a character cannot be sent
    return masked(" ".join(text.split()), *environment_secrets())[:_LINE]
