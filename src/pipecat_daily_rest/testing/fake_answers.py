# SPDX-License-Identifier: BSD-2-Clause
"""What a test can have its services answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.scripted.hearing import read_wav, sine

SAMPLE_RATE = 24_000  # of the text to speech, as OpenAI's
_MOST_SECONDS = 60.0

Messages = list[dict[str, Any]]


@dataclass(frozen=True)
class Failure:
    """An answer that is an error: its HTTP status, what it says, and its ``Retry-After``."""

    status: int
    message: str
    retry_after: float | None


@dataclass(frozen=True)
class Text:
    """What the model says, or the speech to text understands.

    Parameters:
        text: The words, or what gives them for the messages.
        stops: Whether the connection breaks after them; ``hangs``: it stays open and silent.
    """

    text: str | Callable[[Messages], str]
    stops: bool = False
    hangs: bool = False


@dataclass(frozen=True)
class ToolCall:
    """A tool that the model calls, with its arguments as JSON."""

    name: str
    arguments: str


@dataclass(frozen=True)
class Sound:
    """What the text to speech says: 16 bit, mono, 24 kHz; ``stops`` and ``hangs`` as in `Text`."""

    pcm: bytes
    stops: bool = False
    hangs: bool = False


@dataclass(frozen=True)
class Told:
    """One thing that a test has told a service: the answer, the delay, for which text."""

    answer: Any
    after: float
    to: str | None


def words(text: str) -> list[str]:
    """Cut a text into words with the spaces before them, as a model gives them one by one.

    Args:
        text: The text.

    Returns:
        The parts; joined they are the text.
    """
    return re.findall(r"\s*\S+|\s+$", text)


def pcm_of(tone: float | None, seconds: float, sound: str | Path | None) -> bytes:
    """Make what a text to speech says: a recording, or a tone.

    Args:
        tone: A frequency in Hz; 440 when there is no ``sound`` either.
        seconds: How long the tone is.
        sound: The path of a WAV file of 16 bit, instead of a tone.

    Returns:
        PCM: 16 bit, mono, 24 kHz.

    Raises:
        DailyConfigError: The file cannot be read, or an argument has the wrong type or value.
    """
    must_be(float | None, tone=tone)
    must_be(float, seconds=seconds)
    must_be(str | Path | None, sound=sound)
    if sound is not None:
        if tone is not None:
            msg = "Pass tone or sound, not both."
            raise DailyConfigError(msg)
        samples = read_wav(sound)
        pairs = samples[: len(samples) // 2 * 2].reshape(-1, 2)
        pcm: bytes = pairs.mean(axis=1).astype("<i2").tobytes()
        return pcm
    hz = 440.0 if tone is None else tone
    if not (0 < hz < SAMPLE_RATE / 2 and 0 <= seconds <= _MOST_SECONDS):
        msg = (
            f"A tone has a frequency between 0 and {SAMPLE_RATE // 2} Hz and lasts {_MOST_SECONDS:g} "
            f"s at most, not {hz} Hz and {seconds} s."
        )
        raise DailyConfigError(msg)
    wave = sine(hz, seconds, SAMPLE_RATE) * 9000
    return wave.astype("<i2").tobytes()
