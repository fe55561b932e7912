# SPDX-License-Identifier: BSD-2-Clause
"""Calls out of a room, and calls that come in.

Reference: https://docs.daily.co/docs/guides/features/dial-in-dial-out
"""

from collections.abc import Mapping
from typing import Any

from pipecat_daily_rest._core import arguments, room_names
from pipecat_daily_rest._http.retry import Repeat
from pipecat_daily_rest._rest import phone_checks as checks
from pipecat_daily_rest._rest.endpoints.base import Methods
from pipecat_daily_rest.answers.answer import read_member
from pipecat_daily_rest.errors import DailyConfigError, DailyNotFoundError
from pipecat_daily_rest.models.lenient import without_nulls


class PhoneMethods(Methods):
    """Calls between rooms and telephones.

    What would ring twice, press keys twice or transfer twice is not sent again after a lost
    response: the error then says that its outcome is unknown.
    """

    async def start_dialout(
        self,
        room_name: str,
        *,
        phone_number: str | None = None,
        sip_uri: str | None = None,
        display_name: str | None = None,
        user_id: str | None = None,
        caller_id: str | None = None,
        extension: str | None = None,
        wait_before_extension_dial_sec: int | None = None,
        video: bool | None = None,
        video_settings: Mapping[str, int] | None = None,
        codecs: Mapping[str, list[str]] | None = None,
    ) -> str:
        """Call a telephone or a SIP address into a room.

        The room needs ``enable_dialout``, and a participant unless its ``dialout_config`` has
        ``allow_room_start``.

        Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out/start

        Args:
            room_name: The room's name.
            phone_number: The number, in E.164; either this or ``sip_uri``.
            sip_uri: The SIP URI, beginning with ``sip:``.
            display_name: The name that the others see.
            user_id: The user id of the called participant, 36 characters at most.
            caller_id: Id of the purchased number that the called party sees.
            extension: What is dialled after the number has answered, 20 characters at most.
            wait_before_extension_dial_sec: Seconds before the extension is dialled, from 0 to 60.
            video: Whether SIP video is on; with ``sip_uri`` only.
            video_settings: ``width``, ``height``, ``fps`` and ``videoBitrate`` (kbit/s).
            codecs: Codecs by kind, as ``{"audio": ["OPUS"]}``.

        Returns:
            The session id of the call, which is the participant's in the room.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyError: The call was not started, or it is unknown whether it was.
        """
        if (phone_number is None) == (sip_uri is None):
            msg = "pass phone_number or sip_uri: start_dialout calls one of the two."
            raise DailyConfigError(msg)
        if phone_number is not None:
            checks.number("phone_number", phone_number)
            if video or video_settings:
                msg = "video goes with sip_uri only: a telephone has no video."
                raise DailyConfigError(msg)
        else:
            checks.sip_uri("sip_uri", sip_uri)
            if extension is not None:
                msg = "extension goes with phone_number only."
                raise DailyConfigError(msg)
        body = {
            "phoneNumber": phone_number,
            "sipUri": sip_uri,
            "displayName": arguments.text("display_name", display_name),
            "userId": arguments.user_id(user_id),
            "callerId": arguments.text("caller_id", caller_id),
            **_extension(extension, wait_before_extension_dial_sec),
            "video": arguments.flag("video", video),
            "videoSettings": None
            if video_settings is None
            else arguments.json_object("video_settings", video_settings),
            "codecs": None if codecs is None else arguments.json_object("codecs", codecs),
        }
        what = f"Unable to dial out of room {room_names.check(room_name)!r}"
        data = await self._call(room_name, "dialOut/start", what, body)
        return read_member(data, "sessionId", str, what=what)

    async def stop_dialout(self, room_name: str, session_id: str) -> bool:
        """End an outgoing call. That it has ended already is a success.

        Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out/stop

        Args:
            room_name: The room's name.
            session_id: The call's session id.

        Returns:
            True: the call has ended, or ends now.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyError: Daily did not end it.
        """
        what = f"Unable to stop a dial-out of room {room_names.check(room_name)!r}"
        body = {"sessionId": checks.session(session_id)}
        try:
            await self._call(room_name, "dialOut/stop", what, body, repeat=Repeat.SAFE)
        except DailyNotFoundError:
            pass
        return True

    async def send_dtmf(
        self, room_name: str, session_id: str, tones: str, *, digit_duration_ms: int | None = None
    ) -> None:
        """Send DTMF tones to a telephone that was called.

        Reference: https://docs.daily.co/reference/rest-api/rooms/dial-out/send-dtmf

        Args:
            room_name: The room's name.
            session_id: The call's session id.
            tones: 1 to 20 of the tones 0-9, ``*``, ``#``, A-D.
            digit_duration_ms: Milliseconds of each tone, from 50 to 2000; 500, Daily's default, when
                None.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyError: They were not sent, or it is unknown whether they were.
        """
        body = {
            "sessionId": checks.session(session_id),
            "tones": checks.tones(tones),
            "digitDurationMs": arguments.whole("digit_duration_ms", digit_duration_ms, 50, 2000),
        }
        what = f"Unable to send tones from room {room_names.check(room_name)!r}"
        await self._call(room_name, "dialOut/sendDTMF", what, body)

    async def sip_call_transfer(
        self,
        room_name: str,
        session_id: str,
        to: str,
        *,
        caller_id: str | None = None,
        extension: str | None = None,
        wait_before_extension_dial_sec: int | None = None,
    ) -> None:
        """Transfer a call to another number or SIP URI; it leaves the room.

        Reference: https://docs.daily.co/reference/rest-api/rooms/sip-call-transfer

        Args:
            room_name: The room's name.
            session_id: The call's session id.
            to: The number in E.164, or the SIP URI (``toEndPoint``).
            caller_id: Id of the purchased number that the other party sees.
            extension: What is dialled after the number has answered, 20 characters at most.
            wait_before_extension_dial_sec: Seconds before the extension is dialled, from 0 to 60.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyError: It was not transferred, or it is unknown whether it was.
        """
        body = {
            "sessionId": checks.session(session_id),
            "toEndPoint": checks.endpoint("to", to),
            "callerId": arguments.text("caller_id", caller_id),
            **_extension(extension, wait_before_extension_dial_sec),
        }
        what = f"Unable to transfer a call of room {room_names.check(room_name)!r}"
        await self._call(room_name, "sipCallTransfer", what, body)

    async def sip_refer(self, room_name: str, session_id: str, to: str) -> None:
        """Refer a SIP call to an endpoint outside of Daily; it leaves the room.

        Reference: https://docs.daily.co/reference/rest-api/rooms/sip-refer

        Args:
            room_name: The room's name.
            session_id: The call's session id.
            to: The SIP URI or the number in E.164 (``toEndPoint``).

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyError: It was not referred, or it is unknown whether it was.
        """
        body = {
            "sessionId": checks.session(session_id),
            "toEndPoint": checks.endpoint("to", to),
        }
        what = f"Unable to refer a call of room {room_names.check(room_name)!r}"
        await self._call(room_name, "sipRefer", what, body)

    async def pinless_call_update(self, *, call_id: str, call_domain: str, sip_uri: str) -> None:
        """Connect an incoming call, which hears hold music, with a room.

        The room must be ready: a participant is in it and has got ``on_dialin_ready``.

        Reference: https://docs.daily.co/reference/rest-api/dial-in/pinless-update

        Args:
            call_id: `DialinCall.call_id` of the webhook.
            call_domain: `DialinCall.call_domain` of the webhook.
            sip_uri: The room's SIP URI, as `ProvisionedRoom.sip_endpoint`.

        Raises:
            DailyConfigError: An argument has the wrong type or value.
            DailyError: It was not connected, or it is unknown whether it was.
        """
        for field, value in (("call_id", call_id), ("call_domain", call_domain)):
            checks.from_webhook(field, value)
        checks.sip_uri("sip_uri", sip_uri)
        body = {"callId": call_id, "callDomain": call_domain, "sipUri": sip_uri}
        await self.api.request(
            "POST",
            "/dialin/pinlessCallUpdate",
            what="Unable to connect the call",
            json=body,
            repeat=Repeat.UNSENT,
        )

    async def _call(
        self,
        room_name: str,
        path: str,
        what: str,
        body: dict[str, Any],
        *,
        repeat: Repeat = Repeat.UNSENT,
    ) -> Any:
        return await self.api.request(
            "POST",
            f"/rooms/{room_names.check(room_name)}/{path}",
            what=what,
            json=without_nulls(body),
            repeat=repeat,
        )


def _extension(extension: str | None, wait: int | None) -> dict[str, Any]:
    return {
        "extension": checks.extension(extension),
        "waitBeforeExtensionDialSec": arguments.whole(
            "wait_before_extension_dial_sec", wait, 0, 60
        ),
    }
