# SPDX-License-Identifier: BSD-2-Clause
"""Sounds that are made, not recorded."""

import wave
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

# Two vowels: the formants' frequencies in Hz, the first with the second's beside it.
FORMANTS = ((730, 300), (1090, 2300), (2440, 3000))
WEIGHTS = (1.0, 0.5, 0.25)


def speech(rate: int, seconds: float = 1.5, *, tone_hz: float | None = None) -> NDArray[np.int16]:
    """Make something that Silero VAD takes for speech: a voice that glides between two vowels.

    Args:
        rate: Samples a second.
        seconds: How long.
        tone_hz: A tone in it, by which the sound is known again.

    Returns:
        The samples.
    """
    time = np.arange(int(rate * seconds)) / rate
    pitch = 120 * (1 + 0.1 * np.sin(2 * np.pi * 2.5 * time))
    phase = 2 * np.pi * np.cumsum(pitch) / rate
    vowel = 0.5 + 0.5 * np.sin(2 * np.pi * 3 * time)
    voice = np.zeros_like(time)
    for harmonic in range(1, 30):
        gain = np.zeros_like(time)
        for index, ((first, second), weight) in enumerate(zip(FORMANTS, WEIGHTS, strict=True)):
            centre = first * vowel + second * (1 - vowel)
            gain += weight * np.exp(-(((pitch * harmonic - centre) / (90 + 60 * index)) ** 2))
        voice += gain * np.sin(harmonic * phase)
    voice *= 0.55 + 0.45 * np.sin(2 * np.pi * 4 * time - 1)
    voice /= np.abs(voice).max()
    if tone_hz is not None:
        voice += 0.15 * np.sin(2 * np.pi * tone_hz * time)  # a louder one is no speech to Silero
        voice /= np.abs(voice).max()
    return (voice * 0.6 * 32767).astype(np.int16)


def tone_file(path: Path, hz: float, seconds: float, amplitude: float = 0.3) -> Path:
    """Write a tone as a WAV file."""
    rate = 16_000
    sound = np.sin(2 * np.pi * hz * np.arange(round(seconds * rate)) / rate) * amplitude * 32767
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(sound.astype(np.int16).tobytes())
    return path
