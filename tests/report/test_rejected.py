from __future__ import annotations

from nemo_sdg.report.rejected import EXAMPLES, MOST_REASONS, rejected_groups


def _rejection(**changes):
    return {"row_id": 1, "stage": "generate", "error": "TimeoutError", "message": "no answer", **changes}


def test_reasons_with_examples():
    """The most frequent reason comes first; each has a few rows with all that is known of them."""
    sent = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": ["a", "part"]}]
    failed = _rejection(http_status=504, attempts=3, messages=sent)
    rejections = [{**failed, "row_id": number} for number in range(9)]
    rejections.append(_rejection(stage="parse", answer="nonsense", row={"n": 1, "api_key": "hunter2"}))
    groups, more = rejected_groups({"parse: TimeoutError": 1, "generate: TimeoutError": 9}, rejections)
    assert more == 0
    assert [(group.reason, group.rows, len(group.examples)) for group in groups] == [
        ("generate: TimeoutError", 9, EXAMPLES),
        ("parse: TimeoutError", 1, 1),
    ]
    row = groups[0].examples[0]
    assert (row.title, row.facts) == ("Row 0", [("HTTP status", "504"), ("attempts", "3")])
    assert row.message.text == "no answer"
    assert [(name, made.text) for name, made in row.texts] == [
        ("sent as system", "Be brief."),
        ("sent as user", '["a", "part"]'),
    ]
    texts = dict(groups[1].examples[0].texts)
    assert texts["answered"].text == "nonsense"
    assert "hunter2" not in texts["row"].text


def test_odd_lines():
    """Lines that lack what they should have, or have something else there, are shown as far as they go."""
    odd = [{}, _rejection(messages="none", row_id=None), _rejection(messages=[None, {"content": None}])]
    groups, _ = rejected_groups({"generate: TimeoutError": 2, "x: Y": 1}, odd)
    assert [len(group.examples) for group in groups] == [2, 0]


def test_many_reasons():
    """Of many reasons the most frequent are shown, and how many there are more."""
    groups, more = rejected_groups({f"stage{number}: Error": number for number in range(50)}, [])
    assert (len(groups), groups[0].rows, more) == (MOST_REASONS, 49, 30)
