# SPDX-License-Identifier: BSD-2-Clause
"""Webhooks, and phone calls into and out of the rooms.

Imports `scripted` and what that imports.
"""
