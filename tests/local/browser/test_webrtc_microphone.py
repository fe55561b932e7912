# SPDX-License-Identifier: BSD-2-Clause
"""The packets of a browser's microphone: their order, and what is no sound."""

from types import SimpleNamespace

import av
import numpy as np
import pytest

from pipecat_daily_rest.local.browser.opus import Encoder
from pipecat_daily_rest.local.browser.webrtc_microphone import Microphone
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE

TONES = (500, 1000, 2000, 3000, 4000, 5000, 6000, 7000)


def receiver() -> SimpleNamespace:
    return SimpleNamespace(**{"_RTCRtpReceiver__jitter_buffer": None})


def microphone() -> Microphone:
    return Microphone(receiver(), lambda: None)


def packets() -> list[bytes]:
    """20 ms of each tone."""
    encoder, time = Encoder(), np.arange(BLOCK) / SAMPLE_RATE
    waves = [(np.sin(2 * np.pi * hz * time) * 9000).astype(np.int16) for hz in TONES]
    return [encoder.encode(wave, tick) for tick, wave in enumerate(waves)]


def heard(microphone: Microphone) -> list[int]:
    """Which tones the mixer gets, by their place in `TONES`."""
    found = []
    while (block := microphone.take()) is not None:
        hz = float(np.abs(np.fft.rfft(block)).argmax()) * SAMPLE_RATE / BLOCK
        found.append(int(np.abs(np.subtract(TONES, hz)).argmin()))
    return found


@pytest.mark.parametrize(
    ("arriving", "expected"),
    [
        ((0, 1, 2, 3), [0, 1, 2, 3]),
        ((0, 2, 1, 3), [0, 1, 2, 3]),
        ((0, 2, 3, 1, 4), [0, 1, 2, 3, 4]),
        ((0, 1, 1, 2, 2), [0, 1, 2]),
        ((0, 2, 3, 4, 1, 5), [0, 2, 3, 4, 5]),  # too late
        ((0, 3, 4, 5, 6), [0, 3, 4, 5, 6]),  # two are lost
    ],
    ids=["in order", "swapped", "late", "twice", "too late", "lost"],
)
@pytest.mark.parametrize("first", [7, 65_534])
def test_packets_are_put_in_order(arriving: list[int], expected: list[int], first: int) -> None:
    sound, ear = packets(), microphone()
    for number in arriving:
        packet = SimpleNamespace(
            ssrc=1, sequence_number=(first + number) % 65_536, payload=sound[number]
        )
        assert ear.add(packet) == (False, None)
    assert heard(ear) == expected


@pytest.mark.parametrize("ssrc", [1, 2])
def test_a_new_beginning_is_heard(ssrc: int) -> None:
    sound, ear = packets(), microphone()
    ear.add(SimpleNamespace(ssrc=1, sequence_number=40_000, payload=sound[0]))
    for number in range(1, 5):
        ear.add(SimpleNamespace(ssrc=ssrc, sequence_number=number, payload=sound[number]))
    assert heard(ear) == [0, 1, 2, 3, 4]


def test_what_is_no_sound_is_ignored() -> None:
    sound, ear = packets(), microphone()
    for number, payload in enumerate([b"", b"\xff\xff\xff", sound[0], b"\xfb" + bytes(1200)]):
        ear.add(SimpleNamespace(ssrc=1, sequence_number=number, payload=payload))
    assert 0 in heard(ear)


@pytest.mark.parametrize("milliseconds", [10, 40, 60])
def test_packets_of_any_length_are_cut_into_blocks(milliseconds: int) -> None:
    codec, ear = av.CodecContext.create("libopus", "w"), microphone()
    codec.sample_rate, codec.format, codec.layout = SAMPLE_RATE, "s16", "mono"
    codec.options = {"frame_duration": str(milliseconds)}
    samples = SAMPLE_RATE * milliseconds // 1000
    wave = np.sin(2 * np.pi * 1000 * np.arange(samples) / SAMPLE_RATE) * 9000
    frame = av.AudioFrame.from_ndarray(wave.astype(np.int16).reshape(1, -1), "s16", "mono")
    frame.sample_rate = SAMPLE_RATE
    found = []
    for number in range(120 // milliseconds):
        (packet,) = codec.encode(frame)
        ear.add(SimpleNamespace(ssrc=1, sequence_number=number, payload=bytes(packet)))
        found += heard(ear)
    assert len(found) == 6  # 120 ms
    assert set(found[1:]) == {TONES.index(1000)}


def test_another_aiortc_is_refused_with_a_reason() -> None:
    with pytest.raises(TypeError, match="elsewhere: pip install 'aiortc<1"):
        Microphone(SimpleNamespace(), lambda: None)
