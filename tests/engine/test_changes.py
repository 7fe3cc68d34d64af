from __future__ import annotations

from nemo_sdg.engine.changes import (
    changes_between,
    other_columns_only,
    raised_only,
    without_max_tokens,
)


def test_changed_settings_names_step_key_and_values():
    """The difference of two runs is told by step, key, old and new value."""
    before = [{"step": "m:Prompt", "text": "old"}, {"step": "m:Model", "n": 1}]
    now = [{"step": "m:Prompt", "text": "new"}, {"step": "m:Model", "n": 1}]

    assert changes_between(before, now).words == ["Prompt.text: 'old' then, 'new' now"]
    assert changes_between(before, before).words == []
    nested = [{"step": "m:Model", "config": {"temperature": number, "n": 1}} for number in (0.5, 0.7)]
    assert changes_between(nested[:1], nested[1:]).words == ["Model.config.temperature: 0.5 then, 0.7 now"]
    long = [{"step": "m:Prompt", "text": "x" * 100 + word} for word in ("old", "new")]
    (change,) = changes_between(long[:1], long[1:]).words
    assert change == f"Prompt.text: ...{'x' * 20}old' then, ...{'x' * 20}new' now"
    assert changes_between(before, now[:1]).words == [
        "the steps: Prompt > Model then, Prompt now",
        "Prompt.text: 'old' then, 'new' now",
    ]


def test_the_first_difference_is_numbered():
    """What comes before the first step that differs is the same in both runs."""
    before = [{"step": "m:Source"}, {"step": "m:Model", "n": 1}, {"step": "m:Parse"}]

    assert changes_between(before, before).first == 3
    assert changes_between(before, [*before[:2], {"step": "m:Parse", "x": 1}]).first == 2
    assert changes_between(before, [*before[:1], {"step": "m:Other"}]).first == 1
    assert changes_between(before, before[:2]).first == 2


def test_longer_answers_are_told_from_other_ones():
    """Only more `max_tokens`, or no limit, at the same steps is a raise."""

    def model(tokens, **more):
        return [{"step": "m:Model", "generation_config": {"max_tokens": tokens, **more}}]

    assert without_max_tokens(model(5)) == without_max_tokens(model(9))
    assert raised_only(model(5), model(9))
    assert raised_only(model(5), model(None))
    assert raised_only(model(5), model(5))
    assert not raised_only(model(9), model(5))
    assert not raised_only(model(None), model(5))
    assert not raised_only(model(5, n=1), model(9, n=2))
    assert raised_only([{"step": "m:Parse"}], [{"step": "m:Parse"}])


def test_columns_are_told_from_answers():
    """Rows or lists of the same answers, with or without reasoning, differ in columns only."""
    step = {"step": "m:Model", "n": 2}

    assert other_columns_only(step, {**step, "choices": "list", "reasoning": True})
    assert not other_columns_only(step, {**step, "choices": "list", "n": 3})
