"""Hugging Face chat templates, rendered without transformers. Imported only where one is used.

Follows https://huggingface.co/docs/transformers/chat_templating_writing: what templates may use there, they
may use here.
"""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any, NoReturn

from jinja2 import Template, TemplateSyntaxError
from jinja2.ext import Extension, loopcontrols
from jinja2.sandbox import ImmutableSandboxedEnvironment

from nemo_sdg.errors import ConfigError

if TYPE_CHECKING:
    from jinja2 import nodes
    from jinja2.parser import Parser


class TemplateRefusedError(Exception):
    """The template's own `raise_exception`."""


class _Generation(Extension):
    """The block `{% generation %}`, which marks what an assistant says and is for training only."""

    tags = {"generation"}  # noqa: RUF012 - as jinja2 has it

    def parse(self, parser: Parser) -> nodes.Node | list[nodes.Node]:
        """Return what is inside."""
        next(parser.stream)
        return parser.parse_statements(("name:endgeneration",), drop_needle=True)


def compile_chat_template(text: str) -> Template:
    """Return the template, in a sandbox; raises `ConfigError` for text that is none."""
    environment = ImmutableSandboxedEnvironment(
        trim_blocks=True, lstrip_blocks=True, extensions=[_Generation, loopcontrols]
    )
    environment.filters["tojson"] = _to_json
    environment.globals["raise_exception"] = _refuse
    environment.globals["strftime_now"] = _now
    try:
        return environment.from_string(text)
    except TemplateSyntaxError as error:
        raise ConfigError(f"the chat template has an error in line {error.lineno}: {error.message}") from None


def _refuse(message: object) -> NoReturn:
    raise TemplateRefusedError(str(message))


def _now(form: str) -> str:
    return datetime.now().astimezone().strftime(form)


def _to_json(  # jinja2's own escapes what HTML does not take
    value: Any,
    ensure_ascii: bool = False,
    indent: int | None = None,
    separators: tuple[str, str] | None = None,
    sort_keys: bool = False,
) -> str:
    return json.dumps(
        value, ensure_ascii=ensure_ascii, indent=indent, separators=separators, sort_keys=sort_keys
    )
