"""One run from its folder to its report: begin or resume, drive an engine, watch, stop, account."""

from __future__ import annotations

import signal
import threading
import time
from typing import TYPE_CHECKING

import msgspec

from nemo_sdg.engine.autoscaling import Scaling
from nemo_sdg.engine.board import Board
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.interrupt import Interrupts
from nemo_sdg.engine.lock import locked
from nemo_sdg.engine.metrics import Metrics
from nemo_sdg.engine.outcome import Outcome, report_of, wrong_rows
from nemo_sdg.engine.page import write_page
from nemo_sdg.engine.plan import SIMULATED
from nemo_sdg.engine.preflight import preflight
from nemo_sdg.engine.progress import Progress
from nemo_sdg.engine.resume import begin
from nemo_sdg.engine.work import divide
from nemo_sdg.errors import NemoSDGError, OutputError
from nemo_sdg.report.numbers import RunReport, RunTitle
from nemo_sdg.report.use_history import UseHistory
from nemo_sdg.stages.own_code import told

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from nemo_sdg.engine.lock import Lock
    from nemo_sdg.engine.plan import Plan
    from nemo_sdg.engine.resume import Beginning
    from nemo_sdg.engine.work import Parcel, PoolWork
    from nemo_sdg.report.numbers import Snapshot
    from nemo_sdg.report.observer import Observer

_TICK = 0.25  # seconds between two looks at the board
_NEWS = 0.75  # seconds until what a worker has sent is known here, and a stop there


def run_job(plan: Plan, observer: Observer, began: float | None = None) -> RunReport:
    """Run `plan` into its sink's folder, or go on where an earlier run stopped; return how it ended.

    A finished folder is left as it is. `began` is when the command started, in Unix seconds.
    Raises `OutputError` for a folder that cannot be used, `ConfigError` and `FatalRequestError` for what
    shows before work begins; what happens later is in the report's `state` and `message`.
    """
    began = time.time() if began is None else began
    folder = RunFolder.of(plan.sink)
    folder.check_ours()
    folder.create()
    with locked(folder, observer.note) as lock:
        folder.delete_unfinished()
        beginning = begin(plan, folder)
        run = _Run(plan, folder, lock, beginning, observer, began)
        if not beginning.waiting:
            for note in beginning.notes:
                observer.note(note)
            report = run.last_report()
            by_whom = " of the simulated endpoint" if report.simulated else ""
            rows = f"{report.counts.rows_written:,} rows{by_whom}"
            observer.note(f"{folder.url} is finished: {rows}; nothing to do")
            return report
        return run.go([*preflight(plan.paid_stages), *beginning.notes])


