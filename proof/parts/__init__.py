# SPDX-License-Identifier: BSD-2-Clause
"""The parts, a file each; ``proof`` says how to add one."""
