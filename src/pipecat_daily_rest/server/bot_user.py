# SPDX-License-Identifier: BSD-2-Clause
"""The ``user_id`` by which presence tells a session's bot from people. Pure."""

import hashlib


def bot_user_id(session_id: str) -> str:
    """Give the ``user_id`` of a session's bot.

    It follows from the id of the session, so that each server of a fleet can tell it. A person
    cannot have it in a token: who asks for one does not know the id yet.
    """
    return f"bot-{hashlib.sha256(session_id.encode()).hexdigest()[:32]}"
