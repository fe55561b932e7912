# SPDX-License-Identifier: BSD-2-Clause
"""Bots that answer each other without end.

A Pipecat bot with RTVI on, the default, reads every RTVI message as a client's. Another bot's
messages (``bot-started-speaking``) are not, so that it answers with an error. The other bot answers
that with an error of its own, and so on: about 1,100 a second between two bots.
"""

import time
from collections import deque
from typing import Any
from weakref import WeakKeyDictionary, WeakSet

from loguru import logger

from pipecat_daily_rest.local.call.room import Participant, Room

_MOST = 20  # errors of RTVI that one bot may send to bots in each second

_WARNING = (
    "Local room {}: the bots in it answer each other's RTVI messages without end. Beyond {} such "
    "answers a second from one bot, other bots do not get them; people get everything. Pass "
    "enable_rtvi=False to the PipelineWorker of every bot in the room but one."
)


class RtviLoops:
    """Ends such a loop: a bot does not answer what it does not get."""

    def __init__(self) -> None:
        self._sent: WeakKeyDictionary[Participant, deque[float]] = WeakKeyDictionary()
        self._warned: WeakSet[Room] = WeakSet()

    def reaches_bots(self, sender: Participant | None, message: Any) -> bool:
        """Whether other bots get an app message: not beyond 20 RTVI errors a second from a bot."""
        if sender is None or sender.kind != "bot" or not is_error(message):
            return True
        now = time.monotonic()
        sent = self._sent.setdefault(sender, deque(maxlen=_MOST))
        if len(sent) < _MOST or now - sent[0] >= 1:
            sent.append(now)
            return True
        if sender.room not in self._warned:
            self._warned.add(sender.room)
            logger.warning(_WARNING, sender.room.name, _MOST)
        return False


def is_rtvi(message: Any) -> bool:
    """Tell whether an app message is one of RTVI."""
    # https://docs.pipecat.ai/client/rtvi-standard
    return (
        isinstance(message, dict)
        and message.get("label") == "rtvi-ai"
        and isinstance(message.get("type"), str)
    )


def is_error(message: Any) -> bool:
    """Tell whether it is an error with which RTVI answers."""
    return is_rtvi(message) and message["type"] in ("error", "error-response")
