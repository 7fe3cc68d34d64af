"""The board of a job on a cluster: an actor beside the driver, which workers on any node reach."""

from __future__ import annotations

import threading
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import msgspec

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
    """Holds what workers have posted until the driver looks; imports little, so that it is there soon."""

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
    """`Notices` on an actor: never waits long for it, and goes on without it."""

    def __init__(self, actor: Any) -> None:
        self._actor = actor
        self._stopping = False
        self._asked: Any = None
        self._asked_at = 0.0

    def post(self, worker: str, beat: Heartbeat) -> bool:
        """See `Notices.post`; while the board does not answer, what it said last."""
        import ray  # noqa: PLC0415 - where it runs it is there

        now = time.monotonic()
        try:
            if self._asked is None or now - self._asked_at > _GIVE_UP:
                self._asked, self._asked_at = self._actor.post.remote(worker, _encode(beat)), now
            if ray.wait([self._asked], timeout=_WAIT)[0]:
                asked, self._asked = self._asked, None
                self._stopping = ray.get(asked)
        except Exception:  # noqa: BLE001 - whatever became of the board, work goes on
            self._asked = None
        return self._stopping

    def __reduce__(self) -> tuple[object, ...]:
        """Travel as the way to the actor."""
        return (RayNotices, (self._actor,))


@contextmanager
def on_cluster(board: Board) -> Iterator[RayNotices]:
    """Yield the workers' way to `board`, which follows what they post until the context ends."""
    import ray  # noqa: PLC0415 - takes long to import
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy  # noqa: PLC0415 - as above

    here = NodeAffinitySchedulingStrategy(ray.get_runtime_context().get_node_id(), soft=False)
    actor = (
        ray.remote(BoardActor)
        .options(num_cpus=0, max_restarts=-1, max_task_retries=2, scheduling_strategy=here)
        .remote()
    )
    ended = threading.Event()
    looking = threading.Thread(target=_follow, args=(actor, board, ended), name="nemo-sdg-board", daemon=True)
    looking.start()
    try:
        yield RayNotices(actor)
    finally:
        ended.set()
        looking.join()
        ray.kill(actor)


def _follow(actor: Any, board: Board, ended: threading.Event) -> None:
    import ray  # noqa: PLC0415 - it is imported by now

    from nemo_sdg.engine.heartbeat import Heartbeat  # noqa: PLC0415 - the actor does without

    decode = msgspec.msgpack.Decoder(Heartbeat).decode
    while not ended.wait(_LOOK):
        try:
            new = ray.get(actor.look.remote(board.stopping), timeout=_LONGEST_LOOK)
        except Exception:  # noqa: BLE001, S112 - it is starting again, or Ray is ending: look again
            continue
        for worker, beat in new.items():
            board.post(worker, decode(beat))
