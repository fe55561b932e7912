# SPDX-License-Identifier: BSD-2-Clause
"""What a test says and hears: WAV files and tones."""

import wave
from collections.abc import Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block

Places: TypeAlias = NDArray[np.intp]

WINDOW = SAMPLE_RATE // 5  # samples that a tone must last to be found
_AUDIBLE = 0.004  # amplitude, 1 is full scale
_COARSE = 6  # samples that count as one when recordings are compared: 8 kHz is enough of a voice
_ALIKE = 0.7  # correlation, 1 is the same
_PARTS = [2000, 4000, 6000]  # where the loudest second is cut, in coarse samples
_NEARER, _LATER = 40, 4000  # coarse samples that a part may come too early or late


def sine(hz: float, seconds: float, rate: int = SAMPLE_RATE) -> NDArray[np.float64]:
    """Make a tone of amplitude 1 that begins and ends without a click."""
    time = np.arange(round(seconds * rate)) / rate
    edge = np.clip(np.minimum(time, time[::-1]) / 0.005, 0, 1)
    wave: NDArray[np.float64] = np.sin(2 * np.pi * hz * time) * edge
    return wave


def read_wav(path: str | Path) -> Block:
    """Read a WAV file of 16 bit as samples at 48 kHz, mono; raise `DailyConfigError`."""
    try:
        with wave.open(str(path), "rb") as file:
            width, rate, channels = file.getsampwidth(), file.getframerate(), file.getnchannels()
            pcm = file.readframes(file.getnframes())
    except (OSError, EOFError, wave.Error) as exc:
        msg = f"{str(path)!r} cannot be read as a WAV file: {exc or 'it is empty'}"
        raise DailyConfigError(msg) from None
    if width != 2:
        msg = f"{str(path)!r} has {8 * width} bit a sample: save it as a WAV file of 16 bit."
        raise DailyConfigError(msg)
    whole = len(pcm) - len(pcm) % (2 * channels)  # of a file that was cut off
    mono = np.frombuffer(pcm[:whole], "<i2").reshape(-1, channels).mean(axis=1)
    return _resampled(mono, rate).round().astype(np.int16)


def _resampled(samples: NDArray[np.float64], rate: int) -> NDArray[np.float64]:
    """Convert to 48 kHz: the same spectrum, cut off or continued with zeros."""
    count = round(len(samples) * SAMPLE_RATE / rate)
    if rate == SAMPLE_RATE or not count:
        return samples
    longer = np.fft.irfft(np.fft.rfft(samples), count) * (count / len(samples))
    return np.clip(longer, -32768, 32767)


def tone_level(audio: Block, hz: float) -> float:
    """Measure a tone in the loudest 200 ms of samples at 48 kHz: from 0 to 1, which is full scale.

    It is 0 when the tone does not stand out: 20 dB below the loudest one, or lost in noise.
    """
    best = 0.0
    window = np.hanning(WINDOW)
    for start in range(0, len(audio) - WINDOW + 1, WINDOW // 2):
        part = audio[start : start + WINDOW] / 32768
        amplitudes = np.abs(np.fft.rfft(part * window)) * 2 / window.sum()
        width = SAMPLE_RATE / WINDOW
        near = slice(max(1, round((hz - 15) / width)), round((hz + 15) / width) + 1)
        level = float(amplitudes[near].max())
        noise = float(np.median(amplitudes))
        if level > max(_AUDIBLE, 10 * noise, 0.1 * float(amplitudes.max())):
            best = max(best, level)
    return best


def describe(blocks: Sequence[Block]) -> tuple[int, str] | None:
    """Describe the last 200 ms of sound in blocks, as ``440 Hz at -18 dB``, and give its last block.

    None if all are silent.
    """
    for index in range(len(blocks) - 1, -1, -1):
        if np.abs(blocks[index].astype(np.int32)).max() > _AUDIBLE * 32768:
            break
    else:
        return None
    last = [blocks[each] for each in range(max(0, index + 1 - WINDOW // BLOCK), index + 1)]
    part = np.concatenate(last) / 32768
    spectrum = np.abs(np.fft.rfft(part * np.hanning(len(part)), SAMPLE_RATE))
    hz = int(spectrum.argmax())
    loudness = float(np.sqrt((part**2).mean()))
    amplitude = spectrum[hz] * 4 / len(part)  # of the tone, by the window's mean of a half
    is_tone = amplitude**2 / 2 > loudness**2 / 2
    level = 20 * np.log10(max(amplitude if is_tone else loudness, 1e-5))
    return index, f"{f'{hz} Hz' if is_tone else 'a sound'} at {level:.0f} dB"


def is_in(recording: Block, audio: Block) -> bool:
    """Tell whether the loudest second of a recording is in what was heard, at any volume.

    A busy machine leaves a hole in what is said in real time, and what follows comes later. So the
    parts of the recording are looked for one by one, and one of them may be missing.
    """
    wanted, heard = _loudest(_coarse(recording)), _coarse(audio)
    if len(heard) < len(wanted):
        return False
    whole, *parts = _places([wanted, *np.split(wanted, _PARTS)], heard)
    if (
        len(whole) or len(wanted) < SAMPLE_RATE // _COARSE
    ):  # the parts of a shorter one are too short
        return bool(len(whole))
    placed = list(zip([0, *_PARTS], parts, strict=True))
    return any(_follow(placed[:n] + placed[n + 1 :]) for n in range(len(placed)))


def _places(sounds: list[NDArray[np.float64]], heard: NDArray[np.float64]) -> list[Places]:
    """Find the places where each of the sounds is in what was heard."""
    size = 1 << (len(heard) + len(sounds[0]) - 1).bit_length()
    spectrum = np.fft.rfft(heard, size)
    sums = np.concatenate([[0.0], np.cumsum(heard**2)])
    found = []
    for sound in sounds:
        products = np.fft.irfft(spectrum * np.conj(np.fft.rfft(sound, size)), size)
        length, energy = len(sound), max(float((sound**2).sum()), 1.0)
        energies = np.sqrt(np.maximum(sums[length:] - sums[: len(sums) - length], 1.0) * energy)
        found.append(np.flatnonzero(products[: len(energies)] > _ALIKE * energies))
    return found


def _follow(parts: list[tuple[int, Places]]) -> bool:
    """Tell whether parts, each with its start and the places where it was heard, are in order."""
    (before, ends), *others = parts
    for start, places in others:
        # The last place of the part before it that is far enough away.
        at = np.searchsorted(ends, places - (start - before) + _NEARER, "right") - 1
        late = places - (start - before) - ends[np.maximum(at, 0)] if len(ends) else places
        before, ends = start, places[(at >= 0) & (late <= _LATER)]
    return bool(len(ends))


def _coarse(audio: Block) -> NDArray[np.float64]:
    whole = len(audio) - len(audio) % _COARSE
    coarse: NDArray[np.float64] = audio[:whole].reshape(-1, _COARSE).mean(axis=1)
    return coarse


def _loudest(audio: NDArray[np.float64]) -> NDArray[np.float64]:
    second = SAMPLE_RATE // _COARSE
    if len(audio) <= second:
        return audio
    sums = np.concatenate([[0.0], np.cumsum(audio**2)])
    start = int((sums[second:] - sums[:-second]).argmax())
    return audio[start : start + second]
