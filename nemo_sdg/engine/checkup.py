"""Looking at a job before it runs: its steps, input and output, and one tiny question to each endpoint."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, NamedTuple

from nemo_sdg.client import AsyncOpenAIClient
from nemo_sdg.client.loop_thread import LoopThread
from nemo_sdg.client.openai_client import unlisted
from nemo_sdg.engine.folder import RunFolder
from nemo_sdg.engine.plan import SIMULATED
from nemo_sdg.engine.resume import check_goes_on, holdings
from nemo_sdg.engine.travel import copied
from nemo_sdg.errors import AuthenticationError, MissingKeyError, NemoSDGError, OutputError, RequestError
from nemo_sdg.redact import shown_url
from nemo_sdg.report.checkup import Checkup, EndpointFound, Key, StepFound
from nemo_sdg.stages.asking import AskingStage
from nemo_sdg.stages.own_code import told

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from nemo_sdg.client import AsyncLLMClient
    from nemo_sdg.engine.plan import Plan

_WITH_KEY: dict[bool | None, Key] = {True: "accepted", False: "none sent", None: "not known"}
_LONGEST = 60.0  # seconds for a question with all that is waited for


class _Endpoint(NamedTuple):
    """A client of a model, and the stages that ask it."""

    client: AsyncLLMClient
    model: str
    stages: list[AskingStage]


def checkup(plan: Plan, *, ask: bool = True, told: Callable[[int], None] | None = None) -> Checkup:
    """Return what is found of `plan`; `told` hears how many endpoints are about to be asked.

    Raises `ConfigError` for an input that cannot be used; what is wrong with the output and the endpoints is
    in what is returned.
    """
    rows = sum(shard.rows for shard in plan.source.plan(plan.shard_rows))
    holds, problem = _output(plan)
    endpoints = _endpoints(plan)
    if ask and told is not None:
        told(len(endpoints))
    return Checkup(
        pipeline=plan.name,
        simulated=any(endpoint.model == SIMULATED for endpoint in endpoints),
        steps=[
            StepFound(step.name, list(step.requires), None if step.adds is None else list(step.adds))
            for step in (plan.source, *plan.stages, plan.sink)
        ],
        rows=rows,
        output=RunFolder.of(plan.sink).url,
        output_holds=holds,
        output_problem=problem,
        asked=ask,
        endpoints=_asked(endpoints) if ask else [_found(endpoint) for endpoint in endpoints],
    )


def _output(plan: Plan) -> tuple[str | None, str]:
    """Return what the output holds, and what is wrong with it."""
    folder = RunFolder.of(plan.sink)
    try:
        folder.check_ours()
        folder.check_writable()
        holds = holdings(folder)
        if holds is not None:
            check_goes_on(plan, folder)
    except OutputError as error:
        return None, str(error)
    return holds, ""


def _endpoints(plan: Plan) -> list[_Endpoint]:
    """Return every endpoint and model that is asked, once."""
    found: list[_Endpoint] = []
    for stage in plan.paid_stages:
        if not isinstance(stage, AskingStage):
            continue  # it knows itself how it asks
        clients = getattr(stage.client, "clients", [stage.client])  # those of a pool
        models = getattr(stage.client, "models", [None])
        for client, own in zip(clients, models, strict=True):
            model = own or stage.model_name
            same = next((each for each in found if each.model == model and _same(each.client, client)), None)
            if same is None:
                found.append(_Endpoint(client, model, [stage]))
            else:
                same.stages.append(stage)
    return found


def _same(one: AsyncLLMClient, other: AsyncLLMClient) -> bool:
    """Return whether two clients are of one endpoint and key."""
    try:
        return one is other or (type(one) is type(other) and one.identity == other.identity)
    except MissingKeyError:  # what that is for is told when it is asked
        names = ("endpoints", "api_key_env")
        return all(getattr(one, name, None) == getattr(other, name, None) for name in names)


def _asked(endpoints: Sequence[_Endpoint]) -> list[EndpointFound]:
    """Return what all `endpoints` answer, asked at the same time."""

    async def ask() -> list[EndpointFound]:
        return await asyncio.gather(*map(_ask, endpoints))

    thread = LoopThread("nemo-sdg-check")
    try:
        return thread.run(ask())
    finally:
        thread.stop()


async def _ask(endpoint: _Endpoint) -> EndpointFound:
    client: Any = copied(endpoint.client)
    client.max_retries, client.hedge = 0, None
    client.deadline = min(client.deadline, _LONGEST)
    found = _found(endpoint)
    stage = endpoint.stages[0]
    sends_key = None
    try:
        client.setup()
        if isinstance(client, AsyncOpenAIClient):
            sends_key = client.sends_key
            models = await client.list_models()
            found.listed = endpoint.model in models if models else None
            found.note = unlisted(endpoint.model, models)
        messages, config = stage.tiny_question()
        async with asyncio.timeout(_LONGEST):
            answer = await client.complete(messages, endpoint.model, stage.conversation_formatter, config)
    except MissingKeyError as error:
        found.key, found.error, found.problem = "missing", type(error).__name__, str(error)
    except TimeoutError:
        found.error = "DeadlineError"
        found.problem = f"no answer within {_LONGEST:g} s: look whether the server is busy, then check again"
    except NemoSDGError as error:
        found.error, found.problem = type(error).__name__, str(error)
        if isinstance(error, AuthenticationError):
            found.key = "refused"
        elif isinstance(error, RequestError) and error.status is not None and sends_key:
            found.key = "accepted"
    except Exception as error:  # noqa: BLE001 - of a client of the user's own
        found.error, found.problem = type(error).__name__, told(error)
    else:
        found.answered, found.answered_by, found.latency = True, answer.model, answer.latency
        found.tokens = answer.usage.total_tokens
        found.limits = {
            kind: seen.limit for kind, seen in (answer.limits or {}).items() if seen.limit is not None
        }
        found.key = _WITH_KEY[sends_key]
    finally:
        close = getattr(client, "close", None)
        if close is not None:
            await close()
    return found


def _found(endpoint: _Endpoint) -> EndpointFound:
    """Return what is known of `endpoint` without asking."""
    urls = " ".join(map(shown_url, endpoint.client.endpoints))
    key = getattr(endpoint.client, "api_key_env", None)
    return EndpointFound(urls, endpoint.model, [stage.name for stage in endpoint.stages], key)
