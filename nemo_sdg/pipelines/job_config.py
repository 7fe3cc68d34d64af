"""What every pipeline's config has: endpoint, model, sampling, client, output, engine."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any, Literal, Self, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator, model_validator

from nemo_sdg.client import (
    AsyncEndpointPool,
    AsyncLLMClient,
    AsyncOpenAIClient,
    ClientvLLM,
    GenerationConfig,
    Hedge,
)
from nemo_sdg.engine.caps import Caps
from nemo_sdg.engine.plan import SIMULATED
from nemo_sdg.engine.prices import Prices
from nemo_sdg.errors import ConfigError
from nemo_sdg.limits import Limits
from nemo_sdg.pipelines.own_stages import StageEntry, load_stages
from nemo_sdg.redact import shown_url
from nemo_sdg.stages import JsonlWriter, ParquetWriter, Sink, Stage

if TYPE_CHECKING:
    from collections.abc import Callable


class Section(BaseModel):
    """A part of a config: no keys but its own, and no truth value where a number belongs."""

    model_config = ConfigDict(extra="forbid", use_attribute_docstrings=True, arbitrary_types_allowed=True)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_value(cls, value: Any, field: ValidationInfo) -> Any:
        """Refuse what pydantic would take for 0 or 1."""
        if isinstance(value, bool):
            kind = cls.model_fields[str(field.field_name)].annotation
            if bool not in (kind, *get_args(kind)) and {int, float} & {kind, *get_args(kind)}:
                raise ValueError(f"{str(value).lower()} is no number: give a number")
        return value


class ClientSettings(Section):
    """How the endpoint is asked; see `AsyncOpenAIClient`, and `ClientvLLM` for `kind: vllm`."""

    kind: Literal["openai", "vllm"] = "openai"
    """Of the server: vllm sends no key of another server, and takes a tokenizer."""
    tokenizer: str | None = None
    """Folder or Hugging Face id of the tokenizer whose chat template is applied here, for `kind: vllm`; none:
    the server applies its own."""
    tokenizer_revision: str | None = None
    """Branch, tag or commit of the tokenizer."""
    max_concurrent_requests: int = Field(default=5, ge=1)
    """Requests in flight at a time, for each worker."""
    max_retries: int = Field(default=3, ge=0)
    """Further tries after a transient failure."""
    base_delay: float = Field(default=1.0, ge=0)
    """Seconds of the first delay between tries, at most; it doubles."""
    timeout: float = Field(default=120, gt=0)
    """Seconds for one try."""
    deadline: float = Field(default=3600, gt=0)
    """Seconds for one request with all its tries."""
    hedge: Hedge | None = None
    """When requests that take long are sent twice; none: never. See `Hedge`."""

    @field_validator("hedge", mode="before")
    @classmethod
    def _hedge(cls, value: Any) -> Any:
        return Hedge.of(value) if isinstance(value, dict) else value

    @model_validator(mode="after")
    def _tokenizer_is_for_vllm(self) -> Self:
        if self.kind != "vllm" and (self.tokenizer or self.tokenizer_revision):
            raise ConfigError(
                "client.tokenizer is for vLLM servers: set client.kind to vllm, or leave it out"
            )
        return self


class EndpointEntry(Section):
    """One of several endpoints for the job's model."""

    base_url: str = Field(min_length=1)
    """URL of an OpenAI-compatible server, mostly ending in /v1."""
    api_key_env: str | None = None
    """Name of the environment variable that holds its API key."""
    model: str | None = Field(default=None, min_length=1)
    """Name of the model there; none: the job's."""
    limits: Limits = Limits()
    """What it allows all workers together; what is not said is learnt. See `Limits`."""
    max_concurrent_requests: int | None = Field(default=None, ge=1)
    """Requests in flight there at a time, for each worker; none: the client's."""

    @field_validator("api_key_env")
    @classmethod
    def _name_of_a_variable(cls, value: str | None) -> str | None:
        return _checked_name(value)

    @field_validator("limits", mode="before")
    @classmethod
    def _limits(cls, value: Any) -> Any:
        return _checked_limits(value)


