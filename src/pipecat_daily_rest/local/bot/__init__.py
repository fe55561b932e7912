# SPDX-License-Identifier: BSD-2-Clause
"""Bots: the link to a bot's process, its seat in the room, transcription, the stand-in for `daily`.

Imports `outside` and what that imports. The stand-in imports nothing of this package.
"""
