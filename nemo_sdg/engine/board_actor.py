"""The board of a job on a cluster: an actor beside the driver, which workers on any node reach.

The first worker that is at work makes it: a process more costs seconds of CPU, and none of them on the way to
the first request. It ends with the worker that made it, and another one makes the next; the driver tells each
whether to stop.
"""

from __future__ import annotations

import threading
import time
import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.engine.budget_actor import NAMESPACE

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nemo_sdg.engine.board import Board
    from nemo_sdg.engine.heartbeat import Heartbeat

_LOOK = 0.25  # seconds between two looks of the driver
_LONGEST_LOOK = 5.0  # seconds, after which the driver looks again
_WAIT = 0.1  # seconds that a worker waits for the board's answer; else it hears it with its next heartbeat
_GIVE_UP = 5.0  # seconds after which a worker posts again
_encode = msgspec.msgpack.Encoder().encode


class BoardActor:
    """Holds what workers have posted until the driver looks."""

    def __init__(self) -> None:
        self._new: dict[str, bytes] = {}
        self._stopping = False

    def post(self, worker: str, beat: bytes) -> bool:
        """Keep the latest of `worker`; return whether workers are to stop."""
        self._new[worker] = beat
        return self._stopping

    def look(self, stopping: bool) -> dict[str, bytes]:
        """Return what is new; the driver says each time whether workers are to stop, for this may be lost."""
        self._stopping = stopping
        new, self._new = self._new, {}
        return new


class RayNotices:
    """`Notices` on the actor `name`, on the node `node`: never waits long for it, and goes on without it."""

    def __init__(self, name: str, node: str) -> None:
        self._name = name
        self._node = node
        self._actor: Any = None
        self._finding: threading.Thread | None = None
        self._stopping = False
        self._asked: Any = None
        self._asked_at = 0.0

    def post(self, worker: str, beat: Heartbeat) -> bool:
        """See `Notices.post`; while the board does not answer, what it said last."""
        import ray  # noqa: PLC0415 - where it runs it is there

        if self._actor is None:
            self._find()
            return self._stopping
        now = time.monotonic()
        try:
            if self._asked is None or now - self._asked_at > _GIVE_UP:
                self._asked, self._asked_at = self._actor.post.remote(worker, _encode(beat)), now
            if ray.wait([self._asked], timeout=_WAIT)[0]:
                asked, self._asked = self._asked, None
                self._stopping = ray.get(asked)
        except Exception:  # noqa: BLE001 - whatever became of the board, work goes on
            self._asked = self._actor = None
        return self._stopping

    def _find(self) -> None:
        """Have the actor found, or made, in a thread of its own: the cluster may take its time."""
        if self._finding is None or not self._finding.is_alive():
            self._finding = threading.Thread(target=self._make, name="nemo-sdg-board", daemon=True)
            self._finding.start()

    def _make(self) -> None:
        import ray  # noqa: PLC0415 - it is imported by now
        from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 - as above

        with suppress(Exception):  # the cluster may be losing a node: again, with a later heartbeat
            self._actor = (
                ray.remote(BoardActor)
                .options(
                    name=self._name,
                    namespace=NAMESPACE,
                    get_if_exists=True,
                    num_cpus=0,
                    max_restarts=-1,
                    max_task_retries=2,
                    # Beside the driver, so that losing another node does not lose it.
                    scheduling_strategy=NodeAffinitySchedulingStrategy(self._node, soft=False),
                )
                .remote()
            )

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as the way to the actor."""
        return (RayNotices, (self._name, self._node))


@contextmanager
def on_cluster(board: Board) -> Iterator[RayNotices]:
    """Yield the workers' way to `board`, which follows what they post until the context ends."""
    import ray  # noqa: PLC0415 - takes long to import

    name = f"board-{uuid.uuid4().hex}"
    ended = threading.Event()
    looking = threading.Thread(target=_follow, args=(name, board, ended), name="nemo-sdg-board", daemon=True)
    looking.start()
    try:
        yield RayNotices(name, ray.get_runtime_context().get_node_id())
    finally:
        ended.set()
        looking.join()


def _follow(name: str, board: Board, ended: threading.Event) -> None:
    import ray  # noqa: PLC0415 - it is imported by now

    from nemo_sdg.engine.heartbeat import Heartbeat  # noqa: PLC0415 - the actor does without

    decode = msgspec.msgpack.Decoder(Heartbeat).decode
    actor: Any = None
    while not ended.wait(_LOOK):
        try:
            actor = actor or ray.get_actor(name, NAMESPACE)
            new = ray.get(actor.look.remote(board.stopping), timeout=_LONGEST_LOOK)
        except Exception:  # noqa: BLE001 - not there yet, starting again, or Ray is ending: look again
            actor = None
            continue
        for worker, beat in new.items():
            board.post(worker, decode(beat))
