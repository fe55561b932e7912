# SPDX-License-Identifier: BSD-2-Clause
"""The methods of `DailyRESTHelper`, a module for each family of endpoints.

Imports what `_rest` imports, and the other modules of `_rest` but `helper`.
"""
