"""One run from its folder to its report: plan or resume, drive an engine, watch, stop, account."""

from __future__ import annotations

import importlib.metadata
import math
import threading
import time
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from nemo_sdg.engine.autoscaling import Scaling
from nemo_sdg.engine.board import Board
from nemo_sdg.engine.changes import changes_between
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.interrupt import Interrupts
from nemo_sdg.engine.lock import locked
from nemo_sdg.engine.manifest import Manifest
from nemo_sdg.engine.plan import SIMULATED
from nemo_sdg.engine.preflight import preflight
from nemo_sdg.engine.progress import Progress
from nemo_sdg.engine.shard_runner import failure_text
from nemo_sdg.engine.work import divide
from nemo_sdg.errors import NemoSDGError, OutputError
from nemo_sdg.report.numbers import RunReport, RunTitle
from nemo_sdg.report.use_history import UseHistory

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from nemo_sdg.engine.lock import Lock
    from nemo_sdg.engine.manifest import ShardDone
    from nemo_sdg.engine.plan import Plan
    from nemo_sdg.engine.work import Parcel, PoolWork
    from nemo_sdg.report.observer import Observer
    from nemo_sdg.stages.base import Shard

_TICK = 0.25  # seconds between two looks at the heartbeats
_SAMPLES = 3


def run_job(plan: Plan, observer: Observer, began: float | None = None) -> RunReport:
    """Run `plan` into its sink's folder, or go on where an earlier run stopped; return how it ended.

    A finished folder is left as it is. `began` is when the command started, in Unix seconds.
    Raises `OutputError` for a folder that cannot be used, `ConfigError` and `FatalRequestError` for what
    shows before work begins; what happens later is in the report's `state` and `message`.
    """
    began = time.time() if began is None else began
    folder = RunFolder.of(plan.sink)
    if folder.is_foreign():
        raise OutputError(
            f"{folder.url} holds files that are not of a run: choose an empty or new folder with --output"
        )
    folder.create()
    with locked(folder, observer.note) as lock:
        done = folder.done()
        manifest, notes = _manifest(plan, folder, done)
        waiting = [shard for shard in manifest.shards if shard.index not in done]
        if not waiting:
            report = _last_report(_Run(plan, folder, lock, manifest, done, observer, began), folder)
            by_whom = " of the simulated endpoint" if report.simulated else ""
            rows = f"{report.counts.rows_written:,} rows{by_whom}"
            observer.note(f"{folder.url} is finished: {rows}; nothing to do")
            return report
        notes += preflight(plan.paid_stages)
        if done:
            finished = manifest.rows - sum(shard.rows for shard in waiting)
            notes.append(f"resuming: {finished:,} of {manifest.rows:,} rows are done")
        return _Run(plan, folder, lock, manifest, done, observer, began).go(waiting, notes)


