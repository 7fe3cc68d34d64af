"""Prompt templates: text with a row's values in it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Literal, get_args

import msgspec

from nemo_sdg.errors import ConfigError, TemplateError
from nemo_sdg.stages.template_bounds import MOST_CHARACTERS, bounded

if TYPE_CHECKING:
    from jinja2 import Template as JinjaTemplate

Style = Literal["format", "jinja2"]

_BRACED = re.compile(r"(\{+)([^\W\d]\w*)(\}+)")


class Template:
    """A text with placeholders; `variables` are the columns that it needs.

    Style "format": `{column}` is replaced by the row's value; `{{column}}` is a literal `{column}`.
    Every other brace is text, so JSON needs no escaping; attributes and indexes cannot be reached.
    Style "jinja2": a jinja2 template in a sandbox, where every name must be a column; it stands alone (no
    include or import), says the same each time (no `random`), and is bounded in time and in what it makes.

    Raises `ConfigError` for text that is no template.
    """

    def __init__(self, text: str, style: Style = "format") -> None:
        if not isinstance(text, str):
            raise ConfigError(f"the template is {text!r}: give a string")
        if style not in get_args(Style):
            raise ConfigError(f"style is {style!r}: give one of {', '.join(get_args(Style))}")
        self.text = text
        self.style = style
        self._jinja: JinjaTemplate | None = None
        if style == "jinja2":
            from nemo_sdg.stages.jinja import compile_template  # noqa: PLC0415 - slow to import

            self._jinja, self.variables = compile_template(text)
        else:
            self._parts = _split(text)
            self.variables = tuple(dict.fromkeys(name for _, name in self._parts if name))

    def render(self, row: dict[str, Any]) -> str:
        """Return the text for `row`.

        Raises `TemplateError` for a missing or null value, and for whatever goes wrong in a jinja2 template.
        """
        if self._jinja is None:
            return self._filled(row)
        from nemo_sdg.stages.jinja import NullError, one_line  # noqa: PLC0415 - slow to import

        try:
            with bounded():
                return self._jinja.render({name: row[name] for name in self.variables if name in row})
        except NullError:
            nulls = ", ".join(repr(name) for name in self.variables if row.get(name) is None)
            what = f"{nulls} is null" if nulls else "a value inside a column is null"
            raise TemplateError(
                f"{what} in this row: leave such rows out before, or write {{{{ column or '' }}}}"
            ) from None
        except Exception as error:
            raise TemplateError(f"the jinja2 template fails for this row: {one_line(error)}") from error

    def _filled(self, row: dict[str, Any]) -> str:
        made: list[str] = []
        size = 0
        for literal, name in self._parts:
            value = _shown(row, name) if name else ""
            size += len(literal) + len(value)
            if size > MOST_CHARACTERS:
                raise TemplateError(
                    f"the prompt is longer than {MOST_CHARACTERS:,} characters: shorten it, or "
                    "leave such rows out"
                )
            made += (literal, value)
        return "".join(made)

    def __reduce__(self) -> tuple[object, ...]:
        """Compile again on the other side: compiled jinja2 templates cannot be pickled."""
        return (Template, (self.text, self.style))


def _split(text: str) -> list[tuple[str, str]]:
    """Return pairs of literal text and the placeholder after it ("" after the last)."""
    parts: list[tuple[str, str]] = []
    literal, end = "", 0
    for match in _BRACED.finditer(text):
        opening, name, closing = match.groups()
        # As in str.format: two braces stand for one, and an odd one more makes a placeholder.
        pairs, placeholder = divmod(min(len(opening), len(closing)), 2)
        literal += text[end : match.start()] + opening[2 * pairs + placeholder :] + "{" * pairs
        after = "}" * pairs + closing[2 * pairs + placeholder :]
        if placeholder:
            parts.append((literal, name))
            literal = after
        else:
            literal += name + after
        end = match.end()
    parts.append((literal + text[end:], ""))
    return parts


def _shown(row: dict[str, Any], name: str) -> str:
    value = row.get(name)
    if isinstance(value, str):
        return value
    if value is None:
        what = "is null in this row: leave such rows out before" if name in row else "is not in the row"
        raise TemplateError(f"the placeholder {{{name}}} cannot be filled: column {name!r} {what}")
    if isinstance(value, (dict, list)):
        return msgspec.json.encode(value, enc_hook=str).decode()
    return str(value)
