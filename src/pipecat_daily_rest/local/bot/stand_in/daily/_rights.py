# SPDX-License-Identifier: BSD-2-Clause
"""What the bot may do, as its participant's ``info`` tells."""

from collections.abc import Mapping
from typing import Any


def may_admin(info: Mapping[str, Any], task: str) -> bool:
    """Tell whether somebody may administer something; who is in no call may.

    Args:
        info: Of the participant.
        task: As in ``canAdmin``.

    Returns:
        Whether it may.
    """
    granted = info.get("permissions", {}).get("canAdmin", True)
    return info["isOwner"] or (task in granted if isinstance(granted, list) else bool(granted))


def may_send(permissions: Mapping[str, Any], track: str) -> bool:
    """Tell whether somebody with some permissions may send a track.

    Args:
        permissions: As a participant has them.
        track: ``microphone``, ``camera``, …

    Returns:
        Whether it may.
    """
    sends = permissions.get("canSend", True)
    return track in sends if isinstance(sends, list) else bool(sends)


def mask(media: dict[str, Any], permissions: Mapping[str, Any]) -> dict[str, Any]:
    """Describe as off what may not be sent.

    Args:
        media: ``media`` of the local participant.
        permissions: Its permissions.

    Returns:
        The same, without those tracks.
    """
    off = {"state": "off", "offReasons": ["sendPermission"], "subscribed": "unsubscribed"}
    for name in [name for name in media if not may_send(permissions, name)]:
        media[name] = (
            dict(off)
            if isinstance(media[name].get("state"), str)
            else {track: dict(off) for track in media[name]}
        )
    return media
