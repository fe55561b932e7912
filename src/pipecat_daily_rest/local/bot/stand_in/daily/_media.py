# SPDX-License-Identifier: BSD-2-Clause
"""The media of a call: the bot's inputs and tracks, and what it gets of the others'."""

import copy
import threading
from collections import deque
from collections.abc import Callable, Collection, Mapping
from typing import Any

from daily import _audio_in, _default_settings, _video_in
from daily._audio_in import AudioIn
from daily._audio_out import AudioOut
from daily._default_settings import MEDIA
from daily._link import Link
from daily._operations import Operations
from daily._speaker import speaker
from daily._threads import sockets
from daily._video_in import VideoIn
from daily._video_out import VideoOut

_GONE = 1000  # participants who have left that a call remembers


class Media:
    """The media of a call.

    Parameters:
        gone: The session ids of those who have left lately; nobody comes back with the same one.
    """

    def __init__(self, operations: Operations, present: Callable[[], Collection[str]]) -> None:
        """Initialize without tracks; `present` gives the session ids of the others."""
        self._operations = operations
        self._present = present
        self._lock = threading.RLock()
        self._inputs = _default_settings.inputs()
        self._publishing = _default_settings.publishing()
        self._audio_in, self._audio_out = AudioIn(self), AudioOut(self._say)
        self._video_in, self._video_out = VideoIn(), VideoOut(self._show)
        self._feeds: list[tuple[str, str]] = []  # that the room has been asked for
        self.gone: deque[str] = deque(maxlen=_GONE)

    # -- Out -------------------------------------------------------------------------------

    @property
    def inputs(self) -> dict[str, Any]:
        """As `CallClient.inputs` gives them."""
        with self._lock:
            return copy.deepcopy(self._inputs)

    @property
    def publishing(self) -> dict[str, Any]:
        """As `CallClient.publishing` gives them."""
        with self._lock:
            return copy.deepcopy(self._publishing)

    @property
    def tracks(self) -> dict[str, Any]:
        """As ``media`` of the local participant."""
        with self._lock:
            return _default_settings.local_media(self._inputs, self._publishing)

    @property
    def states(self) -> dict[str, Any]:
        """The state of each track, for the room."""
        tracks = self.tracks
        custom = {name: track["state"] for name, track in tracks["customAudio"].items()}
        return {**{name: tracks[name]["state"] for name in MEDIA}, "customAudio": custom}

    def update(self, name: str, changes: Mapping[str, Any]) -> None:
        """Change the inputs or the publishing settings (``updatePublishing``); tell the handler."""
        with self._lock:
            if name == "updatePublishing":
                _default_settings.merge(self._publishing, changes, _default_settings.publishing())
                self._operations.emit("on_publishing_updated", self.publishing)
                return
            _default_settings.merge(self._inputs, changes, _default_settings.inputs())
            self._audio_out.connect(self._inputs)
            self._operations.emit("on_inputs_updated", self.inputs)
        self._video_out.connect(self.inputs)

    def switch_off(self, media: Mapping[str, Any]) -> None:
        """Switch off what the room or the token switches off when a participant joins."""
        off = {
            name: {"isEnabled": False}
            for name in ("microphone", "camera")
            if "user" in media[name]["offReasons"] and self.tracks[name]["state"] != "off"
        }
        if off:
            self.update("updateInputs", off)

    def remove(self, name: str) -> None:
        """Remove a custom audio track; the next `update` takes effect."""
        with self._lock:
            self._inputs["customAudio"].pop(name, None)

    def want(self, track: str, wanted: bool) -> None:
        """Note whether somebody watches one of the bot's tracks."""
        self._video_out.want(track, wanted)

    def _say(self, track: str, samples: bytes) -> None:
        if (link := self._operations.link) is not None:
            sockets.call(link.say, track, samples)

    def _show(self, track: str, width: int, height: int, rgb: bytes) -> None:
        if (link := self._operations.link) is not None:
            sockets.call(link.show, track, width, height, rgb)

    # -- In --------------------------------------------------------------------------------

    def render_audio(
        self, id: str, callback: _audio_in.Callback, source: str, rate: int, interval_ms: int
    ) -> None:
        """Give a participant's sound to the bot, as `AudioIn.render` says."""
        self._audio_in.render(id, callback, source, rate, interval_ms)
        if id in self.gone:  # it left before the bot asked
            self._audio_in.forget(id)
        self.listen()

    def listen(self) -> None:
        """Tell the room which voices the bot wants, and whether it wants the mix."""

        async def listen() -> None:
            if self._operations.link is not None:
                voices = self._audio_in.wanted(self._present())
                await self._operations.ask("listen", voices=voices, mix=speaker.wants(self))

        self._operations.perform("listen", listen)

    def render_video(
        self, id: str, callback: _video_in.Callback, source: str, color_format: str
    ) -> None:
        """Give a participant's pictures to the bot, as `VideoIn.render` says."""
        self._video_in.render(id, callback, source, color_format)
        if id in self.gone:
            self._video_in.forget(id)
        self.look()

    def look(self) -> None:
        """Tell the room which pictures the bot wants."""

        async def look() -> None:
            feeds = self._video_in.wanted(self._present())
            if self._operations.link is not None and feeds != self._feeds:
                await self._operations.ask("look", feeds=feeds)
                self._feeds = feeds

        self._operations.perform("look", look)

    def on_sound(self, link: Link, id: str, track: str, sound: bytes) -> None:
        """Take 20 ms of a track, or of the mix."""
        if link is self._operations.link:
            self._audio_in.take(id, track, sound)

    def on_picture(self, link: Link, id: str, track: str, picture: bytes) -> None:
        """Take a picture of a track."""
        if link is self._operations.link:
            self._video_in.take(id, track, picture)

    def on_track_end(self, link: Link, id: str, track: str) -> None:
        """Note that a track has ended or pauses."""
        if link is self._operations.link:
            self._audio_in.take(id, track, None)
            self._video_in.take(id, track, None)

    # -- The end ---------------------------------------------------------------------------

    def forget(self, id: str) -> None:
        """Remove the renderers of a participant who has left."""
        self.gone.append(id)
        self._audio_in.forget(id)
        self._video_in.forget(id)

    def reset(self) -> None:
        """Forget everybody, since the call is over."""
        self._feeds = []
        self._audio_in.forget()
        self._video_in.forget()
        self._video_out.forget()

    def close(self) -> None:
        """Let go of the sources, and end the threads."""
        self._audio_out.close()
        self._video_out.close()
        self._audio_in.stop()
        self._video_in.stop()
