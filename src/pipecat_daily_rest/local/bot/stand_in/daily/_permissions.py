# SPDX-License-Identifier: BSD-2-Clause
"""What the bot may do, by the ``info`` of its participant."""

from collections.abc import Mapping
from typing import Any


def may_admin(info: Mapping[str, Any], task: str) -> bool:
    """Tell whether a participant has a right of ``canAdmin``; outside a call the bot has it."""
    granted = info.get("permissions", {}).get("canAdmin", True)
    return info["isOwner"] or (task in granted if isinstance(granted, list) else bool(granted))


def may_send(permissions: Mapping[str, Any], track: str) -> bool:
    """Tell whether permissions allow a participant to send a track."""
    sends = permissions.get("canSend", True)
    return track in sends if isinstance(sends, list) else bool(sends)


def mask(media: dict[str, Any], permissions: Mapping[str, Any]) -> dict[str, Any]:
    """Show the tracks that may not be sent as off, in ``media`` of the local participant."""
    off = {"state": "off", "offReasons": ["sendPermission"], "subscribed": "unsubscribed"}
    for name in [name for name in media if not may_send(permissions, name)]:
        media[name] = (
            dict(off)
            if isinstance(media[name].get("state"), str)
            else {track: dict(off) for track in media[name]}
        )
    return media
