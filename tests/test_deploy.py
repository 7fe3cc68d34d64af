"""What `deploy/` holds fits this version of the project."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
VERSION = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
RAY = re.search(r"^ray==([\d.]+)", (ROOT / "requirements.lock").read_text(), re.MULTILINE)[1]


def test_image_has_the_ray_of_the_lock():
    """The image is pinned to the Ray that the lock has, and copies only what is there."""
    text = (DEPLOY / "Dockerfile").read_text()

    assert re.search(r"^FROM rayproject/ray:([\d.]+)-py311$", text, re.MULTILINE)[1] == RAY
    for sources in re.findall(r"^COPY --chown=\S+ (.+) \S+$", text, re.MULTILINE):
        assert all((ROOT / source).exists() for source in sources.split())
    assert f"nemo-sdg:{VERSION} " in text


def test_kubernetes_job_fits_itself():
    """Pods have this version, the cluster its Ray, each mount a volume, and only the head the key."""
    spec = yaml.safe_load((DEPLOY / "rayjob.yaml").read_text())["spec"]
    cluster = spec["rayClusterSpec"]
    head = cluster["headGroupSpec"]["template"]["spec"]
    pods = [head, *(group["template"]["spec"] for group in cluster["workerGroupSpecs"])]

    assert cluster["rayVersion"] == RAY
    assert cluster["authOptions"] == {"mode": "token"}
    for pod in pods:
        (container,) = pod["containers"]
        assert container["image"] == f"nemo-sdg:{VERSION}"
        mounted = {mount["name"] for mount in container["volumeMounts"]}
        assert mounted == {volume["name"] for volume in pod["volumes"]}
        assert ("envFrom" in container) == (pod is head)


def test_slurm_script_is_well_formed():
    """Bash can read the script, and Slurm its options: they stand before the first command."""
    script = DEPLOY / "slurm.sbatch"
    done = subprocess.run(["bash", "-n", str(script)], check=False, capture_output=True, text=True)

    assert done.returncode == 0, done.stderr
    lines = script.read_text().splitlines()
    first = next(number for number, line in enumerate(lines) if line and not line.startswith("#"))
    assert not [line for line in lines[first:] if line.startswith("#SBATCH")]