class _Run:
    """The part of a run in which workers work."""

    def __init__(  # noqa: PLR0917 - what a run is, each thing once
        self,
        plan: Plan,
        folder: RunFolder,
        lock: Lock,
        manifest: Manifest,
        done: Mapping[int, ShardDone],
        observer: Observer,
        began: float,
    ) -> None:
        self._plan = plan
        self._folder = folder
        self._lock = lock
        self._manifest = manifest
        self._observer = observer
        self._began = began
        self._board = Board()
        self._progress = Progress(self._board, manifest.rows, done.values(), began)
        self._scaling: Scaling | None = None
        self._uses = UseHistory()
        self._failure: tuple[str, str] = ("", "")

    def go(self, shards: Sequence[Shard], notes: Sequence[str]) -> RunReport:
        plan, folder = self._plan, self._folder
        workers = plan.workers
        if workers == "auto":
            self._scaling = Scaling(plan.paid_stages)
            workers = self._scaling.workers
        pools = divide(plan.source, plan.stages, plan.sink, workers)
        wanted = sum(pool.workers for pool in pools) if plan.engine == "ray" else len(pools)
        self._progress.workers_wanted = wanted
        models = sorted({getattr(stage, "model_name", "") for stage in plan.paid_stages} - {""})
        self._observer.begin(
            RunTitle(
                pipeline=plan.name,
                output=folder.url,
                rows_total=self._manifest.rows,
                models=models,
                endpoints=_endpoints(plan),
                simulated=SIMULATED in models,
                engine=plan.engine,
                workers=wanted,
            )
        )
        starting = [f"starting {wanted} Ray actors, which takes some seconds"]
        for note in (*notes, *(starting if plan.engine == "ray" else [])):
            self._observer.note(note)
        with ExitStack() as stack:
            interrupts = stack.enter_context(Interrupts(self._stop, plan.stop_within))
            ticking = threading.Event()
            ticker = threading.Thread(target=self._tick, args=(ticking,), daemon=True)
            ticker.start()
            try:
                for parcel in self._parcels(pools, shards):
                    self._take(parcel)
            except KeyboardInterrupt:
                self._failure = ("stopped", "stopped at once; what was in flight is asked again")
            except Exception as error:
                self._failure = ("failed", failure_text(error))
                if not isinstance(error, NemoSDGError):
                    raise  # a mistake of ours: with all that Python knows of it
            finally:
                ticking.set()
                ticker.join()
                report = self._finish(interrupts)
        return report

    def _parcels(self, pools: Sequence[PoolWork], shards: Sequence[Shard]) -> Iterator[Parcel]:
        if self._plan.engine == "local":
            from nemo_sdg.engine.local import run_local  # noqa: PLC0415 - one of the two is needed

            return run_local(pools, self._folder, shards, self._board)
        from nemo_sdg.engine.ray_engine import run_on_ray  # noqa: PLC0415 - one of the two is needed

        elastic = [] if self._scaling is None else self._scaling.elastic(pools)
        return run_on_ray(pools, self._folder, shards, self._board, self._plan.address, elastic)

    def _finish(self, interrupts: Interrupts) -> RunReport:
        if interrupts.number and not self._failure[0]:
            self._failure = ("stopped", "stopped as asked; what was in flight is kept")
        report = self.report()
        try:
            self._folder.write_report(report)
        except OutputError as error:  # a full disk: what happened is at least said
            self._observer.note(f"the report cannot be written: {error}")
        self._observer.end(report)
        return report

    def _take(self, parcel: Parcel) -> None:
        self._progress.add(parcel)
        if parcel.state == "failed" and not self._failure[0]:
            self._failure = ("failed", parcel.message)
            self._board.stop()

    def _stop(self) -> None:
        self._progress.stopping = True
        self._board.stop()

    def _tick(self, ended: threading.Event) -> None:
        while not ended.wait(_TICK):
            snapshot = self._progress.snapshot()
            self._uses.add(snapshot.elapsed, snapshot.endpoints)
            self._observer.update(snapshot)
            if self._lock.lost and not self._failure[0]:
                self._failure = ("failed", self._lock.lost)
                self._board.stop()
            if self._scaling is not None:
                self._progress.workers_wanted = self._scaling.follow(snapshot)

    def report(self) -> RunReport:
        folder, manifest, progress = self._folder, self._manifest, self._progress
        unfinished = any(not folder.is_done(shard.index) for shard in manifest.shards)
        state, message = self._failure
        if unfinished and not state:
            state, message = "failed", "some shards came back unfinished: run the same command again"
        return RunReport(
            pipeline=manifest.pipeline,
            state=state if unfinished else "finished",
            message=message if unfinished else "",
            output=folder.url,
            rows_total=manifest.rows,
            counts=progress.counts(),
            seconds=time.time() - self._began,
            seconds_to_first_request=progress.seconds_to_first_request(),
            requests_per_second=progress.requests_per_second(),
            workers=progress.workers_wanted,
            engine=self._plan.engine,
            endpoints=_endpoints(self._plan),
            simulated=SIMULATED in progress.models,
            models=sorted(progress.models),
            latency=_percentiles(progress.latencies()),
            settings=manifest.settings,
            started=manifest.started,
            version=manifest.version,
            samples=folder.first_rows(manifest, _SAMPLES),
            limits=self._uses.samples(),
            held_back=progress.held_back(),
        )


def _manifest(plan: Plan, folder: RunFolder, done: dict[int, ShardDone]) -> tuple[Manifest, list[str]]:
    """Return the manifest of the run, and what a person should know of how it came about.

    `done` are the committed shards; emptied when they are to run again.

    Before anything is committed all settings may change: answers are kept under what was asked. After that
    only what follows the last stage that asks: rows are then made anew from the answers.
    """
    manifest = folder.manifest()
    settings = plan.settings()
    if manifest is None or not done:
        manifest = Manifest(
            pipeline=plan.name,
            settings=settings,
            suffix=plan.sink.suffix,
            shards=plan.source.plan(plan.shard_rows),
            version=importlib.metadata.version("nemo-sdg"),
            started=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        folder.write_manifest(manifest)
        return manifest, []
    paid = max(plan.paid_steps(), default=0) + 1
    changes = changes_between(manifest.settings[:paid], settings[:paid]).words
    if manifest.suffix != plan.sink.suffix:
        changes.append(f"format: {manifest.suffix[1:]} then, {plan.sink.suffix[1:]} now")
    if changes:
        listed = "\n  ".join(changes)
        raise OutputError(
            f"{folder.url} holds a run with other settings:\n  {listed}\n"
            "choose another folder with --output, or remove this one"
        )
    changes = changes_between(manifest.settings, settings).words
    if not changes:
        return manifest, []
    folder.forget_done()
    done.clear()
    manifest.settings = settings
    folder.write_manifest(manifest)
    return manifest, [f"rows are made anew from the answers that are kept, for {'; '.join(changes)}"]


def _last_report(run: _Run, folder: RunFolder) -> RunReport:
    last = folder.read_report()
    if last is not None and last.state == "finished":
        return last
    # Killed between its last commit and its report: the counts are in the folder.
    report = run.report()
    folder.write_report(report)
    return report


def _endpoints(plan: Plan) -> list[str]:
    clients = (getattr(stage, "client", None) for stage in plan.paid_stages)
    return sorted({url for client in clients for url in getattr(client, "endpoints", ())})


def _percentiles(latencies: Sequence[float]) -> dict[str, float]:
    ordered = sorted(latencies)
    if not ordered:
        return {}
    return {f"p{share}": ordered[math.ceil(share / 100 * len(ordered)) - 1] for share in (50, 95, 99)}