class JobConfig(Section):
    """The part of a config that all pipelines share."""

    pipeline: str
    """Which pipeline."""
    model: str = Field(default=SIMULATED, min_length=1)
    """Name of the model, as the endpoint calls it."""
    base_url: str | None = None
    """URL of an OpenAI-compatible server, mostly ending in /v1; none: the simulated endpoint."""
    api_key_env: str | None = None
    """Name of the environment variable that holds the API key."""
    endpoints: list[EndpointEntry] | None = None
    """Several endpoints or keys for the model, in place of base_url, api_key_env and limits; each with these,
    and with model and max_concurrent_requests where they are its own. See `AsyncEndpointPool`."""
    generation: GenerationConfig = GenerationConfig()
    """Sampling parameters; see `GenerationConfig`."""
    client: ClientSettings = ClientSettings()
    """How the endpoint is asked."""
    limits: Limits = Limits()
    """What the endpoint allows all workers together; what is not said is learnt. See `Limits`."""
    stages: list[StageEntry] = []
    """Stages of your own after the pipeline's: `module:Class`, or `module:Class: {argument: value}`."""
    output: str = Field(min_length=1)
    """Folder for the dataset, or the URL of one, as s3://bucket/folder."""
    format: Literal["parquet", "jsonl"] = "parquet"
    """Of the dataset."""
    engine: Literal["ray", "local"] = "ray"
    """Ray actors, or this process alone."""
    workers: int | Literal["auto"] = 2
    """Ray actors that ask, each with a client of its own; auto: as many as the limits can feed."""
    address: str | None = None
    """Address of a Ray cluster; none: RAY_ADDRESS, else Ray is started on this machine."""
    shard_rows: int | None = Field(default=None, ge=1)
    """Rows that a worker takes and commits at a time; none: as suits the number of rows."""
    prices: Prices | None = None
    """Money for a million tokens, `prompt` and `completion`, in any currency."""
    max_cost: float | None = None
    """Money, in that of `prices`, at which the job ends; counted over all runs into the same folder."""
    max_tokens_total: int | None = None
    """Prompt and completion tokens at which the job ends; counted over all runs into the same folder."""
    max_rejected: float = 0.5
    """Share of rejected rows above which the job ends early, as 0.05 or 5%."""
    stop_within: float = Field(default=25.0, ge=0)
    """Seconds from Ctrl-C or SIGTERM until what is still in flight is given up."""
    simulator: dict[str, Any] | None = None
    """Latency, limits and faults of the simulated endpoint; see `nemo-sdg simulate --help`."""

    @field_validator("api_key_env")
    @classmethod
    def _name_of_a_variable(cls, value: str | None) -> str | None:
        return _checked_name(value)

    @field_validator("output", mode="before")
    @classmethod
    def _text(cls, value: Any) -> Any:
        return os.fspath(value) if isinstance(value, os.PathLike) else value

    @field_validator("prices", mode="before")
    @classmethod
    def _prices(cls, value: Any) -> Any:
        return Prices.of(value)

    @field_validator("max_rejected", mode="before")
    @classmethod
    def _share(cls, value: Any) -> Any:
        if isinstance(value, str) and value.endswith("%"):
            return float(value[:-1]) / 100
        return value

    @model_validator(mode="after")
    def _real_model(self) -> Self:
        self._check_endpoints()
        Caps(self.max_rejected, self.max_cost, self.max_tokens_total, self.prices)
        if self.base_url is None and self.api_key_env is not None:
            raise ConfigError("base_url is missing: say which endpoint api_key_env is for")
        if not self.simulated and "model" not in self.model_fields_set:
            raise ConfigError("model is missing: name the model to ask, as the endpoint calls it")
        return self

    @field_validator("generation", mode="before")
    @classmethod
    def _generation(cls, value: Any) -> Any:
        return GenerationConfig.of(value) if value is None or isinstance(value, dict) else value

    @field_validator("workers", mode="wrap")
    @classmethod
    def _number_or_auto(cls, value: Any, handler: Callable[[Any], Any]) -> Any:
        try:
            number = handler(int(value) if isinstance(value, str) and value.isdecimal() else value)
        except ValueError:
            number = 0
        if number != "auto" and number < 1:
            raise ValueError(f"{value!r} is no number of workers: give a whole number of at least 1, or auto")
        return number

    @field_validator("limits", mode="before")
    @classmethod
    def _limits(cls, value: Any) -> Any:
        return _checked_limits(value)

    @property
    def simulated(self) -> bool:
        """Whether the simulated endpoint answers, for want of another."""
        return self.base_url is None and self.endpoints is None

    def _check_endpoints(self) -> None:
        if self.endpoints is None:
            return
        if not self.endpoints:
            raise ConfigError("endpoints is empty: give at least one, or leave it out")
        for name in ("base_url", "api_key_env", "limits"):
            if name in self.model_fields_set and getattr(self, name) not in (None, Limits()):
                raise ConfigError(
                    f"{name} and endpoints are both given: put {name} into each of the endpoints"
                )
        asked = [(entry.base_url, entry.api_key_env, entry.model or self.model) for entry in self.endpoints]
        for number, entry in enumerate(asked):
            if entry in asked[:number]:
                raise ConfigError(
                    f"endpoints has {shown_url(entry[0])} twice with the same key and model: leave one out, "
                    "or give it another api_key_env"
                )

    def new_client(self) -> AsyncLLMClient:
        """Return a client for the endpoint, or for all of them."""
        if self.endpoints is None:
            return self._client_of(self.base_url, self.api_key_env, self.limits)
        clients = [
            self._client_of(entry.base_url, entry.api_key_env, entry.limits, entry.max_concurrent_requests)
            for entry in self.endpoints
        ]
        return AsyncEndpointPool(clients, [entry.model for entry in self.endpoints])

    def _client_of(
        self, base_url: str | None, api_key_env: str | None, limits: Limits, most: int | None = None
    ) -> AsyncOpenAIClient:
        vllm = self.client.kind == "vllm"
        others = {"kind"} if vllm else {"kind", "tokenizer", "tokenizer_revision"}
        options: dict[str, Any] = {**self.client.model_dump(exclude=others), "hedge": self.client.hedge}
        if base_url:
            options["base_url"] = base_url
        if base_url and self.model == SIMULATED and api_key_env is None:
            options["api_key"] = "none"  # whatever keys the environment holds are not for the simulator
        if most is not None:
            options["max_concurrent_requests"] = most
        if vllm:
            return ClientvLLM(api_key_env=api_key_env, limits=limits, **options)
        return AsyncOpenAIClient(api_key_env=api_key_env, limits=limits, **options)

    def own_stages(self) -> list[Stage]:
        """Return the user's stages."""
        return load_stages(self.stages)

    def writer(self) -> Sink:
        """Return the writer."""
        return (ParquetWriter if self.format == "parquet" else JsonlWriter)(path=self.output)


def _checked_name(value: str | None) -> str | None:
    if value is not None and not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", value):
        raise ValueError("give the name of an environment variable, such as NVIDIA_API_KEY, not the key")
    return value


def _checked_limits(value: Any) -> Any:
    return Limits.of(value) if value is None or isinstance(value, dict) else value
