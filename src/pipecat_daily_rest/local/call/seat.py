# SPDX-License-Identifier: BSD-2-Clause
"""The seat: where the room delivers to one participant."""

from typing import Any, Protocol


class Seat(Protocol):
    """Where the room delivers to one participant. No method may block or raise.

    An event is ``{"event": its name, …}``, with these members:

    - ``participant-joined``, ``participant-updated``: ``participant``, as `Participant.describe`
      gives it (``isLocal`` where the own permissions changed); ``participant-left``: ``reason``, too
    - ``participant-counts-updated``: ``counts``; ``active-speaker-changed``: ``participant``
    - ``app-message``: ``message``, and ``sender``, a session id
    - ``mute``: ``by``, the owner's session id, and ``microphone`` and ``camera`` (False is off)
    - ``waiting-participant-added``, ``waiting-participant-removed``: ``participant`` with ``id`` and
      ``name``; for those who may let others in
    - ``dialin-ready``: ``sipEndpoint``; ``dialin-connected``, ``dialout-stopped``, ``dtmf-event``
      and the others of calls by SIP or telephone: ``data``
    - ``transcription-started``: ``status``; ``transcription-updated``: ``update``;
      ``transcription-message``: ``message``; ``transcription-error``: ``message``, a string;
      ``transcription-stopped``: ``updatedBy``, a session id, or None after an error
    - ``recording-started``: ``status``; ``recording-stopped``: ``streamId``; ``recording-error``:
      ``streamId``, and ``message``, a string
    - ``network-connection-status-updated``: ``status``, and ``network-stats-updated``: ``stats``;
      for a participant who lost its network
    """

    def send(self, event: dict[str, Any]) -> None:
        """Tell the participant what happened."""

    def close(self, reason: str) -> None:
        """End the connection of a participant who was ejected, for a reason as ``room-deleted``."""
