"""Prompt templates."""

from __future__ import annotations

import pickle

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nemo_sdg.errors import ConfigError, TemplateError
from nemo_sdg.stages.template import Template


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{x}", "V"),
        ("{{x}}", "{x}"),
        ("{{{x}}}", "{V}"),
        ("{{{{x}}}}", "{{x}}"),
        ('{"a": {x}}', '{"a": V}'),
        ('{"a": {"b": [1, 2]}, "c": {}}', '{"a": {"b": [1, 2]}, "c": {}}'),
        ("{x.y} {x[0]} {0} {x!r} {x:>9} { x } {", "{x.y} {x[0]} {0} {x!r} {x:>9} { x } {"),
        ("{größe}{x}", "10V"),
        ("", ""),
    ],
)
def test_format_style(text, expected):
    """Only a plain name in single braces is replaced; doubled braces stand for single ones."""
    assert Template(text).render({"x": "V", "größe": 10}) == expected


def test_variables():
    """Variables are the placeholders, each once, in their order."""
    assert Template("{b} {a} {b} {{c}} {d.e}").variables == ("b", "a")
    assert Template("{{ b }} {% for x in a %}{{ x }}{{ range(2) }}{% endfor %}", "jinja2").variables == (
        "a",
        "b",
    )


@pytest.mark.parametrize(
    ("value", "expected"),
    [(1, "1"), (1.5, "1.5"), (True, "True"), ([1, "é"], '[1,"é"]'), ({"k": None}, '{"k":null}')],
)
def test_values_that_are_no_text(value, expected):
    """Numbers show as Python shows them, lists and structs as JSON."""
    assert Template("{x}").render({"x": value}) == expected


def test_values_are_not_templates():
    """Braces in a value stay as they are."""
    assert Template("{x}").render({"x": "{y} {{y}}", "y": "no"}) == "{y} {{y}}"


@pytest.mark.parametrize("row", [{"name": None}, {}])
def test_format_without_value(row):
    """A null or absent value rejects the row and names the column."""
    with pytest.raises(TemplateError, match="'name'"):
        Template("Hello {name}").render(row)


@settings(derandomize=True, max_examples=300)
@given(st.text(), st.text())
def test_format_never_fails(text, value):
    """Any text is a template in format style, and text without braces is itself."""
    template = Template(text)
    made = template.render(dict.fromkeys(template.variables, value))

    if "{" not in text:
        assert made == text


@settings(derandomize=True, max_examples=300)
@given(st.text(alphabet="{}x_.[]!:0(' "), st.sampled_from(["__class__", "__init__", "__globals__"]))
def test_format_reaches_no_objects(text, attribute):
    """No text around it makes an attribute of a value appear."""

    class Value(str):
        __slots__ = ()

    template = Template(text + "{x." + attribute + "}{x[0]}" + text)
    made = template.render(dict.fromkeys(template.variables, Value("v")))

    assert "{x." + attribute + "}{x[0]}" in made
    assert "<" not in made


@pytest.mark.parametrize(
    "expression",
    [
        "x.__class__",
        "x|attr('__class__')",
        "''.__class__.__mro__",
        "'{0.__class__}'.format(x)",
        "x['__class__']",
        "x.append(1)",
        "d.update({'a': 1})",
        "cycler.__init__.__globals__",
        "self.__init__.__globals__",
        "lipsum.__globals__",
        "'a' * 10**9",
        "10**9 * [1]",
        "9 ** 99999 % 7",
        "range(10**9)",
        "missing",
        "1 / 0",
    ],
)
def test_jinja_sandbox(expression):
    """Python's insides, changes to values, huge results and unknown names reject the row."""
    with pytest.raises(TemplateError, match="fails for this row"):
        Template("{{ " + expression + " }}", "jinja2").render({"x": ["v"], "d": {}})


@settings(derandomize=True, max_examples=100, deadline=None)
@given(
    st.lists(
        st.sampled_from(
            [
                ".__class__",
                ".__mro__",
                "[0]",
                "|attr('__init__')",
                ".__globals__",
                "|list",
                "|first",
                ".__dict__",
            ]
        ),
        max_size=5,
    )
)
def test_jinja_reaches_no_objects(chain):
    """No chain of attributes, indexes and filters shows a Python object."""
    try:
        made = Template("{{ x" + "".join(chain) + " }}", "jinja2").render({"x": ["v"]})
    except (ConfigError, TemplateError):
        return
    assert "<class" not in made
    assert "object at" not in made


def test_jinja_logic():
    """Conditions, loops and filters work; nothing is escaped; a trailing line end stays."""
    text = "{% if n is none %}-{% endif %}{% for i in items %}{{ i|upper }},{% endfor %}<&>\n"

    assert Template(text, "jinja2").render({"n": None, "items": ["a", "b"]}) == "-A,B,<&>\n"


def test_jinja_null():
    """A null that would be written rejects the row, naming the variable and the way around."""
    with pytest.raises(TemplateError, match=r"'name' is null.*or ''"):
        Template("Hello {{ name }}", "jinja2").render({"name": None})
    with pytest.raises(TemplateError, match="inside a column"):
        Template("{{ d.k }}", "jinja2").render({"d": {"k": None}})
    assert Template("{{ name or '' }}", "jinja2").render({"name": None}) == ""


def test_bad_templates():
    """Jinja errors name the line; styles and texts that are none are refused with the value."""
    with pytest.raises(ConfigError, match="line 2"):
        Template("ok\n{% if %}", "jinja2")
    with pytest.raises(ConfigError, match="style is 'mako'"):
        Template("x", "mako")
    with pytest.raises(ConfigError, match="template is 3"):
        Template(3)


@pytest.mark.parametrize(("text", "style"), [("a {x}", "format"), ("a {{ x }}", "jinja2")])
def test_pickling(text, style):
    """A template works the same after a journey to a worker."""
    there = pickle.loads(pickle.dumps(Template(text, style)))

    assert there.render({"x": 1}) == "a 1"
    assert there.variables == ("x",)
