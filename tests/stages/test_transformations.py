"""The five transformations."""

from __future__ import annotations

import pytest

from nemo_sdg.stages.template import Template
from nemo_sdg.stages.transformations import TRANSFORMATIONS

# Document, segment, input, output, result: tokens that are published for Nemotron-CC.
_PUBLISHED = {
    "wikipedia": (5, 5, 512, 512, 50),
    "diverse_qa": (30, 30, 1000, 600, 100),
    "distill": (30, 10, 2000, 1600, 50),
    "extract_knowledge": (30, 30, 1400, 1400, 50),
    "knowledge_list": (30, 30, 1000, 600, 50),
}


@pytest.mark.parametrize("name", TRANSFORMATIONS)
def test_limits(name):
    """The limits are those published; the prompt has a place for the text and says how to begin."""
    each = TRANSFORMATIONS[name]
    limits = (
        each.min_document_tokens,
        each.min_segment_tokens,
        each.max_input_tokens,
        each.max_output_tokens,
        each.min_output_tokens,
    )

    assert limits == _PUBLISHED[name]
    assert Template(each.prompt).variables == ("text",)
    assert each.prefix in each.prompt
    assert each.system_prompt
    assert "language of the text" in each.prompt
    assert each.joined == (name == "wikipedia")
