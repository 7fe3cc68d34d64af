"""Stages at work in a process: set up, on one event loop, with the budgets of the limits that they have."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.client.spans import flush_spans
from nemo_sdg.engine.shard_runner import StageSequence
from nemo_sdg.errors import ConfigError
from nemo_sdg.limits import BudgetName, Link
from nemo_sdg.stages.base import PaidStage
from nemo_sdg.stages.own_code import told

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.limits import Limiter
    from nemo_sdg.stages.base import Stage

Links = Callable[[BudgetName], Link]
"""The way to the budget of a name."""


class StageHost:
    """Sets `stages` up and has those of them that ask take part in the budgets that `links` lead to.

    Those of one `job` count as one there.
    """

    def __init__(self, stages: Sequence[Stage], links: Links, job: str) -> None:
        self._stages = stages
        self._loop = LoopThread("nemo-sdg-worker")
        self.sequence = StageSequence(stages, self._loop)
        """What takes rows through the stages."""
        self.limiters: dict[Limiter, BudgetName] = {}
        """All that admit requests of the stages, by whose limits these are."""
        self.broken: Exception | None = None
        """What a stage's `setup` has raised; then nothing can be done here."""
        self.stopping = False
        try:
            for stage in stages:
                stage.setup()
                if isinstance(stage, PaidStage):
                    self.limiters.update({limiter: name for name, limiter in stage.limiters.items()})
            for limiter, name in self.limiters.items():
                limiter.join(links(name), job)
        except SystemExit as error:  # it would end the worker, and the next one
            self.broken = ConfigError(f"a stage's setup wants to exit; raise an error instead: {told(error)}")
        except Exception as error:  # noqa: BLE001 - the driver must hear of it, whatever it is
            self.broken = error

    def tick(self) -> None:
        """Let the limiters do what is due; to be called some times a second."""
        for limiter in self.limiters:
            limiter.tick()

    def stop(self) -> None:
        """Send nothing more, begin nothing new; what is in flight arrives."""
        self.stopping = True
        self.send_nothing()

    def send_nothing(self) -> None:
        """Admit no request any more; what needs none goes on."""
        for limiter in self.limiters:
            limiter.stop()

    def abort(self) -> None:
        """Stop now: what is in flight is given up."""
        self.stop()
        self._loop.stop()

    def close(self) -> None:
        """Close stages and connections."""
        for limiter in self.limiters:
            limiter.leave()
        for stage in self._stages:
            if isinstance(stage, PaidStage):
                self._loop.run(stage.close_paid())
            if self.broken is None:
                stage.close()
        self._loop.stop()
        flush_spans()
