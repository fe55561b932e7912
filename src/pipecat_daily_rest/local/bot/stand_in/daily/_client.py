# SPDX-License-Identifier: BSD-2-Clause
"""`CallClient`: the bot's handle on a call."""

import copy
import datetime
from collections.abc import Mapping
from typing import Any

from daily._call import Call
from daily._checks import need, need_participant, need_texts, plain, plain_list
from daily._daily import context
from daily._events import EventHandler
from daily._handle import nothing
from daily._operations import Completion
from daily._receiving import Receiving
from daily._refused import Refused
from daily._sending import Sending
from daily._services import Services
from daily._settings_shapes import CLIENT_SETTINGS, ICE_CONFIG, IDS, PERMISSIONS, REMOTE
from daily._shapes import Misfit


class CallClient(Sending, Receiving, Services, Refused):
    """A participant of a call in a local room.

    No method but `release` waits for the room. Its answer goes to the completion, on a thread of
    the call: an error or None, after the result of a method that has one.
    """

    def __init__(self, event_handler: EventHandler | None = None) -> None:
        """Initialize a client that is in no call."""
        context.need()
        super().__init__(event_handler)

    # -- In and out ------------------------------------------------------------------------

    def join(
        self,
        meeting_url: str,
        meeting_token: str | None = None,
        client_settings: Mapping[str, Any] | None = None,
        completion: Completion = None,
    ) -> None:
        """Join a room; here only local rooms can be joined."""
        call = self._call
        need(meeting_url, str)
        need_texts(meeting_token)
        given = {} if client_settings is None else plain(client_settings)
        try:
            settings = CLIENT_SETTINGS(given)
        except Misfit as exc:
            self._refuse("join", f"client_settings: {exc}", completion, pair=True)
            return
        for kind in ("inputs", "publishing"):
            if kind in settings:
                call.update_media(f"update{kind.title()}", settings[kind])
        call.join(meeting_url, meeting_token, completion)

    def leave(self, completion: Completion = None) -> None:
        """Leave; complete once the room has let the bot go."""
        self._call.leave(completion)

    # -- Participants ----------------------------------------------------------------------

    def set_user_name(self, user_name: str) -> None:
        """Take a name."""
        need(user_name, str)
        self._call.rename(user_name)

    def active_speaker(self) -> dict[str, Any] | None:
        """Tell who spoke loudest last, or None."""
        return self._call.active_speaker

    def participants(self) -> dict[str, Any]:
        """Tell who is in the call, by session id; the bot is ``local``."""
        return self._call.participants

    def participant_counts(self) -> dict[str, int]:
        """Count who is in the call: ``present`` and ``hidden``."""
        return dict(self._call.counts)

    def update_remote_participants(
        self, remote_participants: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Mute or eject others or change their permissions, by session id, as an owner may."""
        operations, changes = self._call.operations, plain(remote_participants)

        async def update() -> None:
            read = REMOTE(changes)
            operations.need_link()
            for id, change in read.items():
                if (permissions := change.get("permissions")) is not None:
                    await operations.ask("permit", participant=id, permissions=permissions)
                if (switches := change.get("inputsEnabled")) is not None:
                    wanted = {name: switches.get(name) for name in ("microphone", "camera")}
                    await operations.ask("mute", participant=id, **wanted)
                if change.get("eject"):
                    await operations.ask("eject", participants=[id])

        operations.perform("updateRemoteParticipants", update, completion)

    def eject_remote_participants(self, ids: list[str], completion: Completion = None) -> None:
        """Eject others, by session id, as an owner may."""
        operations, given = self._call.operations, plain_list(ids)

        async def eject() -> None:
            await operations.ask("eject", participants=IDS(given))

        operations.perform("ejectRemoteParticipants", eject, completion)

    def update_permissions(
        self, permissions: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Change some of the bot's own permissions, as an owner may."""
        call, changes = self._call, plain(permissions)

        async def update() -> None:
            permissions = PERMISSIONS(changes)
            id = call.local["id"]
            await call.operations.ask("permit", participant=id, permissions=permissions)

        call.operations.perform("updatePermissions", update, completion)

    # -- Messages --------------------------------------------------------------------------

    def send_app_message(
        self, message: Any, participant_id: str | None = None, completion: Completion = None
    ) -> None:
        """Send a message that JSON can hold to a participant, or to everybody else."""
        call = self._call
        if message is None:
            msg = "invalid app message 'None'"
            raise ValueError(msg)
        if participant_id is not None:
            need_participant(participant_id)
        self._send("sendAppMessage", call, plain(message), participant_id, completion)

    def send_prebuilt_chat_message(
        self, message: str, user_name: str | None = None, completion: Completion = None
    ) -> None:
        """Send a line of chat to everybody, from the bot or from another name."""
        call = self._call
        need(message, str)
        need_texts(user_name)
        chat = {
            "event": "chat-msg",
            "date": datetime.datetime.now(datetime.UTC).isoformat(),
            "name": user_name if user_name is not None else call.user_name,
            "message": message,
            "room": "main-room-main",
        }
        self._send("sendPrebuiltChatMessage", call, chat, None, completion)

    def _send(
        self, name: str, call: Call, message: Any, recipient: str | None, completion: Completion
    ) -> None:
        call.operations.perform(
            name,
            lambda: call.operations.ask("app-message", message=message, recipient=recipient),
            completion,
        )

    # -- The network -----------------------------------------------------------------------

    def get_network_stats(self) -> dict[str, Any]:
        """Tell how good the network is; here the network is good until a test takes it away."""
        return copy.deepcopy(self._call.network)

    def set_proxy_url(self, proxy_url: str | None = None, completion: Completion = None) -> None:
        """Take a proxy. Without effect: a local room needs no proxy."""
        need_texts(proxy_url)
        self._call.operations.perform("setProxyUrl", nothing, completion)

    def set_ice_config(
        self, ice_config: Mapping[str, Any] | None = None, completion: Completion = None
    ) -> None:
        """Take ICE servers. Without effect: a local room needs no ICE servers."""
        given = plain(ice_config)

        async def check() -> None:
            if ice_config is not None:
                ICE_CONFIG(given)

        self._call.operations.perform("setIceConfig", check, completion)
