# SPDX-License-Identifier: BSD-2-Clause
"""What a participant that a test drives says."""

import math
from collections import deque
from pathlib import Path

import numpy as np

from pipecat_daily_rest.errors import DailyConfigError
from pipecat_daily_rest.local.arguments import must_be
from pipecat_daily_rest.local.call.calls import Calls
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block
from pipecat_daily_rest.local.scripted.ear import Phrase
from pipecat_daily_rest.local.scripted.hearing import read_wav, sine
from pipecat_daily_rest.local.scripted.listening import Listening


class Speaking(Listening):
    """The part of `Scripted` for sound that it makes."""

    _calls: Calls

    def says(self, what: str | Path | bytes | Block, *, track: str = "microphone") -> None:
        """Say something, after what it is saying already.

        Args:
            what: The path of a WAV file of 16 bit, of any sample rate and number of channels; or
                PCM: 48 kHz, 16 bit, mono. The last block is filled up with silence.
            track: ``microphone``, or the name of a custom audio track, which it has from then on.

        Raises:
            DailyConfigError: The file cannot be read, or this is not PCM.
        """
        must_be(str | Path | bytes | np.ndarray, what=what)
        must_be(str, track=track)
        if isinstance(what, str | Path):
            what = read_wav(what)
        odd = isinstance(what, bytes) and len(what) % 2
        samples = np.frombuffer(what[odd:], np.int16) if isinstance(what, bytes) else what
        if odd or samples.ndim != 1 or samples.dtype.kind not in "iu":
            msg = "what must be PCM: whole numbers of 16 bit, of one channel."
            raise DailyConfigError(msg)
        samples = samples.astype(np.int16)
        if track == "microphone" and (phrase := Phrase.of(samples, self._seat.next_block * BLOCK)):
            self._seat.phrases.append(phrase)
        padded = np.pad(samples, (0, -len(samples) % BLOCK))
        self._seat.scripts.setdefault(track, deque()).extend(padded.reshape(-1, BLOCK))
        custom = dict.fromkeys(self._seat.scripts.keys() - {"microphone"}, "playable")
        if custom != self.participant.custom_audio and self.left_reason is None:
            self._calls.update(self.participant, custom_audio=custom)

    def tone(
        self,
        hz: float,
        seconds: float = 2.0,
        amplitude: float = 0.3,
        *,
        track: str = "microphone",
    ) -> None:
        """Say a tone, after what it is saying already.

        Args:
            hz: Its frequency in Hz.
            seconds: How long it lasts.
            amplitude: How loud, up to 1.
            track: As in `says`.

        Raises:
            DailyConfigError: There is no such tone.
        """
        must_be(float, hz=hz, seconds=seconds, amplitude=amplitude)
        if not (0 < hz < SAMPLE_RATE / 2 and 0 <= seconds < math.inf and 0 <= amplitude <= 1):
            msg = (
                f"A tone has a frequency between 0 and {SAMPLE_RATE // 2} Hz, seconds of 0 or more "
                f"and an amplitude from 0 to 1, not {hz} Hz, {seconds} s and {amplitude}."
            )
            raise DailyConfigError(msg)
        wave = sine(hz, seconds) * amplitude * 32767
        self.says(wave.astype(np.int16), track=track)
