# SPDX-License-Identifier: BSD-2-Clause
"""A participant in a test's hand: what it says, shows, hears and sees.

Imports `call` and what that imports.
"""
