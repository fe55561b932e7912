# SPDX-License-Identifier: BSD-2-Clause
"""Calls are recorded, and what calls leave behind is kept. No HTTP.

Imports `scripted`, `call`, `rules`, `arguments`.
"""
