# SPDX-License-Identifier: BSD-2-Clause
"""The parts, one file each; ``proof/__init__.py`` says how to add one."""
