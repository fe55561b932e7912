# SPDX-License-Identifier: BSD-2-Clause
"""What these bots say: tones, so that they need no speech service. Yours says TTSSpeakFrame("…")."""

import numpy as np
from pipecat.frames.frames import OutputAudioRawFrame

SAMPLE_RATE = 24_000
GREETING, PLEASE_WAIT, BRIEFING, CONNECTED, SORRY, MESSAGE = 660, 520, 900, 1100, 330, 780


def says(hz: int, seconds: float = 1.0) -> OutputAudioRawFrame:
    """A tone that stands for a sentence."""
    time = np.arange(int(SAMPLE_RATE * seconds)) / SAMPLE_RATE
    note = np.sin(2 * np.pi * hz * time) * np.hanning(time.size) * 8000
    return OutputAudioRawFrame(note.astype(np.int16).tobytes(), SAMPLE_RATE, num_channels=1)
