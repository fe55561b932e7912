# SPDX-License-Identifier: BSD-2-Clause
"""What happens in rooms: people, meetings, the lobby, the clock, sound and pictures. No HTTP.

Imports `rules` and what that imports.
"""
