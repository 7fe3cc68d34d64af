"""One request to a model: payload, transport, retry verdict, completion. No Ray, no Arrow."""

from nemo_sdg.client.base import AsyncLLMClient
from nemo_sdg.client.completion import Completion, Usage
from nemo_sdg.client.conversation import ConversationFormatter
from nemo_sdg.client.endpoint_pool import AsyncEndpointPool
from nemo_sdg.client.generation_config import GenerationConfig
from nemo_sdg.client.hedge import Hedge
from nemo_sdg.client.hugging_face_formatter import HuggingFaceFormatter
from nemo_sdg.client.instruct_formatter import InstructFormat, InstructFormatter
from nemo_sdg.client.llm_client import LLMClient
from nemo_sdg.client.no_format import NoFormat
from nemo_sdg.client.openai_client import AsyncOpenAIClient
from nemo_sdg.client.openai_sync import OpenAIClient
from nemo_sdg.client.vllm_client import ClientvLLM

__all__ = [
    "AsyncEndpointPool",
    "AsyncLLMClient",
    "AsyncOpenAIClient",
    "ClientvLLM",
    "Completion",
    "ConversationFormatter",
    "GenerationConfig",
    "Hedge",
    "HuggingFaceFormatter",
    "InstructFormat",
    "InstructFormatter",
    "LLMClient",
    "NoFormat",
    "OpenAIClient",
    "Usage",
]
