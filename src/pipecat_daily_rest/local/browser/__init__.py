# SPDX-License-Identifier: BSD-2-Clause
"""People in browsers: the page, web apps, their routes, and WebRTC.

Imports `call` and what that imports.
"""
