# SPDX-License-Identifier: BSD-2-Clause
"""A browser's sound, between aiortc and the mixer.

The first audio line of an offer carries the microphone. It also carries the mix of all others,
unless the offer has more audio lines: slots, each for one voice. Nothing is negotiated again when
people come and go: the data channel says whose voice a slot carries.

A slot that was used once sends silence when there is nothing to hear: after a pause without
packets, a browser plays all that follows 0.8 s late.
"""

from collections.abc import Callable, Mapping
from typing import Any
from weakref import WeakValueDictionary

from aiortc import RTCPeerConnection, RTCRtpSender

from pipecat_daily_rest.local.browser.opus import SILENCE, Encoder
from pipecat_daily_rest.local.browser.webrtc_microphone import Microphone
from pipecat_daily_rest.local.browser.webrtc_offer import kinds_of
from pipecat_daily_rest.local.browser.webrtc_packets import PacketTrack
from pipecat_daily_rest.local.call.mixer import BLOCK, SAMPLE_RATE, Block, mixed

MOST_SLOTS = 16
_MOST_WAITING = 5  # packets of 20 ms
REST = "*"  # in a slot: all whom no other slot carries
_OPUS = [
    codec
    for codec in RTCRtpSender.getCapabilities("audio").codecs
    if codec.mimeType == "audio/opus"
]


class AudioOut(PacketTrack):
    """Sound to the browser, as Opus."""

    kind = "audio"

    def __init__(self) -> None:
        super().__init__(SAMPLE_RATE, _MOST_WAITING)
        self._pts = -BLOCK

    def time(self) -> int:
        """Count the samples that were sent."""
        self._pts += BLOCK
        return self._pts


class _Slot:
    """One place for a voice in the browser."""

    def __init__(self) -> None:
        self.track = AudioOut()
        self.voice: str | None = None
        self.used = False
        self.encoder: Encoder | None = None

    def play(self, block: Block | None, tick: int) -> None:
        if block is not None and self.encoder is not None:
            self.track.put(self.encoder.encode(block, tick))
        elif self.used:
            self.track.put(SILENCE)


class Sound:
    """All sound of one connection."""

    def __init__(
        self,
        pc: RTCPeerConnection,
        encoders: "WeakValueDictionary[str, Encoder]",
        on_sound: Callable[[], None],
    ) -> None:
        """Initialize without a track.

        All connections share the `encoders`, one for each voice that somebody hears. `on_sound` is
        called for each packet that comes.
        """
        self._pc = pc
        self._encoders = encoders
        self._on_sound = on_sound
        self._microphone: Microphone | None = None
        self._mix = _Slot()
        self._slots: list[_Slot] = []

    def prepare(self, sdp: str) -> None:
        """Add tracks to the connection for an offer; a ValueError says what is wrong with it."""
        lines = kinds_of(sdp)
        count = lines.count("audio")
        if set(lines) != {"audio", "application"} or count > 1 + MOST_SLOTS:
            msg = f"an offer with the lines {lines}"
            raise ValueError(msg)
        self._slots = [_Slot() for _ in range(count - 1)]
        for number in range(count):
            direction = "sendonly" if number else "recvonly" if self._slots else "sendrecv"
            transceiver = self._pc.addTransceiver("audio", direction=direction)
            transceiver.setCodecPreferences(_OPUS)
            if direction != "recvonly":
                slot = self._slots[number - 1] if self._slots else self._mix
                transceiver.sender.replaceTrack(slot.track)
        if not self._slots:
            self._mix.encoder, self._mix.used = Encoder(), True

    def begin(self) -> None:
        """Listen to the microphone, once the offer is known."""
        receiver = self._pc.getReceivers()[0]
        if receiver.track is not None:  # or the browser only listens
            self._microphone = Microphone(receiver, self._on_sound)

    def listen(self, wanted: Any, here: Mapping[str, Any]) -> None:
        """Carry in each slot the voice of the list, or nothing.

        A voice is a session id of those who are `here`, or ``id/track`` for a track that is not the
        microphone; ``*`` are all voices that no other slot carries, mixed.
        """
        voices = wanted if isinstance(wanted, list) else []
        for number, slot in enumerate(self._slots):
            voice = voices[number] if number < len(voices) else None
            known = isinstance(voice, str) and (voice == REST or voice.partition("/")[0] in here)
            voice = voice if known else None
            if voice == slot.voice:
                continue
            slot.voice, slot.used = voice, slot.used or known
            if voice is None:
                slot.encoder = None
            elif voice == REST:
                slot.encoder = Encoder()
            else:
                slot.encoder = self._encoders.get(voice) or Encoder()
                self._encoders[voice] = slot.encoder

    def take(self) -> Block | None:
        """Give the next 20 ms of the microphone, or None for silence."""
        return self._microphone.take() if self._microphone is not None else None

    def play(self, mix: Block, voices: Mapping[str, Block], tick: int) -> None:
        """Send 20 ms, of which the arrays are shared and never written to."""
        if not self._slots:
            self._mix.play(mix, tick)
        carried = {slot.voice for slot in self._slots}
        for slot in self._slots:
            if slot.voice == REST:
                rest = [block for voice, block in voices.items() if voice not in carried]
                slot.play(mixed(rest) if rest else None, tick)
            else:
                slot.play(voices.get(slot.voice or ""), tick)

    def stop(self) -> None:
        """End every track."""
        for slot in (self._mix, *self._slots):
            slot.track.stop()
            slot.encoder = None
