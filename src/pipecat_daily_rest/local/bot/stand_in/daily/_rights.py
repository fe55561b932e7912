# SPDX-License-Identifier: BSD-2-Clause
"""What the bot may do, as its participant's ``info`` tells."""

from collections.abc import Mapping
from typing import Any


def may_admin(info: Mapping[str, Any], task: str) -> bool:
    """Tell whether somebody may administer something; who is in no call may."""
    granted = info.get("permissions", {}).get("canAdmin", True)
    return info["isOwner"] or (task in granted if isinstance(granted, list) else bool(granted))


def may_send(permissions: Mapping[str, Any], track: str) -> bool:
    """Tell whether somebody with some permissions may send a track."""
    sends = permissions.get("canSend", True)
    return track in sends if isinstance(sends, list) else bool(sends)


def mask(media: dict[str, Any], permissions: Mapping[str, Any]) -> dict[str, Any]:
    """Describe as off what may not be sent."""
    off = {"state": "off", "offReasons": ["sendPermission"], "subscribed": "unsubscribed"}
    for name in [name for name in media if not may_send(permissions, name)]:
        media[name] = (
            dict(off)
            if isinstance(media[name].get("state"), str)
            else {track: dict(off) for track in media[name]}
        )
    return media
