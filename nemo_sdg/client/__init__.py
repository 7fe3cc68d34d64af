"""One request to a model: payload, transport, retry verdict, completion. No Ray, no Arrow."""

from nemo_sdg.client.base import AsyncLLMClient, LLMClient
from nemo_sdg.client.completion import Completion, Usage
from nemo_sdg.client.conversation import ConversationFormatter
from nemo_sdg.client.generation_config import GenerationConfig
from nemo_sdg.client.openai_client import AsyncOpenAIClient, OpenAIClient

__all__ = [
    "AsyncLLMClient",
    "AsyncOpenAIClient",
    "Completion",
    "ConversationFormatter",
    "GenerationConfig",
    "LLMClient",
    "OpenAIClient",
    "Usage",
]
