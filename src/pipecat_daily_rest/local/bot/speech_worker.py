# SPDX-License-Identifier: BSD-2-Clause
"""Transcribes speech: ``python -m pipecat_daily_rest.local.bot.speech_worker MODEL``.

It reads utterances from stdin: the length in bytes (4 bytes, little-endian), then samples of 16 kHz,
16 bit, mono. It answers with one JSON line when the model is loaded, ``{}`` or ``{"error"}``, and
one for each utterance, ``{"text"}``.
"""

import json
import sys
from typing import Any, BinaryIO

import numpy as np

_UNLIKELY = 0.6  # Whisper makes words up if it is less sure than this that it heard speech


def main() -> None:
    """Transcribe what comes until stdin ends."""
    # Only answers go to stdout, even if a library prints.
    answers, sys.stdout = sys.stdout, sys.stderr

    def say(**members: str) -> None:
        print(json.dumps(members), file=answers, flush=True)

    name = sys.argv[1]
    try:
        import faster_whisper

        model = faster_whisper.WhisperModel(
            name, device="cpu", compute_type="int8", cpu_threads=2, local_files_only=True
        )
    except Exception as exc:  # its libraries raise many kinds
        say(
            error=(
                f"the speech model {name!r} is not on this machine ({type(exc).__name__}): "
                f"download it once with faster_whisper.download_model({name!r}), or set "
                "LOCAL_DAILY_SPEECH_MODEL to the folder of one"
            )
        )
        return
    say()
    while (size := sys.stdin.buffer.read(4)) and len(size) == 4:
        say(text=_text(model, _samples(sys.stdin.buffer, int.from_bytes(size, "little"))))


def _samples(stream: BinaryIO, size: int) -> Any:
    return np.frombuffer(stream.read(size), "<i2").astype(np.float32) / 32768


def _text(model: Any, samples: Any) -> str:
    segments, _ = model.transcribe(
        samples, beam_size=1, condition_on_previous_text=False, without_timestamps=True
    )
    said = (each.text.strip() for each in segments if each.no_speech_prob < _UNLIKELY)
    return " ".join(text for text in said if text)


if __name__ == "__main__":
    main()
