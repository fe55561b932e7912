# SPDX-License-Identifier: BSD-2-Clause
"""The ``user_id`` by which presence tells a session's bot from people. Pure."""

import hashlib

from pipecat_daily_rest._core import room_names


def bot_user_id(session_id: str) -> str:
    """Give the ``user_id`` of a session's bot.

    It follows from the id of the session, which people may know, so it is a digest: nobody can
    pass for a bot by a token of their own, which is signed with another ``user_id``.
    """
    tag = room_names.session_tag(session_id)
    digest = hashlib.sha256(f"{tag} {session_id}".encode()).hexdigest()
    return f"bot-{digest[:32]}"
