# SPDX-License-Identifier: BSD-2-Clause
"""DailyRESTHelper: one thin method per endpoint.

Reference: https://docs.daily.co/reference/rest-api
"""

from collections.abc import Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from pipecat_daily_rest._core import arguments, settings
from pipecat_daily_rest._core.deadline import Deadline
from pipecat_daily_rest._core.secret import masked, secret
from pipecat_daily_rest._http.api import API
from pipecat_daily_rest._http.rates import RateLimits
from pipecat_daily_rest._http.retry import Repeat, RetryPolicy
from pipecat_daily_rest._rest import raw_request
from pipecat_daily_rest._rest.domain_id import ask_for_domain_id
from pipecat_daily_rest._rest.endpoints.dialin import DialinMethods
from pipecat_daily_rest._rest.endpoints.domain import DomainMethods
from pipecat_daily_rest._rest.endpoints.meetings import MeetingMethods
from pipecat_daily_rest._rest.endpoints.numbers import NumberMethods
from pipecat_daily_rest._rest.endpoints.phone import PhoneMethods
from pipecat_daily_rest._rest.endpoints.rooms import RoomMethods
from pipecat_daily_rest._rest.endpoints.session import SessionMethods
from pipecat_daily_rest._rest.endpoints.stored import StoredMethods
from pipecat_daily_rest._rest.endpoints.tokens import TokenMethods
from pipecat_daily_rest._rest.endpoints.webhooks import WebhookMethods
from pipecat_daily_rest.errors import DailyConfigError


class DailyRESTHelper(
    RoomMethods,
    SessionMethods,
    TokenMethods,
    DomainMethods,
    MeetingMethods,
    StoredMethods,
    PhoneMethods,
    NumberMethods,
    DialinMethods,
    WebhookMethods,
):
    """A client of Daily's REST API.

    A drop-in for ``pipecat.transports.daily.utils.DailyRESTHelper``. The caller has to delete the
    rooms that it creates; `provisioned_room` deletes its room by itself.
    """

    def __init__(
        self,
        *,
        daily_api_key: str,
        daily_api_url: str = settings.DEFAULT_API_URL,
        aiohttp_session: aiohttp.ClientSession | None = None,
        retry: RetryPolicy | None = None,
        pace: RateLimits | bool = True,
        trust_env: bool | None = None,
    ) -> None:
        """Initialize the helper; nothing is opened before the first request.

        Args:
            daily_api_key: The API key.
            daily_api_url: The base URL of the API.
            aiohttp_session: A session to borrow; it is never closed here. Without one, all helpers
                of an event loop share connections, which the last of them closes.
            retry: How often and how long requests are tried.
            pace: Whether requests wait until Daily's rate limits allow them. For an account whose
                limits differ from the documented ones: ``RateLimits(default=(200, 5))``.
            trust_env: Whether requests go through the proxy of ``HTTPS_PROXY``; never to this
                machine itself. ``DAILY_TRUST_ENV`` when None.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
        """
        daily_api_key = secret(daily_api_key) or ""
        if aiohttp_session is not None:
            arguments.model("aiohttp_session", aiohttp_session, aiohttp.ClientSession)
        if retry is not None:
            arguments.model("retry", retry, RetryPolicy)
        if not isinstance(pace, RateLimits | bool):
            msg = (
                "pace must be True, False or a pipecat_daily_rest.RateLimits, "
                f"not {type(pace).__name__}."
            )
            raise DailyConfigError(msg)
        if trust_env is not None:
            arguments.flag("trust_env", trust_env)
        self.api = API(
            api_key=daily_api_key,
            api_url=daily_api_url,
            session=aiohttp_session,
            policy=retry,
            pace=pace,
            trust_env=trust_env,
        )
        self.aiohttp_session = aiohttp_session

    @classmethod
    def from_env(
        cls,
        *,
        aiohttp_session: aiohttp.ClientSession | None = None,
        retry: RetryPolicy | None = None,
        pace: RateLimits | bool = True,
        trust_env: bool | None = None,
    ) -> Self:
        """Create a helper from ``DAILY_API_KEY`` and ``DAILY_API_URL``.

        Args:
            aiohttp_session: aiohttp's session to use; it is not closed here.
            retry: How often and how long requests are tried.
            pace: Whether requests wait until Daily's rate limits allow them.
            trust_env: Whether requests go through the proxy of ``HTTPS_PROXY``;
                ``DAILY_TRUST_ENV`` when None.

        Returns:
            The helper.

        Raises:
            DailyConfigError: There is no key.
        """
        return cls(
            daily_api_key=settings.api_key(),
            daily_api_url=settings.api_url(),
            aiohttp_session=aiohttp_session,
            retry=retry,
            pace=pace,
            trust_env=trust_env,
        )

    @property
    def daily_api_key(self) -> str:
        """The API key; its ``repr`` does not show it."""
        return self.api.key

    @property
    def daily_api_url(self) -> str:
        """The base URL of the API, without a trailing slash."""
        return self.api.url

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        exc_type: type[BaseException] | None,
        exc: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close its connections, unless another helper shares them or the session is borrowed."""
        await self.api.aclose()

    async def warm(self) -> None:
        """Do ahead what only the first room needs: DNS, TCP, TLS, and the domain's id.

        Then a room and its tokens need one request, on an open connection. A connection that is not
        used for 50 seconds is closed, before Daily closes it: call this again after a longer pause.
        Keep the helper open, and pass it as ``daily=``.

        Raises:
            DailyError: Daily cannot be reached, or refuses the key.
        """
        await ask_for_domain_id(self.api)

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        query: Mapping[str, Any] | None = None,
        deadline: float | None = None,
    ) -> Any:
        """Send any request of Daily's API that has no method of its own.

        A POST or PATCH is sent again only when the first attempt certainly had no effect; others
        whenever Daily gave no usable answer.

        Args:
            method: ``GET``, ``POST``, ``PUT``, ``PATCH`` or ``DELETE``.
            path: Below the API URL, as ``/webhooks/<id>``; quote an id with other characters than
                letters, digits, ``-``, ``_`` and ``.``: ``urllib.parse.quote(id, safe="")``.
            json: The body: anything that JSON can hold; none is sent when None.
            query: The query: strings, numbers and booleans; None is left out.
            deadline: Seconds for all attempts together, without the wait for Daily's rate limits;
                the retry policy's when None.

        Returns:
            The response's JSON; None for a response without a body.

        Raises:
            DailyConfigError: An argument has the wrong type or value; nothing was sent.
            DailyError: Daily gave no usable answer.
        """
        if deadline is not None:
            arguments.seconds("deadline", deadline)
        key = self.api.key
        method, path, json, query = raw_request.hide_request_secrets(
            method, path, json, query, key=key
        )
        method, texts = raw_request.checked(method, path, json, query, key=key)
        return await self.api.request(
            method,
            path,
            what=masked(f"{method} {path}", key),
            json=json,
            query=texts,
            repeat=Repeat.UNSENT if method in ("POST", "PATCH") else Repeat.SAFE,
            deadline=Deadline(deadline, stops=True) if deadline is not None else None,
        )
