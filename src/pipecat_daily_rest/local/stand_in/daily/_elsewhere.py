# SPDX-License-Identifier: BSD-2-Clause
"""What a local room cannot do: each is refused with a sentence, and the bot goes on."""

from collections.abc import Mapping
from typing import Any

from daily._handle import Completion, Handle
from daily._rights import may_admin

Settings = Mapping[str, Any] | None

_REASONS = {  # why not, and what of canAdmin it takes on Daily
    "Recording": ("it records nothing", "streaming"),
    "LiveStream": ("it streams nowhere", "streaming"),
}


class OnDailyOnly(Handle):
    """The part of `CallClient` that needs Daily."""

    def _cannot(self, name: str, completion: Completion, *, pair: bool = False) -> None:
        reason, task = next(why for part, why in _REASONS.items() if part.lower() in name.lower())
        error = f"{name} does not work in a local room: {reason}"
        if task is not None and not may_admin(self._call.local["info"], task):
            error = f"{name} needs an owner's token, or the permission canAdmin: {task}"
        self._refuse(name, error, completion, pair=pair)

    def add_live_streaming_endpoints(
        self, endpoints: list[str], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse."""
        self._cannot("addLiveStreamingEndpoints", completion)

    def remove_live_streaming_endpoints(
        self, endpoints: list[str], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse."""
        self._cannot("removeLiveStreamingEndpoints", completion)

    def start_live_stream_with_endpoints(
        self,
        endpoints: list[str],
        streaming_settings: Settings = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        self._cannot("startLiveStream", completion)

    def start_live_stream_with_rtmp_urls(
        self,
        rtmp_urls: list[str],
        streaming_settings: Settings = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        self._cannot("startLiveStream", completion)

    def start_recording(
        self,
        streaming_settings: Settings = None,
        stream_id: str | None = None,
        force_new: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        self._cannot("startRecording", completion, pair=True)

    def stop_live_stream(self, stream_id: str | None = None, completion: Completion = None) -> None:
        """Refuse."""
        self._cannot("stopLiveStream", completion)

    def stop_recording(self, stream_id: str | None = None, completion: Completion = None) -> None:
        """Refuse."""
        self._cannot("stopRecording", completion)

    def update_live_stream(
        self,
        update_settings: Mapping[str, Any],
        stream_id: str | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        self._cannot("updateLiveStream", completion)

    def update_recording(
        self,
        update_settings: Mapping[str, Any],
        stream_id: str | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        self._cannot("updateRecording", completion)
