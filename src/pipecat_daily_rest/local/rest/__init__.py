# SPDX-License-Identifier: BSD-2-Clause
"""The REST API: routes, endpoints by family, injected faults, rate limits, journal, stored files.

Imports `outside` and what that imports.
"""
