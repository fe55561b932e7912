# SPDX-License-Identifier: BSD-2-Clause
"""`DailyRESTHelper`: the endpoints by family, and how rooms are created, looked up and deleted.

Imports `_http`, `answers`, `tokens` and what those import.
"""
