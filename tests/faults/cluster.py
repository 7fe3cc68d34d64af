"""A Ray cluster of several nodes on this machine, of which nodes can be killed.

    python cluster.py NODES      makes one, prints its address, adds a node for each line on standard input

It runs in a process of its own, with a folder for Ray's files of its own, so that no other Ray of this
machine is touched by it nor takes it for its cluster. Its nodes are at 127.0.0.2, for what joins a cluster at
127.0.0.1 looks for it at the machine's address.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import uuid
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from faults.processes import Process

HERE = "127.0.0.2"


class Cluster:
    """A head without room for workers, and nodes with room for some; a context manager."""

    def __init__(self, nodes: int = 2) -> None:
        self._nodes = nodes
        self._folder = ""
        self.environment: dict[str, str] = {}
        """What a driver needs to join."""
        self.address = ""

    def __enter__(self) -> Self:
        """Start it."""
        self._folder = tempfile.mkdtemp(prefix="nf-", dir="/tmp")
        self.environment = {
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": uuid.uuid4().hex * 2,
            "RAY_TMPDIR": self._folder,
        }
        self._process = subprocess.Popen(
            [sys.executable, __file__, str(self._nodes)],
            env={**os.environ, **self.environment, "RAY_USAGE_STATS_ENABLED": "0"},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            start_new_session=True,
        )
        self.session = self._process.pid
        self.address = self._line()
        return self

    def __exit__(self, *error: object) -> None:
        """End it, with all that it started."""
        from faults import processes

        processes.clear(self.session, 0)
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()
        shutil.rmtree(self._folder, ignore_errors=True)

    def kill_node(self) -> list[Process]:
        """`kill -9` the raylet of a node that has workers, and all below it; return those workers.

        Another node takes its place.
        """
        from faults import processes

        there = processes.of_session(self.session)
        raylets = filter(processes.is_raylet, there)
        for node in (raylet for raylet in raylets if " --head" not in raylet.title):
            on_it = processes.below(node.pid, there)
            workers = [process for process in on_it if processes.is_worker(process)]
            if workers:
                processes.kill([node, *on_it])
                self.add_node()
                return workers
        return []

    def add_node(self) -> None:
        """Start a node; it joins in its own time."""
        assert self._process.stdin is not None
        self._process.stdin.write("\n")
        self._process.stdin.flush()

    def _line(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()


def main(nodes: int) -> None:
    """Be the process of a cluster."""
    from ray.cluster_utils import Cluster as RayCluster

    small = {"node_ip_address": HERE, "object_store_memory": 80 * 2**20}
    cluster = RayCluster(
        initialize_head=True, head_node_args={**small, "include_dashboard": False, "num_cpus": 0}
    )
    shown, sys.stdout = sys.stdout, sys.stderr
    for _ in range(nodes):
        cluster.add_node(wait=False, num_cpus=1, **small)
    cluster.wait_for_nodes()
    print(cluster.address, file=shown, flush=True)
    for _ in sys.stdin:
        cluster.add_node(wait=False, num_cpus=1, **small)


if __name__ == "__main__":
    main(int(sys.argv[1]))
