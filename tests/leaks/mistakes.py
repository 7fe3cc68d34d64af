"""What people get wrong when they give a key, in Python and on the command line."""

from __future__ import annotations

import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

import yaml

from nemo_sdg import AsyncOpenAIClient
from nemo_sdg.client import AsyncEndpointPool, OpenAIClient
from tests.leaks.jobs import KEYS, PLACE, QUICK, pipeline, url

if TYPE_CHECKING:
    from collections.abc import Callable

_KEY = KEYS["python"]
_HEX = KEYS["mistaken"]
_USER = f"http://user:{quote(KEYS['user'], safe='')}@{PLACE}/well/v1"
_QUERY = f"{url('well')}?key={quote(KEYS['address'], safe='')}"
_ENDPOINT = {"base_url": url("well"), "api_key_env": "LEAKS_VARIABLE"}

IN_PYTHON: dict[str, dict[str, Any]] = {
    "key_as_variable": {"api_key_env": _HEX, "base_url": url("well")},
    "odd_key_as_variable": {"api_key_env": _KEY, "base_url": url("well")},
    "key_with_a_blank": {"api_key": f"{_KEY} and", "base_url": url("well")},
    "key_in_a_list": {"api_key": [_KEY], "base_url": url("well")},
    "key_under_another_name": {"key": _KEY, "base_url": url("well")},
    "key_as_url": {"base_url": _KEY},
    "user_in_url": {"base_url": _USER},
    "query_in_url": {"base_url": _QUERY},
    "user_in_url_with_a_slash": {"base_url": f"http://user:{KEYS['user']}@{PLACE}/well/v1"},
    "user_in_url_without_scheme": {"base_url": f"user:{KEYS['user']}@{PLACE}/well/v1"},
    "header_in_a_list": {"default_headers": {"Authorization": [_KEY]}, "base_url": url("well")},
    "header_on_two_lines": {"default_headers": {"Authorization": f"{_KEY}\n"}, "base_url": url("well")},
    "header_of_two": {"default_headers": {f"Authorization: {_KEY}": "x"}, "base_url": url("well")},
}

PROXIES = {
    "no_number": f"http://user:{KEYS['proxy'].replace('/', '')}@127.0.0.1:port",
    "of_another_kind": f"socks5://user:{quote(KEYS['proxy'], safe='')}@127.0.0.1:9",
    "unreachable": f"http://user:{quote(KEYS['proxy'], safe='')}@127.0.0.1:9",
    "with_a_slash": f"http://user:{KEYS['proxy']}@127.0.0.1:9",
    "without_scheme": f"user:{quote(KEYS['proxy'], safe='')}@127.0.0.1:9",
}

