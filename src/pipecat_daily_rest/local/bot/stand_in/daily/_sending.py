# SPDX-License-Identifier: BSD-2-Clause
"""What the bot says and shows: the part of `CallClient` for its tracks."""

from collections.abc import Mapping
from typing import Any

from loguru import logger

from daily._audio_sources import CustomAudioTrack
from daily._checks import need, need_flag, plain
from daily._default_settings import MEDIA
from daily._events import EventHandler
from daily._handle import Handle, nothing
from daily._link import CallError
from daily._operations import Completion
from daily._settings_shapes import INPUTS, PUBLISHING
from daily._shapes import Misfit, Shape
from daily._video_sources import CustomVideoTrack

_MOST_NAME = 128  # bytes
_NO_VIDEO_TRACKS = (
    "custom video tracks do not work in a local room: it has one camera and one screen for each "
    "participant; send the pictures as camera or screenVideo"
)


class Sending(Handle):
    """The bot's tracks."""

    def __init__(self, event_handler: EventHandler | None) -> None:
        """Initialize a client without tracks."""
        super().__init__(event_handler)
        # Audio and video tracks by name; they keep the sources alive.
        self._custom: dict[str, CustomAudioTrack | CustomVideoTrack] = {}

    def inputs(self) -> dict[str, Any]:
        """Give the sources of the bot's tracks."""
        return self._call.media.inputs

    def update_inputs(
        self, input_settings: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Change the sources of the bot's tracks, or switch them on or off."""
        self._update_media("updateInputs", INPUTS, input_settings, completion)

    def publishing(self) -> dict[str, Any]:
        """Tell how the bot's tracks are sent."""
        return self._call.media.publishing

    def update_publishing(
        self, publishing_settings: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Change how the bot's tracks are sent."""
        self._update_media("updatePublishing", PUBLISHING, publishing_settings, completion)

    def _update_media(self, name: str, shape: Shape, given: object, completion: Completion) -> None:
        call = self._call
        try:
            changes = shape(plain(given))
        except Misfit as exc:
            self._refuse(name, str(exc), completion)
            return
        call.update_media(name, changes, completion)

    def add_custom_audio_track(
        self,
        track_name: str,
        audio_track: CustomAudioTrack,
        ignore_audio_level: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Add a track that others hear by its name and in the mix.

        `ignore_audio_level` has no effect.
        """
        name = "addCustomAudioTrack"
        self._send_track(name, track_name, audio_track, ignore_audio_level, completion)

    def update_custom_audio_track(
        self,
        track_name: str,
        audio_track: CustomAudioTrack,
        ignore_audio_level: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Replace the source of a track; `ignore_audio_level` has no effect."""
        name = "updateCustomAudioTrack"
        self._send_track(name, track_name, audio_track, ignore_audio_level, completion)

    def _send_track(
        self,
        name: str,
        track_name: str,
        audio_track: CustomAudioTrack,
        ignore_audio_level: bool | None,
        completion: Completion,
    ) -> None:
        call = self._call
        need(track_name, str)
        need(audio_track, CustomAudioTrack)
        need_flag(ignore_audio_level)
        if track_name in MEDIA or not 0 < len(track_name.encode()) <= _MOST_NAME:
            error = f"{track_name[:_MOST_NAME]!r} cannot be the name of a custom track"
            self._refuse(name, error, completion)
            return
        if not self._take_name(name, track_name, audio_track, completion):
            return
        given = {"isEnabled": True, "settings": {"customTrack": {"id": audio_track.id}}}
        call.update_media("updateInputs", {"customAudio": {track_name: given}}, completion)

    def _take_name(
        self,
        name: str,
        track_name: str,
        track: CustomAudioTrack | CustomVideoTrack,
        completion: Completion,
    ) -> bool:
        """Note a track by its name; refuse to add a second one of that name."""
        if name.startswith("add") and track_name in self._custom:
            error = f"there is a custom track {track_name!r} already: update it, or remove it first"
            self._refuse(name, error, completion)
            return False
        self._custom[track_name] = track
        return True

    def remove_custom_audio_track(self, track_name: str, completion: Completion = None) -> None:
        """Remove a track."""
        call = self._call
        need(track_name, str)
        self._custom.pop(track_name, None)
        call.media.remove(track_name)
        call.update_media("updateInputs", {}, completion)

    def add_custom_video_track(
        self, track_name: str, video_track: CustomVideoTrack, completion: Completion = None
    ) -> None:
        """Refuse, in a call; outside a call it has no effect."""
        need(track_name, str)
        need(video_track, CustomVideoTrack)
        if self._take_name("addCustomVideoTrack", track_name, video_track, completion):
            self._refuse_video("addCustomVideoTrack", track_name, completion)

    def update_custom_video_track(
        self, track_name: str, video_track: CustomVideoTrack, completion: Completion = None
    ) -> None:
        """Refuse, in a call; outside a call it has no effect."""
        need(track_name, str)
        need(video_track, CustomVideoTrack)
        self._custom[track_name] = video_track
        self._refuse_video("updateCustomVideoTrack", track_name, completion)

    def remove_custom_video_track(self, track_name: str, completion: Completion = None) -> None:
        """Do nothing. Without effect: a local room has no custom video tracks."""
        need(track_name, str)
        self._custom.pop(track_name, None)
        self._call.operations.perform("removeCustomVideoTrack", nothing, completion)

    def _refuse_video(self, name: str, track_name: str, completion: Completion) -> None:
        operations = self._call.operations

        async def refuse() -> None:
            if operations.link is not None:
                self._custom.pop(track_name, None)
                logger.warning("{}: {}", name, _NO_VIDEO_TRACKS)  # Pipecat ignores the error
                raise CallError(_NO_VIDEO_TRACKS)

        operations.perform(name, refuse, completion)
