# SPDX-License-Identifier: BSD-2-Clause
"""The documentation as a site, its pictures and its screenshots: ``python -m handbook``."""
