# SPDX-License-Identifier: BSD-2-Clause
"""What a local room refuses: live streams. The bot gets an error and goes on."""

from collections.abc import Mapping
from typing import Any

from daily._checks import need_flag, need_texts, plain, plain_list
from daily._handle import Handle
from daily._link import CallError
from daily._operations import Completion
from daily._permissions import may_admin
from daily._settings_shapes import STREAM_ID, STREAM_UPDATE, STREAMING, TEXTS
from daily._shapes import Shape

Settings = Mapping[str, Any] | None


class Refused(Handle):
    """The part of `CallClient` that needs Daily's servers."""

    def _cannot(
        self,
        name: str,
        completion: Completion,
        *given: tuple[Shape, Any],
        stream_id: str | None = None,
        force_new: bool | None = None,
        pair: bool = False,
    ) -> None:
        """Refuse for a wrong argument or a missing permission, or since nothing is streamed."""
        call = self._call
        need_texts(stream_id)
        need_flag(force_new)

        async def refuse() -> None:
            for shape, value in (*given, (STREAM_ID, stream_id)):
                shape(value)
            call.operations.need_link()
            error = f"{name} does not work in a local room: it streams nowhere"
            if not may_admin(call.local["info"], "streaming"):
                error = f"{name} needs an owner's token, or the permission canAdmin: streaming"
            raise CallError(error)

        call.operations.perform(name, refuse, completion, pair=pair)

    def add_live_streaming_endpoints(
        self, endpoints: list[str], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse."""
        name, given = "addLiveStreamingEndpoints", (TEXTS, plain_list(endpoints))
        self._cannot(name, completion, given, stream_id=stream_id)

    def remove_live_streaming_endpoints(
        self, endpoints: list[str], stream_id: str | None = None, completion: Completion = None
    ) -> None:
        """Refuse."""
        name, given = "removeLiveStreamingEndpoints", (TEXTS, plain_list(endpoints))
        self._cannot(name, completion, given, stream_id=stream_id)

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
            (TEXTS, plain_list(targets)),
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

    def stop_live_stream(self, stream_id: str | None = None, completion: Completion = None) -> None:
        """Refuse."""
        self._cannot("stopLiveStream", completion, stream_id=stream_id)

    def update_live_stream(
        self,
        update_settings: Mapping[str, Any],
        stream_id: str | None = None,
        completion: Completion = None,
    ) -> None:
        """Refuse."""
        given = (STREAM_UPDATE, plain(update_settings))
        self._cannot("updateLiveStream", completion, given, stream_id=stream_id)
