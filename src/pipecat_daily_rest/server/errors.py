# SPDX-License-Identifier: BSD-2-Clause
"""Why a session was not started, or is not there.

::

    DailyError
    └── SessionError            .retry_after
        ├── AtCapacity          all slots are taken
        │   └── FleetFull       the fleet has as many sessions as it may have
        ├── Draining            the server is shutting down
        ├── StartConflict       the idempotency key belongs to another request
        ├── FleetUnknown        the other servers' sessions are unknown for now
        ├── StartFailed         the bot's process could not be started
        └── UnknownSession      no session has this id, or no bot this name
"""

from pipecat_daily_rest.errors import DailyError

TRY_AGAIN = 5.0  # seconds after which a full server is worth another try


class SessionError(DailyError):
    """A session was not started, or is not there.

    Parameters:
        retry_after: Seconds after which it is worth trying again; None when it is not.
    """

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        """Initialize the error.

        Args:
            message: What happened, and what to do.
            retry_after: Seconds after which it is worth trying again; None when it is not.
        """
        super().__init__(message)
        self.retry_after = retry_after


class AtCapacity(SessionError):
    """All slots are taken."""


class FleetFull(AtCapacity):
    """The fleet has as many sessions as it may have."""


class Draining(SessionError):
    """The server is shutting down and starts no more sessions."""


class FleetUnknown(SessionError):
    """What other servers of the fleet do is unknown for now."""


class StartConflict(SessionError):
    """The idempotency key was used for another request."""


class StartFailed(SessionError):
    """The bot's process could not be started."""


class UnknownSession(SessionError):
    """No session has this id, or no bot has this name."""
