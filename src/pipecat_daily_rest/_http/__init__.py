# SPDX-License-Identifier: BSD-2-Clause
"""The one place that sends: connections, retries, rate limits, slots that a fleet shares in Redis.

Imports `_core` and `errors`.
"""
