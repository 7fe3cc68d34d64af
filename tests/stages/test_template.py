"""Prompt templates."""

from __future__ import annotations

import pickle
import time

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


@pytest.mark.parametrize(
    "text",
    [
        "{% for a in range(99999) %}{% for b in range(99999) %}{% endfor %}{% endfor %}",
        "{% set r = range(99999) %}" + "{% for a in r %}" * 3 + "x" + "{% endfor %}" * 3,
        "{% for a in t %}{% for b in t %}{{ b }}{% endfor %}{% endfor %}",
        "{% for a in t %}{{ t }}{% endfor %}",
        "{% for a in range(9999) %}" + "literal " * 2000 + "{% endfor %}",
        "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(90) }}",
        "{% macro f() %}{{ f() }}{% endmacro %}{{ f() }}",
        "{% macro f(s) %}{{ s }}{{ s }}{% endmacro %}{% set s = t %}" + "{% set s = f(s) %}" * 20 + "{{ s }}",
        "{% set n = namespace(s=t) %}{% for i in range(40) %}{% set n.s = n.s ~ n.s %}{% endfor %}{{ n.s }}",
        "{% set n = namespace(s=t) %}{% for i in range(40) %}{% set n.s = n.s + n.s %}{% endfor %}",
        "{% set n = namespace(l=[t]) %}{% for i in range(40) %}{% set n.l = n.l + n.l %}{% endfor %}",
        "{% set n = namespace(i=9) %}{% for i in range(40) %}{% set n.i = n.i * n.i %}{% endfor %}",
        "{% set a = [t, t, t] %}" + "{% set a = [a, a, a] %}" * 20 + "{{ a }}",
        "{% set a = [t, t, t] %}" + "{% set a = [a, a, a] %}" * 20 + "{{ a|string|length }}",
        "{% set a = [t, t, t] %}" + "{% set a = [a, a, a] %}" * 20 + "{{ a|tojson }}",
        "{% set a = [t, t, t] %}" + "{% set a = [a, a, a] %}" * 20 + "{{ 'x' ~ a }}",
        "{% set a = [t, t, t] %}" + "{% set a = [a, a, a] %}" * 20 + "{{ '%s' % a }}",
        "{% set a = [t, t, t] %}" + "{% set a = [a, a, a] %}" * 20 + "{{ '{}'.format(a) }}",
        "{% set a = [t, t, t] %}" + "{% set a = [a, a, a] %}" * 20 + "{{ namespace(a=a) }}",
        "{{ [t] * 1000000 | length }}{{ ([t] * 1000000)|join }}",
        "{{ ([{'k': t}] * 1000000)|join(attribute='k') }}",
        "{{ t|join(t) }}",
        "{{ t.join(t) }}",
        "{{ t|replace('x', t) }}",
        "{{ t.replace('', t) }}",
        "{{ 'a'|center(10**9) }}",
        "{{ 'a'.center(10**9) }}",
        "{{ 'a'.ljust(10**9) }}",
        "{{ 'a'.zfill(10**9) }}",
        "{{ t.expandtabs(10**6) }}",
        "{{ t|indent(10**6) }}",
        "{{ t|list|tojson(indent=10**6) }}",
        "{{ [1]|batch(10**9, 0)|list }}",
        "{{ [1]|slice(10**9)|list }}",
        "{{ '%0999999999d' % 1 }}",
        "{{ '%*d' % (10**9, 1) }}",
        "{{ '%999999999d'|format(1) }}",
        "{{ '{:>999999999}'.format(1) }}",
        "{{ '{:>{}}'.format(1, 10**9) }}",
        "{{ '{:>9999999}{:>9999999}{:>9999999}{:>9999999}{:>9999999}{:>9999999}'.format(*[1] * 6) }}",
        "{{ ['a']|map('center', 10**9)|list }}",
        "{{ ['a']|map('center', 10**9) }}",
        "{{ x.append }}",
        "{{ namespace }}",
    ],
)
def test_jinja_is_bounded(text, monkeypatch):
    """Loops without end, texts that grow and lists in lists reject the row, soon and in little memory."""
    monkeypatch.setattr("nemo_sdg.stages.template_bounds._MOST_SECONDS", 0.5)
    began = time.process_time()
    with pytest.raises(TemplateError, match="fails for this row") as caught:
        Template(text, "jinja2").render({"t": "x\t\n" * 10_000, "x": []})

    assert "MemoryError" not in str(caught.value)
    assert time.process_time() - began < 4
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("{% include '/etc/passwd' %}", "has 'include' in line 1: write all in one text"),
        ("{% import 'os' as os %}", "has 'import' in line 1"),
        ("{% from 'os' import path %}", "has 'fromimport' in line 1"),
        ("\n{% extends 'x' %}", "has 'extends' in line 2"),
        ("{% for a in x recursive %}{{ loop(a) }}{% endfor %}", "recursive loop in line 1"),
        ("{{ x|random }}", "No filter named 'random'"),
        ("{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}", "cannot be used: RecursionError"),
    ],
)
def test_jinja_that_is_refused(text, complaint):
    """What reads files, says something else each time or cannot be bounded is refused before a run."""
    with pytest.raises(ConfigError, match=complaint):
        Template(text, "jinja2")


def test_constants_are_not_worked_out_while_compiling():
    """A template is made without doing what it says: only rendering is bounded."""
    began = time.process_time()
    Template("{{ 'a'|center(49000000) }}" * 300, "jinja2")

    assert time.process_time() - began < 1


def test_jinja_of_every_day():
    """What prompts do with loops, filters, macros, formats and joins is as it was."""
    text = (
        "{% macro item(x) %}- {{ x.name }}: {{ '%.1f' % x.value }}{% endmacro %}"
        "{% for x in items if x.value > 1 %}{{ loop.index }}/{{ loop.length }}{{ item(x) }}\n{% endfor %}"
        "{% for key, value in d.items() %}{{ key ~ '=' ~ value }};{% endfor %}"
        "{{ items|map(attribute='name')|join(', ') }} {{ items|join('+', attribute='value') }} "
        "{{ '{:>6}|{}'.format('a', 1) }} {{ 'a-b'|replace('-', '+') }} {{ ', '.join(['x', 'y']) }} "
        "{{ 10**12 }} {{ 3 * 4 }} {{ [1] + [2] }} {{ 'x'|center(5) }} {{ d|tojson(indent=1)|length }} "
        "{{ items|selectattr('value', 'gt', 5000000)|list|length }} {{ n|default(10**12) }}"
        "{% set ns = namespace(t=0) %}{% for x in items %}{% set ns.t = ns.t + x.value %}{% endfor %}"
        " {{ ns.t }}"
    )
    row = {"items": [{"name": "a", "value": 1.5}, {"name": "b", "value": 0.5}], "d": {"k": 1}, "n": 7}

    assert Template(text, "jinja2").render(row) == (
        "1/1- a: 1.5\nk=1;a, b 1.5+0.5      a|1 a+b x, y 1000000000000 12 [1, 2]   x   11 0 7 2.0"
    )


@pytest.mark.parametrize(("text", "style"), [("{t}{t}", "format"), ("{{ t }}{{ t }}", "jinja2")])
def test_long_prompts(text, style):
    """A prompt of ten megabytes is made; one that no model could take rejects its row, before it is made."""
    made = Template(text, style).render({"t": "x" * 5_000_000})
    assert len(made) == 10_000_000
    with pytest.raises(TemplateError, match="50,000,000 characters"):
        Template(text * 10, style).render({"t": "x" * 5_000_000})
