# SPDX-License-Identifier: BSD-2-Clause
"""What the runner and a server share: a bot's file, its signals, its traceback, its end.

Imports `_rooms` and what that imports.
"""
