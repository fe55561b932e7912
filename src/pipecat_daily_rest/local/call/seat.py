# SPDX-License-Identifier: BSD-2-Clause
"""How a room reaches one participant."""

from typing import Any, Protocol


class Seat(Protocol):
    """How the room reaches one participant. No method may block or raise."""

    def send(self, event: dict[str, Any]) -> None:
        """Tell the participant what happened.

        Args:
            event: One of ``{"event": "participant-joined" | "participant-updated",
                "participant": …}`` (``isLocal`` when it is about the participant itself, whose
                permissions changed), ``{"event": "participant-left", "participant": …,
                "reason": …}``, ``{"event": "participant-counts-updated", "counts": …}``,
                ``{"event": "active-speaker-changed", "participant": …}``,
                ``{"event": "app-message", "message": …, "sender": id}`` and
                ``{"event": "mute", "by": id, "microphone": bool | None, "camera": bool | None}``
                (an owner switched an input; False is off). Who may let others in is also told
                ``{"event": "waiting-participant-added" | "waiting-participant-removed",
                "participant": {"id", "name", …}}``. A room with calls by SIP or telephone
                also tells ``{"event": "dialin-ready", "sipEndpoint": …}`` and, as in
                ``dialin-connected`` or ``dialout-stopped``, ``{"event": …, "data": …}``; a
                telephone whose key was pressed ``{"event": "dtmf-event", "data": …}``. A call
                that is transcribed tells ``{"event": "transcription-started", "status": …}``,
                ``{"event": "transcription-updated", "update": …}``,
                ``{"event": "transcription-message", "message": …}``,
                ``{"event": "transcription-error", "message": str}`` and
                ``{"event": "transcription-stopped", "updatedBy": id | None}`` (None after an
                error). Who lost the network gets
                ``{"event": "network-connection-status-updated", "status": …}`` and
                ``{"event": "network-stats-updated", "stats": …}``.
        """

    def close(self, reason: str) -> None:
        """Put the participant out; it has left the room already."""
