# SPDX-License-Identifier: BSD-2-Clause
"""What the runner and a server share about a bot: its file is found and loaded, its signals are kept.

Imports `_rooms` and what that imports.
"""
