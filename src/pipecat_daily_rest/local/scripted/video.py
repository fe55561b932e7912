# SPDX-License-Identifier: BSD-2-Clause
"""What a participant that a test drives shows and sees."""

from collections.abc import Callable
from typing import Any, Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import fits, must_be
from pipecat_daily_rest.local.call.budget import DEFAULT
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.inbox import Waiters
from pipecat_daily_rest.local.call.pictures import Picture
from pipecat_daily_rest.local.call.room import MEDIA, Participant

Pixels: TypeAlias = NDArray[np.uint8]  # rows, columns, RGB
Colour: TypeAlias = tuple[int, int, int]
_Source: TypeAlias = Literal["camera", "screenVideo"]

_SIZE = (640, 360)  # of a picture of one colour
_NEAR = 24  # by which each of R, G and B may differ, since VP8 changes colours a little


class _Driven(Protocol):
    """What `Video` needs of the participant."""

    participant: Participant
    _calls: Calls

    @property
    def _waiters(self) -> Waiters: ...

    @property
    def _name(self) -> str: ...


class Video:
    """The part of `Scripted` for cameras and screens."""

    def shows(self: _Driven, picture: Pixels | Colour, source: str = "camera") -> None:
        """Switch the camera or the screen on, and show a picture until the next.

        Args:
            picture: Its pixels, as an array of rows, columns and RGB; or one colour, as
                ``(255, 0, 0)``.
            source: ``camera`` or ``screenVideo``.

        Raises:
            DailyConfigError: This is not a picture, or there is no such source.
            PermissionError: The room or the token does not let it send this.
        """
        me = self.participant
        must_be(_Source, source=source)
        if _is_colour(picture):
            picture = np.full((_SIZE[1], _SIZE[0], 3), picture, np.uint8)
        if (
            not isinstance(picture, np.ndarray)
            or picture.ndim != 3
            or picture.shape[2] != 3
            or picture.dtype != np.uint8
        ):
            msg = (
                "picture must be an array of rows, columns and RGB, of type uint8, or one colour, "
                "as (255, 0, 0)."
            )
            raise DailyConfigError(msg)
        if not me.may_send(MEDIA[source]):
            msg = f"the room or the token does not let it send its {source}"
            raise PermissionError(msg)
        height, width, _ = picture.shape
        shown = Picture(width, height, picture.tobytes())
        self._calls.update(me, media={source: "playable"})
        me.feeds[source].show(shown)

    def hides(self: _Driven, source: str = "camera") -> None:
        """Switch the camera or the screen off.

        Args:
            source: ``camera`` or ``screenVideo``.

        Raises:
            DailyConfigError: The argument is neither.
        """
        must_be(_Source, source=source)
        self._calls.update(self.participant, media={source: "off"})

    async def sees(
        self: _Driven,
        what: Colour | Callable[[Pixels], bool],
        *,
        of: str,
        source: str = "camera",
        timeout: float = DEFAULT,  # noqa: ASYNC109
    ) -> Pixels:
        """Look at a participant until it shows something. It gets no pictures otherwise.

        Args:
            what: The colour in the middle of the picture, roughly; or a function that tells by
                its pixels.
            of: The session id.
            source: ``camera`` or ``screenVideo``.
            timeout: Seconds to wait; 10 s, or what the ini file says.

        Returns:
            The picture that fits.

        Raises:
            LookupError: Nobody in the room has this session id.
            TimeoutError: It did not see it; says what it saw.
            DailyConfigError: An argument has the wrong type or value.
        """
        must_be(str, of=of)
        must_be(_Source, source=source)
        if not callable(what) and not _is_colour(what):
            msg = "what must be a colour, as (255, 0, 0), or a function."
            raise DailyConfigError(msg)
        other = self.participant.room.participants.get(of)
        if other is None:
            msg = f"nobody in the room has the session id {of!r}"
            raise LookupError(msg)
        seen: list[Pixels] = []

        def look(picture: Picture | None) -> None:
            seen.clear()
            if picture is None or not self._calls.may_receive(
                self.participant, other, MEDIA[source]
            ):
                return
            pixels = np.frombuffer(picture.rgb, np.uint8)
            seen.append(pixels.reshape(picture.height, picture.width, 3))
            self._waiters.wake()

        def fits(pixels: Pixels) -> bool:
            return what(pixels) if callable(what) else _differs(pixels, what) <= _NEAR

        def find() -> list[Pixels]:
            away = self.participant.outage is not None
            return [pixels for pixels in seen if fits(pixels) and not away]

        wanted = "what it should" if callable(what) else f"the colour {what}"
        other.feeds[source].look(look)
        try:
            failed = f"{self._name} did not see {wanted} in the {source} of {of}"
            found = await self._waiters.until(find, timeout, lambda: failed)
        except TimeoutError as exc:
            last = f"; it saw {_middle(seen[0])} last" if seen else "; it saw nothing"
            raise TimeoutError(f"{exc}{last}") from None
        finally:
            other.feeds[source].leave(look)
        return found[0]


def _is_colour(value: Any) -> bool:
    return fits(Colour, value) and all(0 <= part <= 255 for part in value)


def _middle(pixels: Pixels) -> Colour:
    height, width, _ = pixels.shape
    part = pixels[height * 2 // 5 : height * 3 // 5 + 1, width * 2 // 5 : width * 3 // 5 + 1]
    red, green, blue = (round(float(value)) for value in part.mean(axis=(0, 1)))
    return red, green, blue


def _differs(pixels: Pixels, colour: Colour) -> int:
    return max(abs(a - b) for a, b in zip(_middle(pixels), colour, strict=True))
