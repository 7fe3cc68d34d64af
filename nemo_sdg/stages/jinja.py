"""Prompt templates in jinja2, in a sandbox. Imported only where one is used: jinja2 is slow to import."""

from __future__ import annotations

from typing import Any

from jinja2 import StrictUndefined, TemplateSyntaxError, meta
from jinja2 import Template as JinjaTemplate
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from nemo_sdg.errors import ConfigError

_MOST_REPEATED = 1_000_000  # characters or items that `*` may make
_MOST_BITS = 4_096  # of a number that `**` may make


class NullError(Exception):
    """A null value was about to be written into the prompt."""


class _Environment(ImmutableSandboxedEnvironment):
    """jinja2's sandbox, which also bounds what `*` and `**` make, as it bounds `range`."""

    intercepted_binops = frozenset(("*", "**"))

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        if operator == "**" and isinstance(left, int) and isinstance(right, int):
            if left.bit_length() * right > _MOST_BITS:
                raise SecurityError(f"{left} ** {right} is too large")
        elif operator == "*":
            for sequence, times in ((left, right), (right, left)):
                too_long = (
                    isinstance(sequence, (str, list, tuple))
                    and isinstance(times, int)
                    and len(sequence) * times > _MOST_REPEATED
                )
                if too_long:
                    raise SecurityError(f"a text or list repeated {times} times is too long")
        return super().call_binop(context, operator, left, right)


def _not_null(value: Any) -> Any:
    if value is None:
        raise NullError
    return value


def compile_template(text: str) -> tuple[JinjaTemplate, tuple[str, ...]]:
    """Return the template and the columns that it needs; raises `ConfigError` for text that is none."""
    environment = _Environment(undefined=StrictUndefined, keep_trailing_newline=True, finalize=_not_null)
    try:
        names = meta.find_undeclared_variables(environment.parse(text)) - environment.globals.keys()
        return environment.from_string(text), tuple(sorted(names))
    except TemplateSyntaxError as error:
        raise ConfigError(
            f"the jinja2 template has an error in line {error.lineno}: {error.message}"
        ) from None
    except Exception as error:
        raise ConfigError(f"the jinja2 template cannot be used: {one_line(error)}") from error


def one_line(error: Exception) -> str:
    """Return the class and message of `error` in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())
