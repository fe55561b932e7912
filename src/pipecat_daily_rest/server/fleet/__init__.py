# SPDX-License-Identifier: BSD-2-Clause
"""Servers that share one Daily account and one Redis: any of them answers for the sessions of all.

Daily holds the rooms; Redis holds who is alive, and what one server tells the others.
Imports `server`'s session, presence and errors, and what `server` may import. `server/rooms.py`
opens it.
"""
