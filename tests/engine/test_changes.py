from __future__ import annotations

from nemo_sdg.engine.changes import changed_settings


def test_changed_settings_names_step_key_and_values():
    """The difference of two runs is told by step, key, old and new value."""
    before = [{"step": "m:Prompt", "text": "old"}, {"step": "m:Model", "n": 1}]
    now = [{"step": "m:Prompt", "text": "new"}, {"step": "m:Model", "n": 1}]

    assert changed_settings(before, now) == ["Prompt.text: 'old' then, 'new' now"]
    assert changed_settings(before, before) == []
    nested = [{"step": "m:Model", "config": {"temperature": number, "n": 1}} for number in (0.5, 0.7)]
    assert changed_settings(nested[:1], nested[1:]) == ["Model.config.temperature: 0.5 then, 0.7 now"]
    long = [{"step": "m:Prompt", "text": "x" * 100 + word} for word in ("old", "new")]
    (change,) = changed_settings(long[:1], long[1:])
    assert change == f"Prompt.text: ...{'x' * 20}old' then, ...{'x' * 20}new' now"
    assert changed_settings(before, now[:1]) == ["the steps: Prompt > Model then, Prompt now"]
