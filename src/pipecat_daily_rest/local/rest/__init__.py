# SPDX-License-Identifier: BSD-2-Clause
"""The REST API of a local Daily: routes, endpoints by family, faults, limits, the journal, stored files.

Imports `bot` and what that imports.
"""
