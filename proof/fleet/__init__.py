# SPDX-License-Identifier: BSD-2-Clause
"""A fleet of replicas and its Daily, in virtual time."""
