# SPDX-License-Identifier: BSD-2-Clause
"""What a browser offers, read before aiortc makes anything for it."""

from aiortc.sdp import SessionDescription


def kinds_of(sdp: str) -> list[str]:
    """Give the kind of each line: ``audio``, ``video`` or ``application``.

    A ValueError says that the names of its lines do not fit together: aiortc would fail later, in a
    task.
    """
    description = SessionDescription.parse(sdp)
    names = [media.rtp.muxId for media in description.media]
    bundled = [name for group in description.group for name in group.items]
    if len(set(names)) < len(names) or not set(bundled) <= set(names):
        msg = f"an offer with lines of the names {names}, of which {bundled} share a transport"
        raise ValueError(msg)
    return [media.kind for media in description.media]
