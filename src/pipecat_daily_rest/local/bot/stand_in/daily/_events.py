# SPDX-License-Identifier: BSD-2-Clause
"""The events that a bot gets."""

from collections.abc import Mapping
from typing import Any

from daily import _block_daily

# Events of the room that reach the handler under the same name, with this member as argument.
PASSED_ON = {
    "dialin-ready": "sipEndpoint",
    **{f"dialin-{what}": "data" for what in ("connected", "stopped")},
    **{f"dialout-{what}": "data" for what in ("connected", "answered", "stopped", "error")},
    "dtmf-event": "data",
    "network-connection-status-updated": "status",
    "recording-started": "status",
    "recording-stopped": "streamId",
    "transcription-started": "status",
    "transcription-updated": "update",
    "transcription-message": "message",
    "transcription-error": "message",
}

_NOTHING_STREAMED = "a local room streams nowhere"

# The events that never come in a local room, and why.
NEVER = {
    "on_available_devices_updated": "a bot has no devices but its own",
    "on_dialin_error": "an incoming call has no network that could fail",
    "on_dialin_warning": "an incoming call has no network that could fail",
    "on_dialout_warning": "an outgoing call is answered, or fails",
    **{
        f"on_live_stream_{what}": _NOTHING_STREAMED
        for what in ("error", "started", "stopped", "updated", "warning")
    },
}


class EventHandler:
    """The base of a bot's handler; its methods are called on a thread of the call."""

    def __init_subclass__(cls, **options: Any) -> None:
        """Patch Pipecat's parameters when Pipecat defines its own handler."""
        super().__init_subclass__(**options)
        _block_daily.patch_params(cls)

    def __new__(cls, *args: Any) -> "EventHandler":
        """Create a handler; a subclass may take any arguments."""
        return super().__new__(cls)

    def __init__(self, *args: Any) -> None:
        """Initialize the handler."""

    def on_active_speaker_changed(self, participant: Mapping[str, Any]) -> None:
        """Another participant speaks loudest now."""

    def on_app_message(self, message: Any, sender: str) -> None:
        """Somebody sent a message."""

    def on_available_devices_updated(self, available_devices: Mapping[str, Any]) -> None:
        """The machine's devices changed; never in a local room."""

    def on_call_state_updated(self, state: str) -> None:
        """The call is ``joining``, ``joined``, ``leaving`` or ``left``."""

    def on_dialin_connected(self, data: Mapping[str, Any]) -> None:
        """Somebody dialled in; here a test holds the telephone."""

    def on_dialin_error(self, data: Mapping[str, Any]) -> None:
        """A dial-in failed; never in a local room."""

    def on_dialin_ready(self, sip_endpoint: str) -> None:
        """Somebody may dial in; here a test holds the telephone."""

    def on_dialin_stopped(self, data: Mapping[str, Any]) -> None:
        """A dial-in ended."""

    def on_dialin_warning(self, data: Mapping[str, Any]) -> None:
        """A dial-in had a problem; never in a local room."""

    def on_dialout_answered(self, data: Mapping[str, Any]) -> None:
        """A dial-out was answered; here a test answers it."""

    def on_dialout_connected(self, data: Mapping[str, Any]) -> None:
        """A dial-out rings."""

    def on_dialout_error(self, data: Mapping[str, Any]) -> None:
        """A dial-out failed."""

    def on_dialout_stopped(self, data: Mapping[str, Any]) -> None:
        """A dial-out ended."""

    def on_dialout_warning(self, data: Mapping[str, Any]) -> None:
        """A dial-out had a problem; never in a local room."""

    def on_dtmf_event(self, data: Mapping[str, Any]) -> None:
        """Somebody pressed a key on a telephone; here a test presses it."""

    def on_error(self, message: str) -> None:
        """Something failed: an operation, or the call."""

    def on_inputs_updated(self, input_settings: Mapping[str, Any]) -> None:
        """The inputs changed."""

    def on_live_stream_error(self, stream_id: str, message: str) -> None:
        """A live stream failed; never in a local room."""

    def on_live_stream_started(self, status: Mapping[str, Any]) -> None:
        """A live stream started; never in a local room."""

    def on_live_stream_stopped(self, stream_id: str) -> None:
        """A live stream ended; never in a local room."""

    def on_live_stream_updated(self, update: Mapping[str, Any]) -> None:
        """A live stream changed; never in a local room."""

    def on_live_stream_warning(self, stream_id: str, message: str) -> None:
        """A live stream had a problem; never in a local room."""

    def on_network_connection_status_updated(self, status: Mapping[str, Any]) -> None:
        """The connection changed; here a test took the network away, or gave it back."""

    def on_network_stats_updated(self, stats: Mapping[str, Any]) -> None:
        """The network was measured; here when a test took the network away, or gave it back."""

    def on_participant_counts_updated(self, counts: Mapping[str, Any]) -> None:
        """The number of participants changed."""

    def on_participant_joined(self, participant: Mapping[str, Any]) -> None:
        """A participant has joined, now or before the bot."""

    def on_participant_left(self, participant: Mapping[str, Any], reason: str) -> None:
        """Somebody left the call."""

    def on_participant_updated(self, participant: Mapping[str, Any]) -> None:
        """A participant muted, took another name, …; the bot too."""

    def on_publishing_updated(self, publishing_settings: Mapping[str, Any]) -> None:
        """The publishing settings changed."""

    def on_recording_error(self, stream_id: str, message: str) -> None:
        """A recording failed; here when its file cannot be written."""

    def on_recording_started(self, status: Mapping[str, Any]) -> None:
        """A recording started."""

    def on_recording_stopped(self, stream_id: str) -> None:
        """A recording ended; here its file is complete by then."""

    def on_subscription_profiles_updated(self, subscription_profiles: Mapping[str, Any]) -> None:
        """The subscription profiles changed."""

    def on_subscriptions_updated(self, subscriptions: Mapping[str, Any]) -> None:
        """The subscriptions changed."""

    def on_transcription_error(self, message: str) -> None:
        """The transcription failed; here a test or faster-whisper has it fail."""

    def on_transcription_message(self, message: Mapping[str, Any]) -> None:
        """Somebody said something; here a test or faster-whisper says what."""

    def on_transcription_started(self, status: Mapping[str, Any]) -> None:
        """The transcription started."""

    def on_transcription_stopped(self, stopped_by: str, stopped_by_error: bool) -> None:
        """The transcription ended."""

    def on_transcription_updated(self, update: Mapping[str, Any]) -> None:
        """The transcription changed."""