_JOB: dict[str, Any] = {
    "pipeline": "multilingual_qa",
    "num_samples": 8,
    "languages": ["English"],
    "prompt": "A question and an answer in {language}",
    "model": "m",
    "output": "out",
    "engine": "local",
    "check_language": False,
    "client": {"max_retries": 0, "base_delay": 0.01},
    **_ENDPOINT,
}
_POOL = {key: value for key, value in _JOB.items() if key not in _ENDPOINT}
TYPED: dict[str, tuple[Any, list[str]]] = {
    "well": (_JOB, ["run"]),
    "plan": (_JOB, ["plan"]),
    "plan_as_data": (_JOB, ["plan", "--json"]),
    "plan_measured": (_JOB, ["plan", "--measure", "2"]),
    "plan_measured_in_vain": ({**_JOB, "base_url": url("dumping")}, ["plan", "--measure", "2"]),
    "plan_refused": ({**_JOB, "base_url": url("revoked")}, ["plan", "--measure", "2"]),
    "refused": ({**_JOB, "base_url": url("refused")}, ["run"]),
    "quietly_refused": ({**_JOB, "base_url": url("revoked")}, ["run", "--quiet"]),
    "unreachable": ({**_JOB, "base_url": "http://127.0.0.1:9/v1"}, ["run"]),
    "endpoints": ({**_POOL, "endpoints": [_ENDPOINT, {**_ENDPOINT, "base_url": url("dumping")}]}, ["run"]),
    "endpoint_with_key": ({**_POOL, "endpoints": [{"base_url": url("well"), "api_key": _KEY}]}, ["run"]),
    "endpoints_no_list": ({**_POOL, "endpoints": {"base_url": url("well"), "api_key": _KEY}}, ["run"]),
    "endpoints_of_keys": ({**_POOL, "endpoints": [_KEY]}, ["run"]),
    "endpoint_with_url": ({**_POOL, "endpoints": [{"base_url": _USER}, {"base_url": _QUERY}]}, ["run"]),
    "endpoints_twice": ({**_POOL, "endpoints": [{"base_url": _QUERY}, {"base_url": _QUERY}]}, ["run"]),
    "key": ({**_JOB, "api_key": _KEY}, ["run"]),
    "key_as_variable": ({**_JOB, "api_key_env": _HEX}, ["run"]),
    "odd_key_as_variable": ({**_JOB, "api_key_env": _KEY}, ["run"]),
    "key_as_variable_in_plan": ({**_JOB, "api_key_env": _HEX}, ["plan", "--measure", "2"]),
    "key_in_a_list": ({**_JOB, "api_key_env": [_KEY]}, ["run"]),
    "key_of_client": ({**_JOB, "client": {"api_key": _KEY}}, ["run"]),
    "key_for_client": ({**_JOB, "client": _KEY}, ["run"]),
    "client_in_a_list": ({**_JOB, "client": [{"api_key": _KEY}]}, ["run"]),
    "user_in_url": ({**_JOB, "base_url": _USER}, ["run"]),
    "query_in_url": ({**_JOB, "base_url": _QUERY}, ["run"]),
    "query_in_url_plan": ({**_JOB, "base_url": _QUERY}, ["plan"]),
    "key_as_url": ({**_JOB, "base_url": _KEY}, ["run"]),
    "stage_with_key": ({**_JOB, "stages": [{"leaks_stage:HoldsKey": {"api_key": _KEY}}]}, ["run"]),
    "stage_with_wrong_key": ({**_JOB, "stages": [{"leaks_stage:HoldsKey": {"key": _KEY}}]}, ["run"]),
    "stages_with_key": ({**_JOB, "stages": {"leaks_stage:HoldsKey": {"api_key": _KEY}}}, ["run"]),
    "simulated": ({**_POOL, "simulator": {"latency": {"median": 1.5}}}, ["run"]),
    "simulator_with_key": ({**_POOL, "simulator": {"api_keys": [_KEY]}}, ["run"]),
    "simulator_of_key": ({**_POOL, "simulator": {"api_key": _KEY}}, ["run"]),
    "simulator_key_no_list": ({**_POOL, "simulator": {"api_keys": _KEY}}, ["run"]),
    "unclosed": (f"pipeline: multilingual_qa\napi_key_env: '{_KEY}\n", ["run"]),
    "no_mapping": (f"{_KEY}\n", ["run"]),
    "key_option": (_JOB, ["run", "--api-key-env", _KEY]),
    "key_named_option": (_JOB, ["run", "--api-key-env", _HEX]),
    "set_key": (_JOB, ["run", "--set", f"api_key={_KEY}"]),
    "set_without_equals": (_JOB, ["run", "--set", f"api_key:{_KEY.replace('=', '')}"]),
    "set_no_yaml": (_JOB, ["run", "--set", f"api_key='{_KEY}"]),
    "set_below": (_JOB, ["run", "--set", f"api_key_env={_HEX}", "--set", "api_key_env.x=1"]),
    "key_as_pipeline": ({**_JOB, "pipeline": _KEY}, ["run"]),
}
_STAGE = """from nemo_sdg import Stage

class HoldsKey(Stage):
    def __init__(self, api_key):
        self.api_key = api_key

    def process(self, batch):
        return batch
"""


def _tried(make: Callable[[], Any]) -> Any:
    """Return what `make` makes; what it is, or the traceback of what it raises, is printed."""
    try:
        made = make()
    except Exception:  # noqa: BLE001 - whatever it is, its words are to be searched
        traceback.print_exc()
        return None
    sys.stdout.write(f"{made!r}\n")
    return made


def in_python(name: str) -> None:
    """Make a mistake in Python, and print what comes of it."""
    asked = _tried(lambda: AsyncOpenAIClient(**{**QUICK, **IN_PYTHON[name]}))
    if asked is not None:
        _tried(lambda: pipeline(asked, Path("out")).run(engine="local"))


def others() -> None:
    """Make further mistakes, and print what comes of them."""
    _tried(lambda: AsyncOpenAIClient(_KEY))
    _tried(lambda: AsyncEndpointPool([_KEY]))
    _tried(lambda: AsyncEndpointPool(_KEY))
    _tried(lambda: OpenAIClient(_KEY))
    _tried(lambda: OpenAIClient(key=_KEY))
    asked = _tried(lambda: OpenAIClient(**{**QUICK, "api_key": _KEY, "base_url": url("dumping")}))
    _tried(lambda: asked.query_model([{"role": "user", "content": "Why?"}], "m"))
    asked.close()


def typed(name: str) -> None:
    """Type a command in this folder."""
    from nemo_sdg.cli import main

    job, arguments = TYPED[name]
    Path("leaks_stage.py").write_text(_STAGE)
    Path("job.yaml").write_text(job if isinstance(job, str) else yaml.safe_dump(job))
    sys.argv = ["nemo-sdg", arguments[0], "job.yaml", *arguments[1:]]
    try:
        main()
    except SystemExit as ended:
        sys.stdout.write(f"status {ended.code}\n")
    except Exception:  # noqa: BLE001 - whatever it is, its words are to be searched
        traceback.print_exc()
    finally:
        Path("job.yaml").unlink()  # the key in it is the user's own doing
