"""From a row's columns to the messages that a model is asked."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pyarrow as pa

from nemo_sdg.errors import ConfigError, TemplateError
from nemo_sdg.stages.base import Stage
from nemo_sdg.stages.columns import check_present
from nemo_sdg.stages.rows import reject, set_column
from nemo_sdg.stages.template import Template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from nemo_sdg.stages.template import Style

MESSAGES = "messages"
MESSAGES_TYPE = pa.list_(pa.struct([pa.field("role", pa.string()), pa.field("content", pa.string())]))
ROLES = ("system", "developer", "user", "assistant", "tool")


class PromptTemplateStage(Stage):
    """Makes the conversation for each row from templates.

    Give `prompt` (one user message), with `system_prompt` before it if wanted, or `messages`: a whole
    conversation of {"role", "content"}. Each content is a template; `style` is "format" (`{column}`,
    literal with doubled braces) or "jinja2".

    Needs the columns named in the templates. Adds `messages`: list of structs of `role` and `content`.
    Rows with a null in one of the columns are rejected with `TemplateError`. Raises `ConfigError` for
    messages that cannot be used, `MissingColumnError` for a placeholder that is no column.
    """

    adds = (MESSAGES,)

    def __init__(
        self,
        prompt: str | None = None,
        *,
        system_prompt: str | None = None,
        messages: Sequence[dict[str, str]] | None = None,
        style: Style = "format",
    ) -> None:
        if (prompt is None) == (messages is None):
            given = "neither" if prompt is None else "both"
            raise ConfigError(f"{given} of prompt and messages given: give exactly one of them")
        if messages is None:
            messages = [{"role": "user", "content": prompt or ""}] if isinstance(prompt, str) else []
            if not messages:
                raise ConfigError(f"prompt is {prompt!r}: give a string")
        conversation = [_checked(position, message) for position, message in enumerate(messages)]
        if not conversation:
            raise ConfigError("messages is empty: give at least one message")
        if system_prompt is not None:
            if any(message["role"] == "system" for message in conversation):
                raise ConfigError(
                    "system_prompt is given, and messages has a system message: give one of them"
                )
            conversation.insert(0, _checked(0, {"role": "system", "content": system_prompt}))
        self.messages = conversation
        self.style = style
        self._templates = [_template(message, style) for message in conversation]
        names = (name for template in self._templates for name in template.variables)
        self.requires = tuple(dict.fromkeys(names))

    def column_hint(self, column: str) -> str:
        """Return what to do when the placeholder `column` is no column."""
        if self.style == "jinja2":
            return f"correct the spelling of {{{{ {column} }}}} in the prompt"
        return (
            f"correct the spelling of {{{column}}} in the prompt, "
            f"or write {{{{{column}}}}} for the literal text {{{column}}}"
        )

    def process(self, batch: pa.Table) -> pa.Table:
        """Return `batch` with the column `messages`."""
        check_present(batch, self.requires, self.name, self.column_hint)
        contents: list[str | None] = []
        errors: dict[int, Exception] = {}
        no_content = [None] * len(self._templates)
        for position, row in enumerate(self._rows(batch)):
            try:
                contents += [template.render(row) for template in self._templates]
            except TemplateError as error:
                errors[position] = error
                contents += no_content
        batch = set_column(batch, MESSAGES, self._conversations(contents, batch.num_rows))
        return reject(batch, errors, self.name)

    def _rows(self, batch: pa.Table) -> list[dict[str, Any]]:
        if not self.requires:
            return [{}] * batch.num_rows
        rows: list[dict[str, Any]] = batch.select(list(self.requires)).to_pylist()
        return rows

    def _conversations(self, contents: list[str | None], rows: int) -> pa.Array:
        size = len(self._templates)
        roles = [message["role"] for message in self.messages] * rows
        structs = pa.StructArray.from_arrays(
            [pa.array(roles, pa.string()), pa.array(contents, pa.string())],
            fields=list(MESSAGES_TYPE.value_type),
        )
        offsets = pa.array(range(0, size * rows + 1, size), pa.int32())
        return pa.ListArray.from_arrays(offsets, structs)


def _checked(position: int, message: Any) -> dict[str, str]:
    where = f"messages[{position}]"
    if not isinstance(message, dict) or set(message) != {"role", "content"}:
        raise ConfigError(f"{where} is {message!r:.200}: give a mapping with role and content")
    if message["role"] not in ROLES:
        raise ConfigError(f"the role of {where} is {message['role']!r}: give one of {', '.join(ROLES)}")
    if not isinstance(message["content"], str):
        raise ConfigError(f"the content of {where} is {message['content']!r:.200}: give a string")
    return {"role": message["role"], "content": message["content"]}


def _template(message: dict[str, str], style: Style) -> Template:
    try:
        return Template(message["content"], style)
    except ConfigError as error:
        raise ConfigError(f"the {message['role']} message cannot be used: {error}") from None
