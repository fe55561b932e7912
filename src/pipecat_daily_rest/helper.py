# SPDX-License-Identifier: BSD-2-Clause
"""DailyRESTHelper: one thin method per endpoint.

Reference: https://docs.daily.co/reference/rest-api
"""

import time
from collections.abc import AsyncIterator, Iterable, Mapping
from types import TracebackType
from typing import Any, Self

import aiohttp

from pipecat_daily_rest import _rooms, checks, names, settings
from pipecat_daily_rest._create import Creation
from pipecat_daily_rest._http import API, Deadline
from pipecat_daily_rest._secret import Secret, hidden, masked, secret
from pipecat_daily_rest.errors import (
    DailyConfigError,
    DailyResponseError,
)
from pipecat_daily_rest.models import (
    DailyMeetingTokenParams,
    DailyMeetingTokenProperties,
    DailyRoomObject,
    DailyRoomParams,
)
from pipecat_daily_rest.retry import Repeat, RetryPolicy

_domain_ids: dict[tuple[str, str], str] = {}


class DailyRESTHelper:
    """A client of Daily's REST API.

    A drop-in for ``pipecat.transports.daily.utils.DailyRESTHelper``. Rooms that it makes belong to
    the caller: for a room that is deleted by itself use `provisioned_room`.
    """

    def __init__(
        self,
        *,
        daily_api_key: str,
        daily_api_url: str = settings.DEFAULT_API_URL,
        aiohttp_session: aiohttp.ClientSession | None = None,
        retry: RetryPolicy | None = None,
    ) -> None:
        """Initialize the helper; nothing is opened before the first request.

        Args:
            daily_api_key: The API key.
            daily_api_url: The base URL of the API.
            aiohttp_session: A session to borrow; it is never closed here. Without one, all helpers
                of an event loop share a session, which the last of them closes.
            retry: How often and how long requests are tried.

        Raises:
            DailyConfigError: The key or the URL cannot be one.
        """
        daily_api_key = secret(daily_api_key) or ""
        self.api = API(
            api_key=daily_api_key, api_url=daily_api_url, session=aiohttp_session, policy=retry
        )
        self.aiohttp_session = aiohttp_session

    @classmethod
    def from_env(cls, *, aiohttp_session: aiohttp.ClientSession | None = None) -> Self:
        """Make a helper from ``DAILY_API_KEY`` and ``DAILY_API_URL``.

        Args:
            aiohttp_session: A session to borrow.

        Returns:
            The helper.

        Raises:
            DailyConfigError: There is no key.
        """
        return cls(
            daily_api_key=settings.api_key(),
            daily_api_url=settings.api_url(),
            aiohttp_session=aiohttp_session,
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
        """Give the shared session back. A session that was passed in is left alone."""
        await self.api.aclose()

    async def warm(self) -> None:
        """Open a connection and learn the domain's id, so that the first room comes faster.

        Raises:
            DailyError: Daily cannot be reached, or refuses the key.
        """
        await self.domain_id()

    async def request(
        self,
        method: str,
        path: str,
        *,
        json: Any = None,
        query: Mapping[str, str] | None = None,
        deadline: float | None = None,
    ) -> Any:
        """Send any request of Daily's API that has no method of its own.

        A POST is sent again only when the first surely had no effect; others whenever no good
        answer came.

        Args:
            method: The HTTP method.
            path: Below the API URL, as ``/recordings``.
            json: The body.
            query: The query.
            deadline: Seconds for all attempts together; the retry policy's when None.

        Returns:
            The answer's JSON.

        Raises:
            DailyError: No good answer came.
        """
        path, json = hidden(path, self.api.key), hidden(json, self.api.key)
        if not path.startswith("/") or "?" in path or "#" in path or ".." in path.split("/"):
            msg = f"path {masked(path, self.api.key)!r} must begin with a slash and hold no query: pass that as query=…."
            raise DailyConfigError(msg)
        method = method.upper()
        return await self.api.request(
            method,
            path,
            what=masked(f"{method} {path}", self.api.key),
            json=json,
            query=query,
            repeat=Repeat.UNSENT if method == "POST" else Repeat.SAFE,
            deadline=Deadline(deadline) if deadline is not None else None,
        )

    def get_name_from_url(self, room_url: str) -> str:
        """Take the room's name from its URL.

        Args:
            room_url: As ``https://x.daily.co/room``.

        Returns:
            The room's name.

        Raises:
            DailyConfigError: It is not the URL of a room.
        """
        room_url = hidden(room_url)
        return names.from_url(room_url)

    async def get_room_from_url(self, room_url: str) -> DailyRoomObject:
        """Look a room up.

        Args:
            room_url: The room's URL.

        Returns:
            The room.

        Raises:
            DailyNotFoundError: There is none.
            DailyError: It could not be told.
        """
        room_url = hidden(room_url)
        return await _rooms.get_room(self.api, names.from_url(room_url))

    async def create_room(self, params: DailyRoomParams) -> DailyRoomObject:
        """Make a room, exactly as the parameters say.

        An answer that is lost is resolved by looking, if the parameters have a name.

        Args:
            params: The room's parameters.

        Returns:
            The room.

        Raises:
            DailyRoomExistsError: A room of that name exists.
            DailyError: It could not be made.
        """
        checks.check_room(params, now=time.time())
        return await Creation(self.api, params, minted=False).run()

    async def get_token(
        self,
        room_url: str,
        expiry_time: float = 60 * 60,
        eject_at_token_exp: bool = False,
        owner: bool = True,
        params: DailyMeetingTokenParams | None = None,
    ) -> str:
        """Make a meeting token over the API.

        Args:
            room_url: The URL of the room that it opens.
            expiry_time: Seconds that it is valid.
            eject_at_token_exp: Whether the participant is put out when it expires.
            owner: Whether the participant is an owner.
            params: Further properties; the room, the expiry, the ejection and the ownership are
                taken from the other arguments. Not changed.

        Returns:
            The token; its ``repr`` does not show it.

        Raises:
            DailyError: It could not be made.
        """
        room_url = hidden(room_url)
        given = params.properties if params is not None else DailyMeetingTokenProperties()
        properties = given.model_copy(
            deep=True,
            update={
                "room_name": names.from_url(room_url),
                "exp": int(time.time() + expiry_time),
                "eject_at_token_exp": eject_at_token_exp,
                "is_owner": owner,
            },
        )
        return await self.create_token(properties)

    async def create_token(
        self, properties: DailyMeetingTokenProperties, *, deadline: Deadline | None = None
    ) -> Secret:
        """Make a meeting token over the API, exactly as the properties say.

        Args:
            properties: The token's properties.
            deadline: When it must be over.

        Returns:
            The token.

        Raises:
            DailyError: It could not be made.
        """
        checks.check_token(properties, now=time.time())
        params = DailyMeetingTokenParams(properties=properties)
        data = await self.api.request(
            "POST",
            "/meeting-tokens",
            what="Failed to create meeting token",
            json=params.model_dump(exclude_none=True),
            deadline=deadline,
        )
        token = data.get("token") if isinstance(data, dict) else None
        if not token or not isinstance(token, str):
            msg = "Failed to create meeting token: Invalid response: no token in it."
            raise DailyResponseError(msg)
        return Secret(token)

    async def domain_id(self, *, deadline: Deadline | None = None) -> str:
        """Give the id of the key's domain; it is asked for once per API URL and key.

        Args:
            deadline: When it must be over.

        Returns:
            The id.

        Raises:
            DailyError: It could not be told.
        """
        account = (self.api.url, self.api.key)
        if account not in _domain_ids:
            what = "Unable to get the domain"
            data = await self.api.request("GET", "/", what=what, deadline=deadline)
            found = data.get("domain_id") if isinstance(data, dict) else None
            if not found or not isinstance(found, str):
                msg = f"{what}: Invalid response: no domain_id in it."
                raise DailyResponseError(msg)
            _domain_ids[account] = found
        return _domain_ids[account]

    def list_rooms(self) -> AsyncIterator[DailyRoomObject]:
        """List the rooms that exist, all pages, newest first.

        Returns:
            The rooms, to be read with ``async for``; a page that cannot be had raises a
            `DailyError` there.
        """
        return _rooms.list_rooms(self.api)

    async def presence(self) -> dict[str, list[dict[str, Any]]]:
        """Tell who is in which room. It lags by 10 to 25 seconds.

        Returns:
            The participants by room name; empty rooms are not in it.

        Raises:
            DailyError: It could not be told.
        """
        return await _rooms.presence(self.api)

    async def delete_rooms(self, room_names: Iterable[str]) -> int:
        """Delete many rooms, 1000 with each request. A request deletes all of its rooms or none.

        Args:
            room_names: The rooms' names.

        Returns:
            How many were deleted.

        Raises:
            DailyError: A request was refused, as it is when one of its rooms does not exist.
        """
        unique = dict.fromkeys(room_names)
        return await _rooms.delete_rooms(self.api, [names.check(name) for name in unique])

    async def delete_room_by_url(self, room_url: str) -> bool:
        """Delete a room.

        Args:
            room_url: The room's URL.

        Returns:
            True: the room no longer exists.

        Raises:
            DailyError: It could not be deleted.
        """
        room_url = hidden(room_url)
        return await self.delete_room_by_name(names.from_url(room_url))

    async def delete_room_by_name(self, room_name: str) -> bool:
        """Delete a room. One that is gone already is a success.

        Args:
            room_name: The room's name.

        Returns:
            True: the room no longer exists.

        Raises:
            DailyError: It could not be deleted.
        """
        await _rooms.delete_room(self.api, names.check(room_name))
        return True
