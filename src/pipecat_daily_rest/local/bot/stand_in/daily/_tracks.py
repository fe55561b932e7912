# SPDX-License-Identifier: BSD-2-Clause
"""What the bot says and shows: the part of `CallClient` for its tracks."""

from collections.abc import Mapping
from typing import Any

from loguru import logger

from daily._checks import need, need_flag, plain
from daily._events import EventHandler
from daily._grammar import INPUTS, PUBLISHING
from daily._handle import Completion, Handle, nothing
from daily._link import CallError
from daily._pictures import CustomVideoTrack
from daily._settings import MEDIA
from daily._shapes import Misfit, Shape
from daily._sources import CustomAudioTrack

_MOST_NAME = 128  # bytes
_NO_VIDEO_TRACKS = (
    "custom video tracks do not work in a local room: it has one camera and one screen for each "
    "participant; send the pictures as camera or screenVideo"
)


class Tracks(Handle):
    """The bot's tracks."""

    def __init__(self, event_handler: EventHandler | None) -> None:
        """Initialize a client without tracks."""
        super().__init__(event_handler)
        # By name, audio and video; they keep the sources alive.
        self._custom: dict[str, CustomAudioTrack | CustomVideoTrack] = {}

    def inputs(self) -> dict[str, Any]:
        """Tell what the bot's tracks are fed from."""
        return self._call.mouth.inputs

    def update_inputs(
        self, input_settings: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Change what the bot's tracks are fed from, or switch them.

        Args:
            input_settings: By track: a switch, or ``isEnabled`` and ``settings`` with a
                ``customTrack`` or the ``deviceId`` of a virtual microphone.
            completion: Called with an error or None.
        """
        self._update_media("updateInputs", INPUTS, input_settings, completion)

    def publishing(self) -> dict[str, Any]:
        """Tell how the bot's tracks are sent."""
        return self._call.mouth.publishing

    def update_publishing(
        self, publishing_settings: Mapping[str, Any], completion: Completion = None
    ) -> None:
        """Change how the bot's tracks are sent.

        Args:
            publishing_settings: By track.
            completion: Called with an error or None.
        """
        self._update_media("updatePublishing", PUBLISHING, publishing_settings, completion)

    def _update_media(self, name: str, shape: Shape, given: Any, completion: Completion) -> None:
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
        """Add a track, which others can hear by its name, and which is part of what all hear.

        Args:
            track_name: Its name, up to 128 bytes long; none of the standard tracks'.
            audio_track: What it carries.
            ignore_audio_level: Without effect.
            completion: Called with an error or None.
        """
        self._carry("addCustomAudioTrack", track_name, audio_track, ignore_audio_level, completion)

    def update_custom_audio_track(
        self,
        track_name: str,
        audio_track: CustomAudioTrack,
        ignore_audio_level: bool | None = None,
        completion: Completion = None,
    ) -> None:
        """Let a track carry something else.

        Args:
            track_name: Its name.
            audio_track: What it carries.
            ignore_audio_level: Without effect.
            completion: Called with an error or None.
        """
        self._carry(
            "updateCustomAudioTrack", track_name, audio_track, ignore_audio_level, completion
        )

    def _carry(
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
        """Note a track by its name, which a track that is added must not share."""
        if name.startswith("add") and track_name in self._custom:
            error = f"there is a custom track {track_name!r} already: update it, or remove it first"
            self._refuse(name, error, completion)
            return False
        self._custom[track_name] = track
        return True

    def remove_custom_audio_track(self, track_name: str, completion: Completion = None) -> None:
        """Remove a track.

        Args:
            track_name: Its name.
            completion: Called with an error or None.
        """
        call = self._call
        need(track_name, str)
        self._custom.pop(track_name, None)
        call.mouth.remove(track_name)
        call.update_media("updateInputs", {}, completion)

    def add_custom_video_track(
        self, track_name: str, video_track: CustomVideoTrack, completion: Completion = None
    ) -> None:
        """Refuse, in a call; outside one it has no effect.

        Args:
            track_name: Its name.
            video_track: What it carries.
            completion: Called with an error or None.
        """
        need(track_name, str)
        need(video_track, CustomVideoTrack)
        if self._take_name("addCustomVideoTrack", track_name, video_track, completion):
            self._refuse_video("addCustomVideoTrack", track_name, completion)

    def update_custom_video_track(
        self, track_name: str, video_track: CustomVideoTrack, completion: Completion = None
    ) -> None:
        """Refuse, in a call; outside one it has no effect.

        Args:
            track_name: Its name.
            video_track: What it carries.
            completion: Called with an error or None.
        """
        need(track_name, str)
        need(video_track, CustomVideoTrack)
        self._custom[track_name] = video_track
        self._refuse_video("updateCustomVideoTrack", track_name, completion)

    def remove_custom_video_track(self, track_name: str, completion: Completion = None) -> None:
        """Do nothing. Without effect: a local room has no custom video tracks.

        Args:
            track_name: Its name.
            completion: Called with None.
        """
        need(track_name, str)
        self._custom.pop(track_name, None)
        self._call.perform("removeCustomVideoTrack", nothing, completion)

    def _refuse_video(self, name: str, track_name: str, completion: Completion) -> None:
        call = self._call

        async def refuse() -> None:
            if call.joined:
                self._custom.pop(track_name, None)
                logger.warning("{}: {}", name, _NO_VIDEO_TRACKS)  # Pipecat passes the error over
                raise CallError(_NO_VIDEO_TRACKS)

        call.perform(name, refuse, completion)
