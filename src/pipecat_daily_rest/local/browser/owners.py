# SPDX-License-Identifier: BSD-2-Clause
"""What an owner's browser does to others: let them in, mute them, permit, eject them."""

from typing import Any

from pipecat_daily_rest.local.call.calls import Calls, need_admin
from pipecat_daily_rest.local.call.lobby import Lobby
from pipecat_daily_rest.local.call.room import Participant
from pipecat_daily_rest.local.rules.properties import PERMISSIONS
from pipecat_daily_rest.local.rules.schema import Refusal, Schema


def decide(lobby: Lobby, me: Participant, message: dict[str, Any]) -> str | None:
    """Let in who waits, or refuse it; give the reason why this is not done, or None."""
    try:
        let_in = message.get("letIn") is True
        lobby.decide(me.room, str(message.get("id")), by=me, let_in=let_in)
    except (LookupError, PermissionError) as exc:
        return str(exc)
    return None


def change(calls: Calls, me: Participant, message: dict[str, Any]) -> str | None:
    """Change another participant; give the reason why this is not done, or None."""
    target = me.room.participants.get(str(message.get("id")))
    if target is None:
        return "this participant is not in the room"
    try:
        need_admin(me)
        switches = {name: message.get(name) for name in ("microphone", "camera")}
        if not all(isinstance(on, bool | None) for on in switches.values()):
            return "microphone and camera are true, false or null"
        if (permissions := message.get("permissions")) is not None:
            body = Schema(calls.choices).body(
                {"permissions": PERMISSIONS}, {"permissions": permissions}
            )
            calls.permit(me.room, {target.id: body["permissions"]}, by=me)
        if set(switches.values()) != {None}:
            calls.mute(target, by=me, **switches)
    except (Refusal, PermissionError) as exc:
        return str(exc)
    if message.get("eject") is True:
        calls.eject(target)
    return None
