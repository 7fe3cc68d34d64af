"""Conversations in the chat template of a Hugging Face tokenizer."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nemo_sdg.client.conversation import ConversationFormatter
from nemo_sdg.client.shown import shown
from nemo_sdg.client.tokenizer_files import read_tokenizer
from nemo_sdg.client.turns import misplaced, turn_at
from nemo_sdg.errors import ConfigError, TemplateError

if TYPE_CHECKING:
    from jinja2 import Template


class HuggingFaceFormatter(ConversationFormatter):
    """Formats conversations as `apply_chat_template` of a Hugging Face tokenizer does, without tokenizing.

    `tokenizer` is a folder that has its files, the id of a model on the Hugging Face hub (`revision` is its
    branch, tag or commit), or a tokenizer object. Files are read once, here, and need no further library; the
    hub needs the extra `tokenizers`. `chat_template` stands in for the tokenizer's own; where that has
    several, `template_name` chooses one. `template_kwargs` are passed on, as in `{"enable_thinking": False}`.

    What asks for the answer is put at the end unless `add_generation_prompt` is False, as for a reward model.
    Most servers begin each prompt with the token for its beginning themselves: then `bos=False` leaves that
    of the template off; `ClientvLLM` has the server add none.

    A conversation that the template refuses raises `TemplateError`, which shows the turn. Raises
    `ConfigError` for a tokenizer that cannot be used.
    """

    def __init__(
        self,
        tokenizer: Any,
        *,
        revision: str | None = None,
        chat_template: str | None = None,
        template_name: str = "default",
        add_generation_prompt: bool = True,
        bos: bool = True,
        template_kwargs: dict[str, Any] | None = None,
    ) -> None:
        self.add_generation_prompt = add_generation_prompt
        self.bos = self.special_tokens = bos
        self.template_kwargs = dict(template_kwargs or {})
        self._compiled: Template | None = None
        self._object: Any = None
        if isinstance(tokenizer, (str, Path)):
            templates, self._tokens = read_tokenizer(tokenizer, revision)
            if chat_template is None and template_name not in templates:
                raise ConfigError(
                    f"the tokenizer {tokenizer} has no chat template {template_name!r}: it has "
                    f"{', '.join(sorted(templates))}"
                )
            self._text = templates[template_name] if chat_template is None else chat_template
            self._template()
        elif callable(getattr(tokenizer, "apply_chat_template", None)):
            self._object = tokenizer
            self._text = chat_template or ""
            self._tokens = {"bos_token": getattr(tokenizer, "bos_token", None)}
        else:
            raise ConfigError(
                f"tokenizer is a {type(tokenizer).__name__}: give a folder, the id of a model on the Hugging "
                "Face hub, or a tokenizer that has apply_chat_template"
            )

    def __getstate__(self) -> dict[str, Any]:
        """Leave the compiled template behind, which cannot travel."""
        return {**self.__dict__, "_compiled": None}

    @property
    def identity(self) -> str:
        """The template and its settings, in a digest."""
        own = self._text or str(getattr(self._object, "chat_template", ""))
        told = (own, self._tokens, self.add_generation_prompt, self.bos, self.template_kwargs)
        text = json.dumps(told, sort_keys=True, default=str)
        return f"{type(self).__qualname__} {hashlib.sha256(text.encode()).hexdigest()[:16]}"

    def format_conversation(self, conv: list[dict[str, Any]]) -> str:
        """Return `conv` as the template writes it."""
        try:
            prompt = self._rendered(conv)
        except Exception as error:  # noqa: BLE001 - whatever expressions in a template may raise
            raise TemplateError(f"the chat template refuses the conversation: {_why(error, conv)}") from None
        bos = self._tokens.get("bos_token")
        return prompt if self.bos or not bos else prompt.removeprefix(bos)

    def _rendered(self, conv: list[dict[str, Any]]) -> str:
        if self._object is None:
            return self._template().render(
                **{
                    "tools": None,
                    "documents": None,
                    **self._tokens,
                    **self.template_kwargs,
                    "messages": conv,
                    "add_generation_prompt": self.add_generation_prompt,
                }
            )
        given = {"chat_template": self._text} if self._text else {}
        return str(
            self._object.apply_chat_template(
                conv,
                tokenize=False,
                add_generation_prompt=self.add_generation_prompt,
                **given,
                **self.template_kwargs,
            )
        )

    def _template(self) -> Template:
        if self._compiled is None:
            from nemo_sdg.client.chat_template import compile_chat_template  # noqa: PLC0415 - slow to import

            self._compiled = compile_chat_template(self._text)
        return self._compiled


def _why(error: Exception, conv: list[dict[str, Any]]) -> str:
    said = shown(error)
    place = misplaced(conv)
    if place is not None:
        return f"{said}; {turn_at(conv, place)} is out of order"
    return f"{said}; its roles are {', '.join(shown(turn.get('role'), 40) for turn in conv[:20])}"
