"""Real servers as processes: vLLM with a tiny model, and LiteLLM's proxy in front of others."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from contextlib import suppress
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "benchmarks" / "vllm_server.py"
VLLM_KEY = "vllm-key-for-tests"
MASTER = "sk-master-for-tests"
KEYS = {
    "sk-plain-for-tests": {},
    "sk-requests-for-tests": {"rpm_limit": 120},
    "sk-tokens-for-tests": {"tpm_limit": 6000},
    "sk-parallel-for-tests": {"max_parallel_requests": 2},
}
"""What LiteLLM's proxy allows its keys. Such keys lie in a database mostly; the proxy limits them alike."""
_KEYS_PY = """
from fastapi import HTTPException
from litellm.proxy._types import LitellmUserRoles, UserAPIKeyAuth

KEYS = {keys!r}

async def user_api_key_auth(request, api_key):
    key = api_key.removeprefix("Bearer ")
    if key == {master!r}:
        return UserAPIKeyAuth(api_key=key, user_role=LitellmUserRoles.PROXY_ADMIN)
    if key not in KEYS:
        raise HTTPException(401, "no such key")
    return UserAPIKeyAuth(api_key=key, user_role=LitellmUserRoles.INTERNAL_USER, **KEYS[key])
"""
_CONFIG = """
model_list:
{models}
general_settings: {{master_key: {master}, custom_auth: keys.user_api_key_auth}}
litellm_settings: {{num_retries: 0, telemetry: false}}
router_settings: {{num_retries: 0, disable_cooldowns: true}}
"""


class VLLM:
    """A vLLM server on one port, which can be killed and started again."""

    model = "tiny"

    def __init__(self, environment: str, folder: Path, *options: str) -> None:
        self.folder = folder
        """Of the model and its tokenizer."""
        self.port = free_port()
        self.base_url = f"http://127.0.0.1:{self.port}/v1"
        given = ["--vllm", environment, "--port", str(self.port), "--dir", str(folder), *options]
        self._command = [sys.executable, str(SCRIPT), *given]
        self._process: subprocess.Popen[str] | None = None

    def start(self) -> VLLM:
        """Start it and wait until it answers, which may take some minutes."""
        pipe = subprocess.PIPE
        self._process = subprocess.Popen(self._command, stdin=pipe, stdout=pipe, text=True)
        if not self._process.stdout.readline():
            self.stop()
            raise RuntimeError(f"vLLM does not start: see {self.folder / 'vllm.log'}")
        return self

    def kill(self) -> None:
        """Kill the server with its workers, as the kernel does for want of memory."""
        pid = self._process.pid
        for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split():
            os.killpg(int(child), signal.SIGKILL)  # the script starts it in a group of its own
        self.stop()

    def stop(self) -> None:
        """End it."""
        process, self._process = self._process, None
        if process is not None:
            process.stdin.close()
            process.wait()
            process.stdout.close()


class LiteLLM:
    """LiteLLM's proxy with a master key, and keys that have limits of their own."""

    def __init__(self, environment: str, folder: Path, models: dict[str, tuple[str, str]]) -> None:
        """Take for each name of a model what LiteLLM calls it, and the base URL behind."""
        lines = [
            f"  - {{model_name: {name}, litellm_params: {{model: {called}, api_base: {url}, api_key: none}}}}"
            for name, (called, url) in models.items()
        ]
        folder.mkdir()
        (folder / "keys.py").write_text(_KEYS_PY.format(keys=KEYS, master=MASTER))
        (folder / "config.yaml").write_text(_CONFIG.format(models="\n".join(lines), master=MASTER))
        port = free_port()
        self.base_url = f"http://127.0.0.1:{port}/v1"
        program = str(Path(environment).absolute() / "bin" / "litellm")
        self._log = (folder / "litellm.log").open("wb")
        self._process = subprocess.Popen(
            [program, "--config", "config.yaml", "--host", "127.0.0.1", "--port", str(port)],
            cwd=folder,
            env={**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True"},
            stdin=subprocess.DEVNULL,
            stdout=self._log,
            stderr=self._log,
            start_new_session=True,
        )
        while self._process.poll() is None and not _answers(f"http://127.0.0.1:{port}/health/liveliness"):
            time.sleep(0.5)
        if self._process.poll() is not None:
            raise RuntimeError(f"LiteLLM does not start: see {folder / 'litellm.log'}")

    def stop(self) -> None:
        """End it with its workers."""
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self._log.close()


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        return int(bound.getsockname()[1])


def _answers(url: str) -> bool:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status == 200
    except OSError:
        return False
