from __future__ import annotations

import pytest

from nemo_sdg.stages.reasoning import split_reasoning


@pytest.mark.parametrize(
    ("text", "reasoning", "answer"),
    [
        ("<think>\nhm\n</think>\n\nYes.", "hm", "Yes."),
        ("  <thinking>hm</thinking>Yes.", "hm", "Yes."),
        ("[THINK]hm[/THINK]Yes.", "hm", "Yes."),
        ("<think>a</think>\n<think>b</think>Yes.", "a\n\nb", "Yes."),
        ("<think>\n\n</think>\n\nYes.", None, "Yes."),
        ("<think>cut off while", "cut off while", ""),
        ("so it is yes\n</think>\n\nYes.", "so it is yes", "Yes."),
        ("Yes.", None, "Yes."),
        ("", None, ""),
        ("Write <think> and </think> around it.", None, "Write <think> and </think> around it."),
        ('{"tag": "</think>"}', None, '{"tag": "</think>"}'),
        ("<think>hm</think> The tag </think> ends it.", "hm", "The tag </think> ends it."),
    ],
)
def test_reasoning_is_split_off(text, reasoning, answer):
    """A leading block, one that was cut off and one that the template opened are reasoning, nothing else."""
    assert split_reasoning(text) == (reasoning, answer)
