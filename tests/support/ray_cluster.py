# SPDX-License-Identifier: BSD-2-Clause
"""A Ray cluster of three nodes on this machine: a head, and two that may run bots."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from ray._raylet import GcsClient
from ray.cluster_utils import Cluster

from pipecat_daily_rest.server.ray_connection import authenticate
from pipecat_daily_rest.server.ray_launcher import RESOURCE

FIRST = "first"  # a resource of the first of the two
# Ray's logs, autoscaler and dashboard take time to start, and tests need none of them.
_SMALL = {
    "num_cpus": 0,
    "object_store_memory": 80 << 20,
    "include_log_monitor": False,
    "no_monitor": True,
}


class RayCluster:
    """A cluster, whose token is in this process's environment."""

    def __init__(self, most: int) -> None:
        self._cluster = Cluster(
            initialize_head=True, head_node_args={**_SMALL, "include_dashboard": False}
        )
        marks = {RESOURCE: most}
        self.nodes = [
            self._cluster.add_node(wait=False, resources=each, **_SMALL)
            for each in ({**marks, FIRST: 20}, marks)
        ]
        self._cluster.wait_for_nodes()
        self.address: str = self._cluster.address

    def drain(self, node: Any) -> None:
        """Have Ray drain a node, as `ray drain-node` does."""
        client = GcsClient(address=self.address)
        reason = 2  # DRAIN_NODE_REASON_PREEMPTION
        took, why = client.drain_node(node.node_id, reason, "for a test", 0)
        assert took, why

    def close(self) -> None:
        self._cluster.shutdown()


@contextmanager
def ray_cluster(most: int, folder: Path) -> Iterator[RayCluster]:
    """Start a cluster whose two nodes take so many bots each, with its files in a folder."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patch.setenv("RAY_TMPDIR", str(folder))
        patch.setenv("RAY_AUTH_TOKEN", secrets.token_urlsafe(32))
        patch.setenv("RAY_AUTH_MODE", "token")
        authenticate(is_local=False)
        cluster = RayCluster(most)
        patch.setenv("RAY_ADDRESS", cluster.address)
        try:
            yield cluster
        finally:
            cluster.close()
