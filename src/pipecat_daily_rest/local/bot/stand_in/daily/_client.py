# SPDX-License-Identifier: BSD-2-Clause
"""The bot's handle on a call."""

import copy
import datetime
from collections.abc import Mapping
from typing import Any

from daily._call import Call
from daily._checks import listed, need, need_participant, need_texts, plain
from daily._daily import context
from daily._elsewhere import OnDailyOnly
from daily._events import EventHandler
from daily._grammar import CLIENT_SETTINGS, ICE_CONFIG, IDS, PERMISSIONS, REMOTE
from daily._handle import Completion, nothing
from daily._hearing import Hearing
from daily._services import Services
from daily._shapes import Misfit
from daily._tracks import Tracks


class CallClient(Tracks, Hearing, Services, OnDailyOnly):
    """A participant of a call in a local room.

    No method waits for the room but `release`; what comes of it goes to the completion, on a
    thread of the call.
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
        """Join a room; here a local one, and any other is refused.

        Args:
            meeting_url: The room's URL.
            meeting_token: The token.
            client_settings: ``inputs`` and ``publishing``.
            completion: Called with the call's data and an error, one of them None.
        """
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
        """Leave; it is over once the room has taken the bot out.

        Args:
            completion: Called with an error or None.
        """
        self._call.leave(completion)

    # -- Who is there ----------------------------------------------------------------------

    def set_user_name(self, user_name: str) -> None:
        """Take a name."""
        need(user_name, str)
        self._call.rename(user_name)

    def active_speaker(self) -> dict[str, Any] | None:
        """Tell who spoke loudest last, or None."""
        return self._call.active_speaker

    def participants(self) -> dict[str, Any]:
        """Tell who is in the call, by session id; oneself is ``local``."""
        return self._call.participants

    def participant_counts(self) -> dict[str, int]:
        """Count who is in the call: ``present`` and ``hidden``."""
        return dict(self._call.counts)

    def update_remote_participants(
        self, remote_participants: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Mute or eject others or change their rights, as an owner may.

        Args:
            remote_participants: ``inputsEnabled``, ``permissions`` or ``eject`` by session id.
            completion: Called with an error or None.
        """
        call, changes = self._call, plain(remote_participants)

        async def update() -> None:
            read = REMOTE(changes)
            call.need()
            for id, change in read.items():
                if (permissions := change.get("permissions")) is not None:
                    await call.ask("permit", participant=id, permissions=permissions)
                if (switches := change.get("inputsEnabled")) is not None:
                    wanted = {name: switches.get(name) for name in ("microphone", "camera")}
                    await call.ask("mute", participant=id, **wanted)
                if change.get("eject"):
                    await call.ask("eject", participants=[id])

        call.perform("updateRemoteParticipants", update, completion)

    def eject_remote_participants(self, ids: list[str], completion: Completion = None) -> None:
        """Put others out, as an owner may.

        Args:
            ids: Their session ids.
            completion: Called with an error or None.
        """
        call, given = self._call, listed(ids)

        async def eject() -> None:
            await call.ask("eject", participants=IDS(given))

        call.perform("ejectRemoteParticipants", eject, completion)

    def update_permissions(
        self, permissions: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Change one's own rights, as an owner may.

        Args:
            permissions: Some of them.
            completion: Called with an error or None.
        """
        call, changes = self._call, plain(permissions)

        async def update() -> None:
            permissions = PERMISSIONS(changes)
            await call.ask("permit", participant=call.local["id"], permissions=permissions)

        call.perform("updatePermissions", update, completion)

    # -- Messages --------------------------------------------------------------------------

    def send_app_message(
        self, message: Any, participant_id: str | None = None, completion: Completion = None
    ) -> None:
        """Send a message.

        Args:
            message: Anything that JSON can hold but None.
            participant_id: To whom; to everybody else when None.
            completion: Called with an error or None.

        Raises:
            TypeError: JSON cannot hold it.
            ValueError: It is None, or the participant is no session id.
        """
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
        """Send a line of chat to everybody.

        Args:
            message: The line.
            user_name: Whose; the own name when None.
            completion: Called with an error or None.
        """
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
        call.perform(
            name,
            lambda: call.ask("app-message", message=message, recipient=recipient),
            completion,
        )

    # -- The network -----------------------------------------------------------------------

    def get_network_stats(self) -> dict[str, Any]:
        """Tell how good the network is; here the network is good until a test takes it away."""
        return copy.deepcopy(self._call.network)

    def set_proxy_url(self, proxy_url: str | None = None, completion: Completion = None) -> None:
        """Take a proxy. Without effect: a local room needs no proxy.

        Args:
            proxy_url: Its URL.
            completion: Called with None.
        """
        need_texts(proxy_url)
        self._call.perform("setProxyUrl", nothing, completion)

    def set_ice_config(
        self, ice_config: Mapping[str, Any] | None = None, completion: Completion = None
    ) -> None:
        """Take ICE servers. Without effect: a local room needs no ICE servers.

        Args:
            ice_config: The servers.
            completion: Called with None.
        """
        given = plain(ice_config)

        async def check() -> None:
            if ice_config is not None:
                ICE_CONFIG(given)

        self._call.perform("setIceConfig", check, completion)
