"""Prompt templates in jinja2, in a sandbox. Imported only where one is used: jinja2 is slow to import."""

from __future__ import annotations

import functools
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

from jinja2 import StrictUndefined, TemplateSyntaxError, meta, nodes, pass_context
from jinja2 import Template as JinjaTemplate
from jinja2.exceptions import SecurityError
from jinja2.filters import FILTERS, make_attrgetter
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.utils import Namespace
from jinja2.visitor import NodeTransformer

from nemo_sdg.errors import ConfigError
from nemo_sdg.stages.template_bounds import bounds, check_growth, weight

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

_MOST_REPEATED = 1_000_000  # characters or items that `*` may make
_MOST_BITS = 4_096  # of a number that `*` or `**` may make
# `random` and `lipsum` say something else each time: a run that is resumed would ask, and pay, again.
_LEFT_OUT = ("random", "urlize")
_OTHER_FILES: tuple[type[nodes.Node], ...] = (nodes.Include, nodes.Import, nodes.FromImport, nodes.Extends)


class NullError(Exception):
    """A null value was about to be written into the prompt."""


class _Environment(ImmutableSandboxedEnvironment):
    """jinja2's sandbox, which also bounds what operators, filters, calls and loops make."""

    intercepted_binops = frozenset(("*", "**", "+", "%"))

    def __init__(self) -> None:
        # Unoptimized: constant expressions are not worked out while compiling, where nothing bounds them.
        super().__init__(
            undefined=StrictUndefined, keep_trailing_newline=True, finalize=_written, optimized=False
        )
        del self.globals["lipsum"]
        self.filters = {name: _guarded(name, made) for name, made in FILTERS.items() if name not in _LEFT_OUT}
        self.filters.update(join=_guarded("join", _join), _each=_each, _concat=_concat)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        numbers = isinstance(left, int) and isinstance(right, int)
        if operator == "**" and numbers:
            if left.bit_length() * right > _MOST_BITS:
                raise SecurityError(f"{left} ** {right} is too large")
        elif operator == "*" and numbers:
            if left.bit_length() + right.bit_length() > _MOST_BITS:
                raise SecurityError("the product of two numbers is too large")
        elif operator == "*":
            for sequence, times in ((left, right), (right, left)):
                too_long = (
                    isinstance(sequence, (str, list, tuple))
                    and isinstance(times, int)
                    and len(sequence) * times > _MOST_REPEATED
                )
                if too_long:
                    raise SecurityError(f"a text or list repeated {times} times is too long")
        elif operator == "%" and isinstance(left, str):
            check_growth("%", left, (right,), {})
        elif operator == "+" and isinstance(left, (str, list, tuple)):
            bounds().spend(len(left))
        return bounds().made(super().call_binop(context, operator, left, right))

    def call(self, context: Any, obj: Any, /, *args: Any, **kwargs: Any) -> Any:
        inner = getattr(obj, "__wrapped__", obj)  # the sandbox puts its own `format` around the text's
        name, owner = getattr(inner, "__name__", ""), getattr(inner, "__self__", None)
        if name == "join" and args:
            check_growth(name, args[0], (owner,), {})
        else:
            check_growth(name if isinstance(name, str) else "", owner, args, kwargs)
        return bounds().made(super().call(context, obj, *args, **kwargs))


@pass_context  # as what needs the context, jinja2 does not try it on constants while compiling
def _written(_context: Any, value: Any) -> Any:
    if value is None:
        raise NullError
    if isinstance(value, (Iterator, Namespace)) or callable(value):
        raise SecurityError(f"a {type(value).__name__} is no text: write a value, or add |list")
    bounds().spend(weight(value))
    return value


def _guarded(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    @functools.wraps(function)  # jinja2's marks on the function as well
    def filtered(*args: Any, **kwargs: Any) -> Any:
        at = 1 if hasattr(function, "jinja_pass_arg") else 0
        if len(args) > at:
            check_growth(name, args[at], args[at + 1 :], kwargs)
        return bounds().made(function(*args, **kwargs))

    return filtered


def _join(value: Iterable[Any], d: str = "", attribute: str | int | None = None) -> str:
    items = list(value) if attribute is None else list(map(make_attrgetter(_plain, attribute), value))
    check_growth("join", items, (d,), {})
    return d.join(map(str, items))


def _each(items: Iterable[Any], characters: int) -> Iterator[Any]:
    """Yield the items of a loop; each time around it writes so many `characters` of the template."""
    for item in items:
        bounds().spend(characters)
        yield item


def _concat(values: list[Any]) -> Any:
    bounds().spend(weight(values))
    return "".join(map(str, values))


_plain = ImmutableSandboxedEnvironment(undefined=StrictUndefined)


def compile_template(text: str) -> tuple[JinjaTemplate, tuple[str, ...]]:
    """Return the template and the columns that it needs; raises `ConfigError` for text that is none.

    It is rendered within `template_bounds.bounded`.
    """
    environment = _Environment()
    try:
        tree = environment.parse(text)
        _check_alone(tree)
        names = meta.find_undeclared_variables(tree) - environment.globals.keys()
        bounded = _WithBounds().visit(tree).set_environment(environment)
        code = environment.compile(bounded)
        template = JinjaTemplate.from_code(environment, code, environment.make_globals(None))
    except ConfigError:
        raise
    except TemplateSyntaxError as error:
        raise ConfigError(
            f"the jinja2 template has an error in line {error.lineno}: {error.message}"
        ) from None
    except Exception as error:
        raise ConfigError(f"the jinja2 template cannot be used: {one_line(error)}") from error
    return template, tuple(sorted(names))


def _check_alone(tree: nodes.Template) -> None:
    for other in tree.find_all(_OTHER_FILES):
        kind = type(other).__name__.lower()
        raise ConfigError(f"the jinja2 template has {kind!r} in line {other.lineno}: write all in one text")


class _WithBounds(NodeTransformer):
    """Has loops and `~` go through the filters that bound them."""

    def visit_For(self, loop: nodes.For) -> nodes.For:  # noqa: N802 - the name of the node
        if loop.recursive:
            raise ConfigError(
                f"the jinja2 template has a recursive loop in line {loop.lineno}: write one for each level"
            )
        written = 1 + sum(len(data.data) for data in loop.find_all(nodes.TemplateData))
        self.generic_visit(loop)
        loop.iter = _filtered(loop.iter, "_each", [nodes.Const(written)])
        return loop

    def visit_Concat(self, join: nodes.Concat) -> nodes.Filter:  # noqa: N802 - see above
        self.generic_visit(join)
        return _filtered(nodes.List(join.nodes, lineno=join.lineno), "_concat", [])


def _filtered(node: Any, name: str, arguments: list[nodes.Expr]) -> nodes.Filter:
    return nodes.Filter(node, name, arguments, [], None, None, lineno=node.lineno)


def one_line(error: Exception) -> str:
    """Return the class and message of `error` in one line."""
    return " ".join(f"{type(error).__name__}: {error}".split())[:500]
