# SPDX-License-Identifier: BSD-2-Clause
"""Who is in a room, and what is done to them.

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
from pipecat_daily_rest.properties import DailyPermissions

# https://docs.daily.co/reference/rest-api/rooms/session/eject
_MOST_EJECTED = 100
# https://docs.daily.co/reference/rest-api/rooms/session/send-app-message
_MOST_MESSAGE = 4096  # bytes


class SessionMethods(Methods):
    """The calls in the rooms."""

    async def presence(self) -> dict[str, list[DailyPresence]]:
        """Tell who is in which room. It lags by 10 to 25 seconds.

        Reference: https://docs.daily.co/reference/rest-api/presence

        Returns:
            The participants by room name; empty rooms are not in it.

        Raises:
            DailyError: It could not be told.
        """
        what = "Unable to get the presence"
        data = await self.api.request("GET", "/presence", what=what)
        rooms = read_object(data, what=what)  # anything else does not mean that nobody is there
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
        """Tell who is in a room. It lags by 10 to 25 seconds.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/presence

        Args:
            room_name: The room's name.
            user_id: Only whose token has this ``user_id``.
            user_name: Only who has this name.
            limit: How many participants to give at most.

        Returns:
            The participants. Daily has no way to ask for those beyond a limit of its own:
            ``total_count`` tells whether there are any.

        Raises:
            DailyConfigError: An argument cannot be one.
            DailyNotFoundError: There is no such room.
            DailyError: It could not be told.
        """
        name = room_names.check(room_name)
        user_id, user_name = (
            hide_secrets(user_id, self.api.key),
            hide_secrets(user_name, self.api.key),
        )
        if limit is not None and (type(limit) is not int or limit < 1):
            msg = f"limit must be a whole number from 1, not {limit!r}."
            raise DailyConfigError(msg)
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
            query={key: value for key, value in asked.items() if value is not None},
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
        """Put people out of a room.

        It is sent once: a second time might meet somebody who has come back since.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/eject

        Args:
            room_name: The room's name.
            ids: Session ids, 100 at most.
            user_ids: The ``user_id`` of tokens, 100 at most.
            ban: Whether those ``user_ids`` may not come back while the meeting runs.

        Returns:
            The session ids of those who were put out. An id that nobody has is no error.

        Raises:
            DailyConfigError: There is nobody to put out, too many, or a ban without ``user_ids``.
            DailyNotFoundError: There is no such room, or nobody in it.
            DailyError: They could not be put out, or it is unknown whether they were.
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
            msg = "Nobody to eject: pass ids (of sessions) or user_ids (of tokens)."
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

        Whoever is not there never gets it. It is sent once.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/send-app-message

        Args:
            room_name: The room's name.
            data: The message: an object of 4 KB of JSON at most.
            recipient: A session id; everybody when ``*``.

        Raises:
            DailyConfigError: The message is no object, no JSON or too long, or an argument cannot
                be one.
            DailyNotFoundError: There is no such room.
            DailyError: It could not be sent, or it is unknown whether it was.
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
        """Give what the running meeting keeps for everybody in it.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/get-session-data

        Args:
            room_name: The room's name.

        Returns:
            The data.

        Raises:
            DailyNotFoundError: There is no such room.
            DailyError: It could not be told.
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
        """Change what the running meeting keeps for everybody in it; it ends with the meeting.

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/set-session-data

        Args:
            room_name: The room's name.
            data: An object; empty when None.
            merge_strategy: ``replace`` sets all of it, ``shallow-merge`` the keys that are given.
            keys_to_delete: Keys that go; with ``shallow-merge`` only.

        Raises:
            DailyConfigError: The data is no object or no JSON, or keys are to go from what is
                replaced.
            DailyNotFoundError: There is no such room.
            DailyError: It could not be changed.
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
        """Change what people in a room may do, from now on. What is not named stays as it is.

        For instance::

            await helper.update_permissions("demo", {session_id: {"canSend": ["audio"]}})

        Reference: https://docs.daily.co/reference/rest-api/rooms/session/update-permissions

        Args:
            room_name: The room's name.
            permissions: What changes, by session id; ``*`` is for all who are not named.

        Raises:
            DailyConfigError: There is nothing to change.
            DailyNotFoundError: There is no such room, or nobody in it.
            DailyError: It could not be changed.
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
