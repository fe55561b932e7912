# SPDX-License-Identifier: BSD-2-Clause
"""What Daily accepts: properties, kinds of values, claims, permissions. No state, no HTTP.

Imports `choices` and `secret` only.
"""
