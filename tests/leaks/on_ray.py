"""Jobs in one Ray, and all that Ray tells those who ask."""

from __future__ import annotations

import importlib.util
import json
import urllib.request
from contextlib import suppress
from typing import TYPE_CHECKING, Any
from unittest import mock

from tests.leaks import jobs

if TYPE_CHECKING:
    from pathlib import Path

Within = Any
_PLACES = (
    "/api/v0/actors?detail=1&limit=10000",
    "/api/v0/tasks?detail=1&limit=10000",
    "/api/v0/jobs?detail=1",
    "/api/v0/objects?detail=1",
    "/api/v0/workers?detail=1",
    "/api/v0/runtime_envs?detail=1",
    "/api/v0/cluster_events?detail=1",
    "/api/v0/tasks/timeline",
    "/api/jobs/",
    "/api/actors/kill",
    "/api/cluster_status?format=1",
    "/logical/actors",
    "/nodes?view=details",
    "/nodes?view=summary",
    "/events",
    "/api/snapshot",
    "/api/cluster_metadata",
    "/api/v0/placement_groups?detail=1",
)


def run(root: Path, cases: list[tuple[str, str]], within: Within) -> None:
    """Run the cases in the Ray that nemo_sdg starts, with its dashboard where that is installed."""
    import ray

    from nemo_sdg.engine.ray_engine import _ray

    start, dashboard = ray.init, importlib.util.find_spec("aiohttp_cors") is not None

    def started(**options: Any) -> Any:
        # With everything on that Ray can write down.
        return start(**{**options, "include_dashboard": dashboard, "log_to_driver": True})

    with mock.patch.object(ray, "init", started), _ray(None):
        for way, mode in cases:
            with within(root / f"{way}-{mode}") as folder:
                jobs.run(way, mode, folder, engine="ray")
        with within(root / "raising") as folder:
            jobs.run("python", "well", folder, engine="ray", stage="process")
        with within(root / "told") as folder:
            _ask_ray(folder)
            if dashboard:
                _ask_dashboard(folder)


def _ask_ray(folder: Path) -> None:
    """Write down what Ray's global state, its key-value store and Ray Data's statistics hold."""
    import ray
    from ray._private.state import state
    from ray.data._internal.stats import get_or_create_stats_actor

    client = ray._private.worker.global_worker.gcs_client
    for space in (
        None,
        *(b"fun", b"session", b"job", b"tracing", b"dashboard", b"cluster", b"package", b"usage_stats"),
    ):
        for key in client.internal_kv_keys(b"", namespace=space):
            value = client.internal_kv_get(key, namespace=space) or b""
            with (folder / "kv").open("ab") as file:
                file.write(key + b"\n" + value + b"\n")
    accessor = state._connect_and_get_accessor()
    told = {
        "actors": accessor.get_actor_table(None, None),
        "jobs": accessor.get_job_table(skip_submission_job_info_field=True, skip_is_running_tasks_field=True),
        "nodes": accessor.get_node_table(),
        "tasks": accessor.get_task_events(),
        "workers": accessor.get_worker_table(),
        "placement_groups": accessor.get_placement_group_table(),
    }
    assert told["actors"]
    assert told["tasks"]
    for name, messages in told.items():
        plain = [message if isinstance(message, bytes) else repr(message).encode() for message in messages]
        (folder / name).write_bytes(b"\n".join(plain))
    actor = get_or_create_stats_actor()
    (folder / "datasets").write_text(repr(ray.get(actor.get_datasets.remote())))
    (folder / "timeline").write_text(json.dumps(ray.timeline()))


def _ask_dashboard(folder: Path) -> None:
    """Write down what the dashboard's pages get."""
    import ray

    base = f"http://{ray._private.worker.global_worker.node.address_info['webui_url']}"
    job = ray.get_runtime_context().get_job_id()
    places = [*_PLACES, f"/api/data/datasets/{job}"]
    told = {}
    for place in places:
        request = urllib.request.Request(
            base + place, headers={"Authorization": f"Bearer {jobs.KEYS['cluster']}"}
        )
        with suppress(OSError):
            told[place] = urllib.request.urlopen(request, timeout=30).read().decode()
    assert len(told) > 5, told
    (folder / "dashboard").write_text("\n".join(f"{place}\n{text}" for place, text in told.items()))
