"""The budgets of a cluster: one named Ray actor for each endpoint, credential and model."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any

import msgspec

from nemo_sdg.limits.budget import Budget
from nemo_sdg.limits.exchange import Grant, Report

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future

    from nemo_sdg.limits.budget_name import BudgetName

NAMESPACE = "nemo_sdg"
"""Of the actors' names; all jobs on a cluster share it."""
IDLE = 60.0
"""Seconds without an exchange, after which a budget goes: it outlives jobs, for others may use it."""
_AGAIN = 1.0  # seconds between two tries to find or make a budget
_decode = msgspec.msgpack.Decoder(Report).decode
_decode_grant = msgspec.msgpack.Decoder(Grant).decode
_encode = msgspec.msgpack.Encoder().encode


class BudgetActor:
    """A `Budget` that any process of the cluster can reach."""

    def __init__(self, idle: float = IDLE) -> None:
        self._budget = Budget()
        self._idle = idle
        self._used = time.monotonic()
        threading.Thread(target=self._go_when_idle, daemon=True).start()

    def exchange(self, report: bytes) -> bytes:
        """See `Budget.exchange`."""
        self._used = now = time.monotonic()
        return _encode(self._budget.exchange(_decode(report), now))

    def ready(self) -> bool:
        """Answer, to show that it is there."""
        return True

    def _go_when_idle(self) -> None:
        import ray  # noqa: PLC0415 - where it runs it is there

        while time.monotonic() - self._used < self._idle:
            time.sleep(self._idle / 4)
        ray.kill(ray.get_runtime_context().current_actor)


def budget_actor(name: BudgetName) -> Any:
    """Return the actor that has the budget `name`; it is made if there is none."""
    import ray  # noqa: PLC0415 - takes long to import

    return (
        ray.remote(BudgetActor)
        .options(
            name=f"budget-{name.digest}",
            namespace=NAMESPACE,
            get_if_exists=True,
            lifetime="detached",  # it does not go with the job that happened to make it
            num_cpus=0,
            max_restarts=0,  # another one learns from its members what it should know
        )
        .remote()
    )


class RayLink:
    """A `RemoteLink` to a cluster's budget."""

    def __init__(self, name: BudgetName) -> None:
        self._name = name
        self._actor: Any = budget_actor(name)
        self._lock = threading.Lock()

    @property
    def connected(self) -> bool:
        """Whether there is a budget to talk to."""
        return self._actor is not None

    def send(self, report: Report, reply: Callable[[Grant | None], None]) -> None:
        """See `Link.send`; `reply` is called in a thread of Ray's."""
        import ray  # noqa: PLC0415 - it is imported by now

        actor = self._actor
        if actor is None or not ray.is_initialized():  # in a process that ends, Ray would start one anew
            reply(None)
            return

        def answered(future: Future[bytes]) -> None:
            try:
                grant = _decode_grant(future.result())
            except Exception:  # noqa: BLE001 - whatever it is, there is no answer to be had
                self._lose(actor)
                reply(None)
            else:
                reply(grant)

        try:
            actor.exchange.remote(_encode(report)).future().add_done_callback(answered)
        except Exception:  # noqa: BLE001 - as above
            self._lose(actor)
            reply(None)

    def _lose(self, actor: Any) -> None:
        with self._lock:
            if self._actor is not actor:
                return
            self._actor = None
        threading.Thread(target=self._reconnect, name="nemo-sdg-budget", daemon=True).start()

    def _reconnect(self) -> None:
        import ray  # noqa: PLC0415 - it is imported by now

        while ray.is_initialized():
            try:
                actor = budget_actor(self._name)
                ray.get(actor.ready.remote(), timeout=60)
            except Exception:  # noqa: BLE001 - the cluster may be losing a node: again, until there is one
                time.sleep(_AGAIN)
            else:
                self._actor = actor
                return
