# SPDX-License-Identifier: BSD-2-Clause
"""What a bot says, hears, shows and sees: the part of a call for its media."""

from abc import abstractmethod
from collections import deque
from collections.abc import Mapping
from typing import Any

from daily._ears import Ears
from daily._eyes import Eyes
from daily._face import Face
from daily._link import Link
from daily._mouth import Mouth
from daily._output import output
from daily._settings import MEDIA
from daily._threads import sockets

_GONE = 1000  # that a call remembers


class Senses:
    """The media of a call.

    Parameters:
        others: Who else is in the room, by session id.
    """

    others: dict[str, dict[str, Any]]

    def __init__(self) -> None:
        """Initialize senses that reach nobody yet."""
        self.ears, self.eyes = Ears(self), Eyes()
        self.mouth, self.face = Mouth(self._say), Face(self._show)
        self._link: Link | None = None
        self._feeds: list[tuple[str, str]] = []  # that the room has been asked for
        self.gone: deque[str] = deque(maxlen=_GONE)  # who has left lately, and never comes back

    @property
    @abstractmethod
    def local(self) -> dict[str, Any]:
        """The local participant."""

    @abstractmethod
    def emit(self, event: str, *args: Any) -> None:
        """Tell the handler."""

    @abstractmethod
    def perform(self, name: str, work: Any, completion: Any = None) -> None:
        """Do something in turn, then call the completion."""

    @abstractmethod
    async def ask(self, op: str, **fields: Any) -> None:
        """Ask the room."""

    def _forget(self) -> None:
        """The call is over."""
        self._feeds = []
        self.ears.forget()
        self.eyes.forget()
        self.face.forget()

    def _close(self) -> None:
        """End the threads."""
        self.mouth.close()
        self.face.close()
        self.ears.stop()
        self.eyes.stop()

    def _say(self, track: str, samples: bytes) -> None:
        link = self._link
        if link is not None:
            sockets.call(link.say, track, samples)

    def _show(self, track: str, width: int, height: int, rgb: bytes) -> None:
        link = self._link
        if link is not None:
            sockets.call(link.show, track, width, height, rgb)

    def _media(self) -> dict[str, Any]:
        media = self.mouth.media
        custom = {name: track["state"] for name, track in media["customAudio"].items()}
        return {**{name: media[name]["state"] for name in MEDIA}, "customAudio": custom}

    def update_media(self, name: str, changes: Mapping[str, Any], completion: Any = None) -> None:
        """Change the inputs or the publishing settings, and tell everybody.

        Args:
            name: ``updateInputs`` or ``updatePublishing``.
            changes: New values.
            completion: Called with the error or None.
        """
        before = self.local
        self.emit(*self.mouth.update(name, changes))
        self.face.connect(self.mouth.inputs)
        if self.local != before:
            self.emit("on_participant_updated", self.local)

        async def tell() -> None:
            if self._link is not None:
                await self.ask("update", media=self._media())

        self.perform(name, tell, completion)

    def render(self, id: str, callback: Any, source: str, rate: int, interval_ms: int) -> None:
        """Give a participant's voice to the bot from now on, as `Ears.render` says."""
        self.ears.render(id, callback, source, rate, interval_ms)
        if id in self.gone:  # before the bot came to it
            self.ears.forget(id)
        self.listen()

    def listen(self) -> None:
        """Tell the room whose voices the bot wants, and whether it wants the mix."""

        async def listen() -> None:
            if self._link is not None:
                voices = self.ears.wanted(self.others)
                await self.ask("listen", voices=voices, mix=output.wants(self))

        self.perform("listen", listen)

    def render_video(self, id: str, callback: Any, source: str, color_format: str) -> None:
        """Give what a participant shows to the bot from now on, as `Eyes.render` says."""
        self.eyes.render(id, callback, source, color_format)
        if id in self.gone:
            self.eyes.forget(id)
        self.look()

    def look(self) -> None:
        """Tell the room whose pictures the bot wants."""

        async def look() -> None:
            if self._link is not None and (feeds := self.eyes.wanted(self.others)) != self._feeds:
                await self.ask("look", feeds=feeds)
                self._feeds = feeds

        self.perform("look", look)

    def _on_sound(self, link: Link, id: str, track: str, sound: bytes) -> None:
        if link is self._link:
            self.ears.take(id, track, sound)

    def _on_picture(self, link: Link, id: str, track: str, picture: bytes) -> None:
        if link is self._link:
            self.eyes.take(id, track, picture)

    def _on_track_end(self, link: Link, id: str, track: str) -> None:
        if link is self._link:
            self.ears.take(id, track, None)
            self.eyes.take(id, track, None)
