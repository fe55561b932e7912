# SPDX-License-Identifier: BSD-2-Clause
"""A room's life: provisioned, owned, kept in a pool, deleted, swept.

Imports `_rest` and what that imports.
"""
