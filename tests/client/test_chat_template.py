from __future__ import annotations

import pytest

from nemo_sdg.client.chat_template import TemplateRefusedError, compile_chat_template
from nemo_sdg.errors import ConfigError


def rendered(text, **values):
    """Return what a template makes."""
    return compile_chat_template(text).render(**values)


def test_as_transformers_does():
    """Blocks leave no blank lines, `tojson` keeps all signs, loops can be left, marks for training go."""
    assert rendered("{% if true %}\n  {% set x = 1 %}\nA\n{% endif %}\n") == "A\n"
    assert rendered("{{ v | tojson }}", v={"é": "<&'>"}) == '{"é": "<&\'>"}'
    assert rendered("{{ v | tojson(indent=1) }}", v=[1]) == "[\n 1\n]"
    assert rendered("{% for x in [1, 2, 3] %}{% if x == 2 %}{% break %}{% endif %}{{ x }}{% endfor %}") == "1"
    assert rendered("{% generation %}{{ a }}{% endgeneration %}!", a="A") == "A!"
    assert rendered("{{ strftime_now('%Y') }}").startswith("20")
    assert rendered("{{ nothing.at_all if nothing else 'none' }}") == "none"


def test_raise_exception():
    """The template's own refusal carries its words."""
    with pytest.raises(TemplateRefusedError, match="roles must alternate"):
        rendered("{{ raise_exception('roles must alternate') }}")


def test_sandbox():
    """A template, which comes from strangers, gets at nothing of Python."""
    with pytest.raises(Exception, match="unsafe"):
        rendered("{{ ''.__class__.__mro__ }}")


def test_no_template():
    """Text that is no template is refused with the line."""
    with pytest.raises(ConfigError, match="error in line 2"):
        compile_chat_template("\n{% if %}")
