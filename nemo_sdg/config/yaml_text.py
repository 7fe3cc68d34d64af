"""YAML to plain values: texts, numbers, lists and mappings, each key once, bounded in size and depth."""

from __future__ import annotations

import re
from typing import Any

import yaml

from nemo_sdg.errors import ConfigError

_TAG = "tag:yaml.org,2002:"
_PLAIN = ("str", "int", "float", "bool", "null", "seq", "map")
_MOST_VALUES = 1_000_000  # with each alias counted as what it stands for
_DEEPEST = 50
_OPENED = {"flow": "bracket that opens", "quoted": "quotes that open"}
"""By what the YAML reader was in when it stumbled."""


class _Loader(yaml.SafeLoader):
    """Reads dates and "=" as the texts that they are in a config, and 1e3 as a number."""


_Loader.yaml_implicit_resolvers = {
    first: [(tag, form) for tag, form in forms if tag.removeprefix(_TAG) in (*_PLAIN, "merge")]
    for first, forms in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Loader.add_implicit_resolver(
    f"{_TAG}float", re.compile(r"[-+]?[0-9]+(\.[0-9]*)?[eE][-+]?[0-9]+"), list("-+0123456789")
)


def parsed(text: str) -> Any:
    """Return the value that `text` is in YAML; raises `ConfigError` saying where it is none, and why."""
    loader: Any = None  # what it reads with is not typed
    try:
        loader = _Loader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _Check(loader).look_at(node)
        return loader.construct_document(node)
    except RecursionError:
        raise ConfigError(
            f"lists and mappings are nested too deeply: allowed are {_DEEPEST} levels"
        ) from None
    except yaml.YAMLError as error:
        raise ConfigError(_words(error)) from None
    finally:
        if loader is not None:
            loader.dispose()


class _Check:
    """Looks at all nodes before anything is made of them; one that has several aliases once."""

    def __init__(self, loader: Any) -> None:
        self._loader = loader
        self._known: dict[yaml.Node, tuple[int, int]] = {}
        self._open: set[yaml.Node] = set()

    def look_at(self, node: yaml.Node) -> tuple[int, int]:
        """Return how many values `node` is, and in how many levels; raises `ConfigError`."""
        if node in self._known:
            return self._known[node]
        if node in self._open:
            raise _fault(node, "this refers to itself: take the alias out")
        tag = node.tag.replace(_TAG, "!!")
        if tag.removeprefix("!!") not in (*_PLAIN, "merge"):
            raise _fault(
                node, f"the tag {tag:.80} is not allowed: a config has texts, numbers, lists, mappings"
            )
        self._open.add(node)
        below = [self.look_at(child) for child in self._children(node)]
        self._open.remove(node)
        size = 1 + sum(size for size, _ in below)
        depth = 1 + max((depth for _, depth in below), default=0)
        if size > _MOST_VALUES:
            raise _fault(node, f"this is more than {_MOST_VALUES:,} values: use fewer aliases")
        if depth > _DEEPEST:
            raise _fault(node, f"lists and mappings are nested too deeply: allowed are {_DEEPEST} levels")
        self._known[node] = size, depth
        return size, depth

    def _children(self, node: yaml.Node) -> list[yaml.Node]:
        if isinstance(node, yaml.MappingNode):
            first: dict[str, yaml.Node] = {}
            for key, _ in node.value:
                name = self._key(key)
                if name in first:
                    line = first[name].start_mark.line + 1
                    raise _fault(key, f"the key {name!r} is there twice, first in line {line}: leave it once")
                first[name] = key
            return [child for pair in node.value for child in pair]
        if isinstance(node, yaml.SequenceNode):
            return list(node.value)
        if node.tag != f"{_TAG}merge":
            try:
                self._loader.construct_object(node)
            except (ValueError, LookupError):
                kind = node.tag.replace(_TAG, "!!")
                raise _fault(
                    node, f"{node.value[:60]!r} cannot be read as {kind}: write it otherwise"
                ) from None
        return []

    def _key(self, key: yaml.Node) -> str:
        if key.tag in (f"{_TAG}str", f"{_TAG}merge") and isinstance(key.value, str):
            return key.value
        if isinstance(key.value, str):
            raise _fault(key, f"the key {key.value[:60]} is not read as text: write it in quotes")
        raise _fault(key, "a list or mapping is no key: write a name")


def _fault(node: yaml.Node, what: str) -> ConfigError:
    return ConfigError(f"line {node.start_mark.line + 1}, column {node.start_mark.column + 1}: {what}")


def _words(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.reader.ReaderError):
        return (
            f"character {error.position + 1} is {chr(error.character)!a}, which is not allowed: take it out"
        )
    if not isinstance(error, yaml.MarkedYAMLError) or error.problem_mark is None:
        return " ".join(str(error).split())
    problem = error.problem or ""
    if isinstance(error, yaml.composer.ComposerError) and error.context:
        problem = f"{error.context}, {problem}"
    if "'\\t'" in problem:
        problem += ": indent with spaces"
    opened = next((what for kind, what in _OPENED.items() if kind in (error.context or "")), None)
    if opened and error.context_mark is not None:
        problem += f": close the {opened} in line {error.context_mark.line + 1}"
    return f"line {error.problem_mark.line + 1}, column {error.problem_mark.column + 1}: {problem}"
