# SPDX-License-Identifier: BSD-2-Clause
"""Many bots over HTTP: a session for each visitor, with a limit, a room, and one end.

Imports `_bot` and what that imports. Web frameworks are imported by `router` and `app` only.
"""

from pipecat_daily_rest.server.errors import (
    AtCapacity,
    Draining,
    FleetFull,
    FleetUnknown,
    SessionError,
    StartConflict,
    StartFailed,
    UnknownSession,
)
from pipecat_daily_rest.server.launcher import Ended, Launcher, SessionSpec
from pipecat_daily_rest.server.process_launcher import ProcessLauncher
from pipecat_daily_rest.server.report_webhook import ReportWebhook
from pipecat_daily_rest.server.session import EndReason, Session, SessionEnd, SessionState
from pipecat_daily_rest.server.sessions import Sessions
from pipecat_daily_rest.server.start_request import StartRequest
from pipecat_daily_rest.server.task_launcher import TaskLauncher

__all__ = [
    "AtCapacity",
    "Draining",
    "EndReason",
    "Ended",
    "FleetFull",
    "FleetUnknown",
    "Launcher",
    "ProcessLauncher",
    "ReportWebhook",
    "Session",
    "SessionEnd",
    "SessionError",
    "SessionSpec",
    "SessionState",
    "Sessions",
    "StartConflict",
    "StartFailed",
    "StartRequest",
    "TaskLauncher",
    "UnknownSession",
]