class _Run:
    """The part of a run in which workers work."""

    def __init__(  # noqa: PLR0917 - what a run is, each thing once
        self,
        plan: Plan,
        folder: RunFolder,
        lock: Lock,
        beginning: Beginning,
        observer: Observer,
        began: float,
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._lock = lock
        self._manifest = beginning.manifest
        self._shards = beginning.waiting
        self._observer = observer
        self._board = Board()
        kept = {shard: msgspec.structs.replace(paid, reused=0) for shard, paid in beginning.kept.items()}
        self._progress = Progress(self._board, self._manifest.rows, beginning.done.values(), kept, began)
        self._scaling: Scaling | None = None
        self._uses = UseHistory()
        self._outcome = Outcome()
        self._sends = True
        self._answers_kept = sum(paid.reused for paid in beginning.kept.values())
        self._interrupts = Interrupts(self._board.stop, plan.stop_within)

    def last_report(self) -> RunReport:
        """Return the report of a run that is finished."""
        try:
            report = self._folder.read_report()
        except OutputError:  # torn: all that it said is in the shards' marks
            report = None
        if report is None or report.state != "finished" or report.rows_total != self._manifest.rows:
            report = self._report()  # killed between its last commit and its report
            self._folder.write_report(report)
            write_page(self._folder, self._manifest, report)
        # Judged anew: the share that is allowed may be another one now.
        return msgspec.structs.replace(report, message=wrong_rows(self._plan.caps, report.counts) or "")

    def go(self, notes: Sequence[str]) -> RunReport:
        """Run what is left to do."""
        pools = self._pools()
        self._observer.begin(self._title())
        for note in notes:
            self._observer.note(note)
        if spent := self._plan.caps.spent(self._progress.counts(), coming=1):
            self._outcome = Outcome("stopped", spent)
            self._sends = False
            if not self._answers_kept:
                return self._finish()
            pools = [pool._replace(sends=False) for pool in pools]  # rows are made of what is there
        if self._plan.engine == "ray":
            wanted = self._progress.workers_wanted
            self._observer.note(f"starting {wanted} Ray actors, which takes some seconds")
        with self._interrupts:
            ticking = threading.Event()
            ticker = threading.Thread(target=self._tick_until, args=(ticking,), daemon=True)
            ticker.start()
            try:
                for parcel in self._parcels(pools):
                    self._take(parcel)
            except (KeyboardInterrupt, SystemExit) as error:  # the latter from Ray, while it starts
                late = signal.SIGTERM if isinstance(error, SystemExit) else signal.SIGINT
                number = self._interrupts.number or late
                self._outcome = Outcome(
                    "stopped", "stopped at once; what was in flight is asked again", number
                )
            except Exception as error:
                self._outcome = Outcome("failed", told(error))
                if not isinstance(error, NemoSDGError):
                    raise  # a mistake of ours: with all that Python knows of it
            finally:
                ticking.set()
                ticker.join()
                report = self._finish()
        return report

    def _pools(self) -> list[PoolWork]:
        plan, workers = self._plan, self._plan.workers
        if workers == "auto":
            self._scaling = Scaling(plan.paid_stages)
            workers = self._scaling.workers
        pools = divide(plan.source, plan.stages, plan.sink, workers)
        ray = plan.engine == "ray"
        self._progress.workers_wanted = sum(pool.workers for pool in pools) if ray else len(pools)
        return pools

    def _title(self) -> RunTitle:
        return RunTitle(
            pipeline=self._plan.name,
            output=self._folder.url,
            rows_total=self._manifest.rows,
            models=sorted(self._plan.models),
            endpoints=self._plan.endpoints(),
            simulated=SIMULATED in self._plan.models,
            engine=self._plan.engine,
            workers=self._progress.workers_wanted,
            max_cost=self._plan.caps.max_cost,
        )

    def _parcels(self, pools: Sequence[PoolWork]) -> Iterator[Parcel]:
        if self._plan.engine == "local":
            from nemo_sdg.engine.local import run_local  # noqa: PLC0415 - one of the two is needed

            return run_local(pools, self._folder, self._shards, self._board)
        from nemo_sdg.engine.ray_engine import run_on_ray  # noqa: PLC0415 - one of the two is needed

        elastic = [] if self._scaling is None else self._scaling.elastic(pools)
        metrics = Metrics(self._plan.name, self._snapshot)
        return run_on_ray(
            pools,
            self._folder,
            self._shards,
            self._board,
            self._plan.address,
            elastic,
            metrics,
            say=self._observer.note,
        )

    def _take(self, parcel: Parcel) -> None:
        self._progress.add(parcel)
        if parcel.state == "failed":
            self._end(Outcome("failed", parcel.message))

    def _end(self, outcome: Outcome) -> None:
        """End the run for the first reason there is; what is in flight arrives."""
        if not self._outcome.state:
            self._outcome = outcome
        self._board.stop()

    def _tick_until(self, ended: threading.Event) -> None:
        while not ended.wait(_TICK):
            snapshot = self._snapshot()
            snapshot.stopping = self._board.stopping
            snapshot.stop_within = self._interrupts.left
            self._uses.add(snapshot.elapsed, snapshot.endpoints)
            self._observer.update(snapshot)
            if not snapshot.stopping:
                self._watch(snapshot)
            if self._scaling is not None:
                self._progress.workers_wanted = self._scaling.follow(snapshot)

    def _snapshot(self) -> Snapshot:
        snapshot = self._progress.snapshot()
        snapshot.cost = self._plan.caps.cost(snapshot.counts)
        return snapshot

    def _watch(self, snapshot: Snapshot) -> None:
        """End the run when it should not go on."""
        caps = self._plan.caps
        coming = snapshot.in_flight + _NEWS * self._progress.requests_a_second(snapshot)
        if self._lock.lost:
            self._end(Outcome("failed", self._lock.lost))
        elif wrong := caps.wrong(*self._progress.judged()):
            self._end(Outcome("failed", wrong))
        elif self._sends and (spent := caps.spent(snapshot.counts, coming)):
            self._end(Outcome("stopped", spent))

    def _finish(self) -> RunReport:
        self._interrupts.ignore()
        if self._interrupts.number and not self._outcome.state:
            self._outcome = Outcome("stopped", "stopped as asked; what was in flight is kept")
        report = self._report()
        try:
            self._folder.write_report(report)
            hurried = report.state != "finished"
            write_page(self._folder, self._manifest, report, hurried=hurried)
        except OutputError as error:  # a full disk: what happened is at least said
            self._observer.note(f"the report cannot be written: {error}")
        if report.state == "finished" and (passed := self._plan.caps.passed(report.counts)):
            self._observer.note(passed)
        self._observer.end(report)
        return report

    def _report(self) -> RunReport:
        return report_of(self._plan, self._folder, self._manifest, self._progress, self._uses, self._outcome)
