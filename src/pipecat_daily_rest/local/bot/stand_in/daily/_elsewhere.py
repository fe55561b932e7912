# SPDX-License-Identifier: BSD-2-Clause
"""What a local room cannot do: each is refused with a sentence, and the bot goes on."""

from collections.abc import Mapping
from typing import Any

from daily._checks import listed, need_flag, need_texts, plain
from daily._grammar import STREAM_ID, STREAM_UPDATE, STREAMING, TEXTS
from daily._handle import Completion, Handle
from daily._link import CallError
from daily._rights import may_admin
from daily._shapes import Shape

Settings = Mapping[str, Any] | None

_REASONS = {  # why not, and what of canAdmin it takes on Daily
    "Recording": ("it records nothing", "streaming"),
    "LiveStream": ("it streams nowhere", "streaming"),
}


class OnDailyOnly(Handle):
    """The part of `CallClient` that needs Daily."""

    def _cannot(
        self,
        name: str,
        completion: Completion,
        *given: tuple[Shape, Any],
        stream_id: str | None = None,
        force_new: bool | None = None,
        pair: bool = False,
    ) -> None:
        """Refuse: for what is wrong with an argument, or since there is no such thing here."""
        call = self._call
        need_texts(stream_id)
        need_flag(force_new)
        reason, task = next(why for part, why in _REASONS.items() if part.lower() in name.lower())

        async def refuse() -> None:
            for shape, value in (*given, (STREAM_ID, stream_id)):
                shape(value)
            call.need()
            error = f"{name} does not work in a local room: {reason}"
            if not may_admin(call.local["info"], task):
                error = f"{name} needs an owner's token, or the permission canAdmin: {task}"
            raise CallError(error)

        call.perform(name, refuse, completion, pair=pair)

    def add_live_streaming_endpoints(
        self, endpoints: list[str], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse."""
        self._cannot(
            "addLiveStreamingEndpoints", completion, (TEXTS, listed(endpoints)), stream_id=stream_id
        )

    def remove_live_streaming_endpoints(
        self, endpoints: list[str], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse."""
        self._cannot(
            "removeLiveStreamingEndpoints",
            completion,
            (TEXTS, listed(endpoints)),
            stream_id=stream_id,
        )

    def _cannot_stream(
        self,
        targets: list[str],
        settings: Settings,
        stream_id: str | None,
        force_new: bool | None,
        completion: Completion,
    ) -> None:
        self._cannot(
            "startLiveStream",
            completion,
            (TEXTS, listed(targets)),
            (STREAMING, plain(settings)),
            stream_id=stream_id,
            force_new=force_new,
        )

    def start_live_stream_with_endpoints(
        self,
        endpoints: list[str],
        streaming_settings: Settings = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        self._cannot_stream(endpoints, streaming_settings, stream_id, force_new, completion)

    def start_live_stream_with_rtmp_urls(
        self,
        rtmp_urls: list[str],
        streaming_settings: Settings = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        self._cannot_stream(rtmp_urls, streaming_settings, stream_id, force_new, completion)

    def start_recording(
        self,
        streaming_settings: Settings = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        self._cannot(
            "startRecording",
            completion,
            (STREAMING, plain(streaming_settings)),
            stream_id=stream_id,
            force_new=force_new,
            pair=True,
        )

    def stop_live_stream(self, stream_id: str | None = None, completion: Completion = None) -> None:
        """Refuse."""
        self._cannot("stopLiveStream", completion, stream_id=stream_id)

    def stop_recording(self, stream_id: str | None = None, completion: Completion = None) -> None:
        """Refuse."""
        self._cannot("stopRecording", completion, stream_id=stream_id)

    def update_live_stream(
        self,
        update_settings: Mapping[str, Any],
        stream_id: str | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        given = (STREAM_UPDATE, plain(update_settings))
        self._cannot("updateLiveStream", completion, given, stream_id=stream_id)

    def update_recording(
        self,
        update_settings: Mapping[str, Any],
        stream_id: str | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        given = (STREAM_UPDATE, plain(update_settings))
        self._cannot("updateRecording", completion, given, stream_id=stream_id)
