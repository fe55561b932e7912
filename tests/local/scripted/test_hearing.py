# SPDX-License-Identifier: BSD-2-Clause
"""Whether a recording was heard, with holes, cut off or at another volume."""

import numpy as np
import pytest

from pipecat_daily_rest.local.call.mixer import SAMPLE_RATE, Block
from pipecat_daily_rest.local.scripted.hearing import is_in

HOLE = np.zeros(SAMPLE_RATE * 3 // 50, np.int16)  # what one late write of a bot makes


def chirp(hz: float, seconds: float = 2.0) -> Block:
    time = np.arange(round(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    wave = np.sin(2 * np.pi * (hz * time + 200 * time**2)) * np.hanning(time.size)
    return (wave * 9000).astype(np.int16)


def heard(*pieces: Block) -> Block:
    quiet = np.zeros(SAMPLE_RATE, np.int16)
    said = np.concatenate([quiet, *pieces, quiet])
    noise = np.random.default_rng(1).normal(0, 100, said.size)
    return (said * 0.5 + noise).astype(np.int16)


SAID = chirp(500)


@pytest.mark.parametrize("at", np.arange(0.4, 1.6, 0.05).round(2))
def test_a_recording_with_a_hole_is_heard(at: float) -> None:
    before, after = np.split(SAID, [round(SAMPLE_RATE * at)])
    assert is_in(SAID, heard(before, HOLE, after))


@pytest.mark.parametrize(
    "other",
    [
        heard(chirp(900)),
        heard(SAID[::-1]),
        heard(*np.split(SAID, 8)[::-1]),  # in the wrong order
        heard(SAID[: SAMPLE_RATE * 3 // 4], chirp(900)[SAMPLE_RATE * 3 // 4 :]),  # and cut off
        heard(),
        SAID[:100],
        SAID[:0],
    ],
    ids=["high", "backwards", "parts", "begun", "noise", "short", "nothing"],
)
def test_another_sound_is_not_the_recording(other: Block) -> None:
    assert not is_in(SAID, other)


def test_a_short_sound_is_heard_as_a_whole() -> None:
    said = chirp(500, 0.3)
    assert is_in(said, heard(said))
    assert not is_in(said, heard(chirp(900, 0.3)))


def test_a_recording_that_is_mostly_silent_is_heard() -> None:
    said = np.concatenate([np.zeros(SAMPLE_RATE * 3 // 4, np.int16), chirp(500, 0.25)])
    assert is_in(said, heard(said))
    assert not is_in(said, heard())
