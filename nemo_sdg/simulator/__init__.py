"""An OpenAI-compatible endpoint that makes its answers up: default endpoint, test double and benchmark peer.

Answers are deterministic, in the language that the prompt names, and recognisable: their `model`
and `system_fingerprint` are "simulated". Latency, limits and faults are settings.
"""

from __future__ import annotations

from nemo_sdg.simulator.manners import Answers
from nemo_sdg.simulator.process import SimulatorProcess
from nemo_sdg.simulator.server import Simulator, serve
from nemo_sdg.simulator.settings import Faults, HeaderStyle, Latency, Limits, SimulatorSettings
from nemo_sdg.simulator.thread import SimulatorThread

__all__ = [
    "Answers",
    "Faults",
    "HeaderStyle",
    "Latency",
    "Limits",
    "Simulator",
    "SimulatorProcess",
    "SimulatorSettings",
    "SimulatorThread",
    "serve",
]
