"""What was found of a job before it runs, as data."""

from __future__ import annotations

from typing import Literal

import msgspec

Key = Literal["accepted", "refused", "none sent", "missing", "not known"]


class StepFound(msgspec.Struct):
    """One step of the pipeline."""

    name: str
    needs: list[str]
    """Columns that must be there."""
    adds: list[str] | None
    """Columns that it makes; None: nobody knows before it runs."""


class EndpointFound(msgspec.Struct):
    """What one endpoint has answered to one tiny question."""

    endpoint: str
    """URL without credential; "" where it is not known."""
    model: str
    stages: list[str]
    """Those that ask it."""
    api_key_env: str | None = None
    """Variable that holds its key, where one was named."""
    listed: bool | None = None
    """Whether the endpoint lists the model; None: it lists none, or was not asked."""
    key: Key = "not known"
    answered: bool = False
    """Whether the question was answered."""
    answered_by: str | None = None
    """The model that says it has answered."""
    latency: float | None = None
    """Seconds of the answer."""
    tokens: int = 0
    """Prompt and completion."""
    limits: dict[str, float] = {}
    """What the headers of the answer allow, mostly a minute, by what is counted."""
    note: str = ""
    """What a person should know though the question was answered."""
    error: str = ""
    """Class of the error, where there is one."""
    problem: str = ""
    """What is wrong, and what to do."""


class Checkup(msgspec.Struct):
    """All that was found."""

    pipeline: str
    simulated: bool
    """The simulated endpoint was asked, for want of another."""
    steps: list[StepFound]
    rows: int
    """Rows of the input."""
    output: str
    """Folder or URL, without credential."""
    output_holds: str | None
    """What an earlier run has left there, in words."""
    output_problem: str
    """Why it cannot be used, and what to do; "" when it can."""
    asked: bool
    """False: the endpoints were only named, not asked."""
    endpoints: list[EndpointFound]

    @property
    def status(self) -> int:
        """The exit status: 0 all is well, 1 an endpoint fails, 2 the config is wrong."""
        if self.output_problem or any(found.key == "missing" for found in self.endpoints):
            return 2
        return int(any(found.problem for found in self.endpoints))
