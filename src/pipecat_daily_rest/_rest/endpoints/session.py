# SPDX-License-Identifier: BSD-2-Clause
"""Who is in a room; ejecting, messages, permissions and session data.

Reference: https://docs.daily.co/reference/rest-api/rooms/session
"""

import json
from collections.abc import Iterable, Mapping
from typing import Any, Literal

from pipecat_daily_rest._core import arguments, room_names
from pipecat_daily_rest._core.secret import hide_secrets
from pipecat_daily_rest._http.retry import Repeat
from pipecat_daily_rest._rest.endpoints.base import Methods
from pipecat_daily_rest.answers import DailyPresence, DailyRoomPresence
from pipecat_daily_rest.answers.answer import read_member, read_object
from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.models.lenient import without_nulls
from pipecat_daily_rest.properties import DailyPermissions

# https://docs.daily.co/reference/rest-api/rooms/session/eject
_MOST_EJECTED = 100
# https://docs.daily.co/reference/rest-api/rooms/session/send-app-message
_MOST_MESSAGE = 4096  # bytes


class SessionMethods(Methods):
    """Rooms while people are in them."""

    async def presence(self) -> dict[str, list[DailyPresence]]:
        """Tell who is in which room, 10 to 25 seconds late.

        Reference: https://docs.daily.co/reference/rest-api/presence

        Returns:
            The participants by room name; empty rooms are not in it.

        Raises:
            DailyError: Daily gave no usable answer.
        """
        what = "Unable to get the presence"
        data = await self.api.request("GET", "/presence", what=what)
        rooms = read_object(data, what=what)  # any other answer does not mean "empty"
        return {
            name: [DailyPresence.read(each, what=what) for each in people]
            for name in rooms
            if (people := read_member(rooms, name, list, what=what))
        }

    async def room_presence(
        self,
        room_name: str,
        *,
        user_id: str | None = None,
        user_name: str | None = None,
        limit: int | None = None,
    ) -> DailyRoomPresence:
        """Tell who is in a room, 10 to 25 seconds late.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/presence

        Args:
            room_name: The room's name.
            user_id: Only participants with this ``user_id`` in their tokens.
            user_name: Only participants with this name.
            limit: How many participants to give at most.

        Returns:
            The participants. Daily has a limit of its own, and no further pages: ``total_count``
            tells whether there are more.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyNotFoundError: The room does not exist.
            DailyError: Daily gave no usable answer.
        """
        name = room_names.check(room_name)
        user_id, user_name = (
            hide_secrets(user_id, self.api.key),
            hide_secrets(user_name, self.api.key),
        )
        if limit is not None:
            arguments.at_least("limit", limit, 1)
        asked = {
            "userId": arguments.text("user_id", user_id),
            "userName": arguments.text("user_name", user_name),
            "limit": None if limit is None else str(limit),
        }
        what = f"Unable to get the presence of room {name!r}"
        data = await self.api.request(
            "GET",
            f"/rooms/{name}/presence",
            what=what,
            query=without_nulls(asked),
        )
        return DailyRoomPresence.read(data, what=what)

    async def eject(
        self,
        room_name: str,
        *,
        ids: Iterable[str] = (),
        user_ids: Iterable[str] = (),
        ban: bool = False,
    ) -> list[str]:
        """Eject people from a room.

        The request is sent once: a second one could eject somebody who has come back since.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/eject

        Args:
            room_name: The room's name.
            ids: Session ids, 100 at most.
            user_ids: The ``user_id`` of tokens, 100 at most.
            ban: Whether Daily keeps these ``user_ids`` out until the meeting ends.

        Returns:
            The session ids of those whom Daily ejected. An id that nobody has is not an error.

        Raises:
            DailyConfigError: There are no ids or too many, or a ban without ``user_ids``.
            DailyNotFoundError: The room does not exist, or nobody is in it.
            DailyError: Daily did not eject them, or it is unknown whether it did.
        """
        name = room_names.check(room_name)
        body: dict[str, Any] = {}
        ids, user_ids = self._texts("ids", ids), self._texts("user_ids", user_ids)
        for field, listed in (("ids", ids), ("user_ids", user_ids)):
            if len(listed) > _MOST_EJECTED:
                msg = f"{field} has {len(listed)} entries; {_MOST_EJECTED} are allowed: eject in parts."
                raise DailyConfigError(msg)
            if listed:
                body[field] = listed
        if not body:
            msg = "Nobody to eject: pass ids (session ids) or user_ids (of tokens)."
            raise DailyConfigError(msg)
        if arguments.flag("ban", ban) and "user_ids" not in body:
            msg = "ban needs user_ids: a session id is new for each join."
            raise DailyConfigError(msg)
        if ban:
            body["ban"] = True
        what = f"Unable to eject from room {name!r}"
        data = await self.api.request(
            "POST", f"/rooms/{name}/eject", what=what, json=body, repeat=Repeat.UNSENT
        )
        return [str(id) for id in read_member(data, "ejectedIds", list, what=what)]

    async def send_app_message(
        self, room_name: str, data: Mapping[str, Any], *, recipient: str = "*"
    ) -> None:
        """Send a message to the people in a room, who get it as an ``app-message``.

        People who join later do not get it. It is sent once.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/send-app-message

        Args:
            room_name: The room's name.
            data: The message: an object of 4 KB of JSON at most.
            recipient: A session id; everybody when ``*``.

        Raises:
            DailyConfigError: The message is not an object, not JSON or too long, or another argument
                is not a string.
            DailyNotFoundError: The room does not exist.
            DailyError: Daily did not send it, or it is unknown whether it did.
        """
        name = room_names.check(room_name)
        data, recipient = hide_secrets(data, self.api.key), hide_secrets(recipient, self.api.key)
        message = arguments.json_object("data", data)
        size = len(json.dumps(message, separators=(",", ":"), ensure_ascii=False).encode())
        if size > _MOST_MESSAGE:
            msg = f"data has {size} bytes as JSON; {_MOST_MESSAGE} are allowed."
            raise DailyConfigError(msg)
        await self.api.request(
            "POST",
            f"/rooms/{name}/send-app-message",
            what=f"Unable to send a message to room {name!r}",
            json={"data": message, "recipient": arguments.text("recipient", recipient)},
            repeat=Repeat.UNSENT,
        )

    async def get_session_data(self, room_name: str) -> dict[str, Any]:
        """Give the session data of the running meeting, which all in it share.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/get-session-data

        Args:
            room_name: The room's name.

        Returns:
            The data.

        Raises:
            DailyNotFoundError: The room does not exist.
            DailyError: Daily gave no usable answer.
        """
        name = room_names.check(room_name)
        what = f"Unable to get the session data of room {name!r}"
        data = await self.api.request("GET", f"/rooms/{name}/get-session-data", what=what)
        if isinstance(data, dict) and data.get("data") is None:
            return {}
        return read_member(data, "data", dict, what=what)

    async def set_session_data(
        self,
        room_name: str,
        data: Mapping[str, Any] | None = None,
        *,
        merge_strategy: Literal["replace", "shallow-merge"] = "replace",
        keys_to_delete: Iterable[str] = (),
    ) -> None:
        """Change the session data of the running meeting. It is gone when the meeting ends.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/set-session-data

        Args:
            room_name: The room's name.
            data: An object; empty when None.
            merge_strategy: ``replace`` sets all of it, ``shallow-merge`` the keys that are given.
            keys_to_delete: Keys to delete; with ``shallow-merge`` only.

        Raises:
            DailyConfigError: The data is not an object or not JSON, or there are ``keys_to_delete``
                without ``shallow-merge``.
            DailyNotFoundError: The room does not exist.
            DailyError: Daily did not change it.
        """
        name = room_names.check(room_name)
        data = hide_secrets(data, self.api.key)
        body: dict[str, Any] = {"data": arguments.json_object("data", {} if data is None else data)}
        keys_to_delete = deleted = self._texts("keys_to_delete", keys_to_delete)
        if deleted and merge_strategy != "shallow-merge":
            msg = "keys_to_delete goes with merge_strategy='shallow-merge': replacing deletes all."
            raise DailyConfigError(msg)
        body["mergeStrategy"] = arguments.one_of(
            "merge_strategy", merge_strategy, "replace", "shallow-merge"
        )
        if deleted:
            body["keysToDelete"] = deleted
        what = f"Unable to set the session data of room {name!r}"
        await self.api.request("POST", f"/rooms/{name}/set-session-data", what=what, json=body)

    async def update_permissions(
        self, room_name: str, permissions: Mapping[str, DailyPermissions]
    ) -> None:
        """Change what people in a room may do. Permissions that are not named stay as they are.

        For instance::

            await helper.update_permissions("demo", {session_id: {"canSend": ["audio"]}})

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/update-permissions

        Args:
            room_name: The room's name.
            permissions: What changes, by session id; ``*`` is for everybody who is not named.

        Raises:
            DailyConfigError: There is nothing to change.
            DailyNotFoundError: The room does not exist, or nobody is in it.
            DailyError: Daily did not change it.
        """
        name = room_names.check(room_name)
        permissions = hide_secrets(permissions, self.api.key)
        changes = arguments.json_object("permissions", permissions)
        if not changes:
            msg = "No permissions to change: pass them by session id, or by * for everybody."
            raise DailyConfigError(msg)
        what = f"Unable to update the permissions in room {name!r}"
        body = {"data": changes}
        await self.api.request("POST", f"/rooms/{name}/update-permissions", what=what, json=body)

    def _texts(self, field: str, given: Iterable[str]) -> list[str]:
        return arguments.texts(field, hide_secrets(given, self.api.key))
