# SPDX-License-Identifier: BSD-2-Clause
"""How many calls fit on this machine: scripted callers, more and more of them, ask a bot.

Imports `server`, `runner` for a local Daily as a child process, `_core` and `errors`.
"""
