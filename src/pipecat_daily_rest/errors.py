# SPDX-License-Identifier: BSD-2-Clause
"""What can go wrong.

::

    DailyError
    ├── DailyConfigError                 (also ValueError)
    ├── DailyConnectionError
    │   └── DailyTimeoutError            (also TimeoutError)
    ├── DailyAPIError
    │   ├── DailyInvalidRequestError
    │   │   └── DailyRoomExistsError
    │   ├── DailyAuthenticationError
    │   ├── DailyForbiddenError
    │   ├── DailyNotFoundError
    │   ├── DailyRateLimitError
    │   └── DailyServerError
    ├── DailyResponseError
    ├── DailyBatchError
    └── BotStillRunningError             (in `pipecat_daily_rest.runner`)

Every error of this package's own is a `DailyError`. Its ``__cause__`` is a copy of the error of
aiohttp or json that led to it, without that error's frames: they hold the API key and the body of
the response.
"""

from typing import ClassVar, Protocol


class CreatedRoom(Protocol):
    """A room that was created, a `DailyRoomObject`."""

    name: str
    url: str


class DailyError(Exception):
    """The base class of every error of this package.

    Parameters:
        retryable: Whether the same request may succeed when it is sent again.
        attempts: How often the request was sent; 0 when it was not.
    """

    retryable: ClassVar[bool] = False
    attempts: int = 0

    def __reduce__(self) -> tuple[object, ...]:
        """Tell pickle to make a copy without the class's ``__init__``, which needs more arguments."""
        return _again, (type(self), self.args), self.__dict__


def _again(kind: type[DailyError], args: tuple[object, ...]) -> DailyError:
    error = kind.__new__(kind, *args)
    error.args = args  # __new__ of an OSError with an __init__ of its own does not set them
    return error


class DailyConfigError(DailyError, ValueError):
    """No key, a bad URL, a bad argument: nothing was sent."""


class DailyConnectionError(DailyError):
    """No answer: refused, reset, DNS, TLS.

    Parameters:
        sent: Whether the request may have reached Daily, so that its outcome is unknown; False
            when there was no connection.
    """

    retryable = True
    sent: bool = True


class DailyTimeoutError(DailyConnectionError, TimeoutError):
    """No answer in time."""


class DailyResponseError(DailyError):
    """An answer with a 2xx status that cannot be read."""

    retryable = True


class DailyBatchError(DailyError):
    """Not all rooms of a batch were created. ``__cause__`` is what went wrong.

    Parameters:
        created: The rooms that exist.
        uncertain: Names of rooms that may exist, or may still be created within seconds: their
            request got no answer. Either all rooms of one request exist, or none of them.
    """

    def __init__(
        self,
        message: str,
        *,
        created: tuple[CreatedRoom, ...],
        uncertain: tuple[str, ...],
    ) -> None:
        """Initialize the error.

        Args:
            message: The sentence that ``str()`` gives.
            created: The rooms that exist.
            uncertain: Names of rooms that may exist.
        """
        super().__init__(message)
        self.created = created
        self.uncertain = uncertain


class DailyAPIError(DailyError):
    """Daily answered with an error.

    Reference: https://docs.daily.co/docs/rest-api/errors

    Parameters:
        status: The HTTP status.
        code: Daily's stable error code (``error`` in the body), or "".
        info: Daily's text for people (``info`` in the body), or "".
        method: The request's HTTP method.
        path: The request's path below the API URL.
        attempts: How often the request was sent.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str = "",
        info: str = "",
        method: str = "",
        path: str = "",
        attempts: int = 1,
    ) -> None:
        """Initialize the error.

        Args:
            message: The sentence that ``str()`` gives.
            status: The HTTP status.
            code: Daily's stable error code.
            info: Daily's text for people.
            method: The request's HTTP method.
            path: The request's path below the API URL.
            attempts: How often the request was sent.
        """
        super().__init__(message)
        self.status = status
        self.code = code
        self.info = info
        self.method = method
        self.path = path
        self.attempts = attempts


class DailyInvalidRequestError(DailyAPIError):
    """400, or 422 with phone numbers: a parameter is missing or wrong."""


class DailyRoomExistsError(DailyInvalidRequestError):
    """400: a room of that name exists and is not ours."""


class DailyAuthenticationError(DailyAPIError):
    """401, or 400 ``authorization-header-error``: the API key is missing or wrong."""


class DailyForbiddenError(DailyAPIError):
    """403: the API key is valid, but not for this."""


class DailyNotFoundError(DailyAPIError):
    """404: it does not exist, or no longer exists."""


class DailyRateLimitError(DailyAPIError):
    """429: too many requests.

    Parameters:
        retry_after: Seconds that Daily asked to wait, or None when it did not say.
    """

    retryable = True
    retry_after: float | None = None


class DailyServerError(DailyAPIError):
    """5xx but 501: something failed at Daily. A 501 would fail again: it is a `DailyAPIError`."""

    retryable = True
