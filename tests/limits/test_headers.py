from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st
from multidict import CIMultiDict

from nemo_sdg.limits import HeaderReader, SeenLimit
from nemo_sdg.limits.headers import LOOK_AGAIN, SILENT

NOW = 1_700_000_000.0  # 2023-11-14T22:13:20Z
OTHERS = {"date": "Tue, 14 Nov 2023 22:13:20 GMT", "content-type": "application/json", "x-request-id": "r"}
OPENAI = {
    "x-ratelimit-limit-requests": "5000",
    "x-ratelimit-limit-tokens": "160000",
    "x-ratelimit-remaining-requests": "4999",
    "x-ratelimit-remaining-tokens": "159976",
    "x-ratelimit-reset-requests": "12ms",
    "x-ratelimit-reset-tokens": "7.66s",
}
IN_OPENAI = {"requests": (5000, 4999, 0.012), "tokens": (160000, 159976, 7.66)}
ANTHROPIC = {
    f"anthropic-ratelimit-{name}-{what}": value
    for name, limit in {
        "requests": 50,
        "tokens": 90000,
        "input-tokens": 80000,
        "output-tokens": 10000,
    }.items()
    for what, value in {
        "limit": str(limit),
        "remaining": str(limit - 1),
        "reset": "2023-11-14T22:13:50Z",
    }.items()
}


def test_any_mapping():
    """Names in any case are found where the mapping ignores it, as are those in lower case of a plain one."""
    title = {name.title(): value for name, value in OPENAI.items()}

    assert HeaderReader().read(CIMultiDict(title)) == HeaderReader().read(OPENAI) == IN_OPENAI


class Counted(dict):
    """Headers that count how often they were looked into."""

    looks = 0

    def __contains__(self, name):
        self.looks += 1
        return super().__contains__(name)

    def get(self, name, default=None):
        self.looks += 1
        return super().get(name, default)


def test_silent_server():
    """Of a server that sends no limits one header an answer is looked for, and all every so many answers."""
    reader = HeaderReader()
    looks = []
    for _ in range(3 * LOOK_AGAIN):
        headers = Counted(OTHERS)
        assert reader.read(headers) is None
        looks.append(headers.looks)

    assert all(count > 10 for count in looks[:SILENT])
    assert [index + 1 for index, count in enumerate(looks) if count > 1 and index >= SILENT] == [
        LOOK_AGAIN,
        2 * LOOK_AGAIN,
        3 * LOOK_AGAIN,
    ]


def test_known_server():
    """Of a server whose form is known only its headers are looked into, and always."""
    reader = HeaderReader()
    reader.read(OPENAI)
    headers = Counted(OPENAI)

    assert reader.read(headers) == IN_OPENAI
    assert headers.looks == 6
    assert all(reader.read(OPENAI) == IN_OPENAI for _ in range((SILENT + 5) * LOOK_AGAIN))


def test_server_that_begins():
    """A server that was silent is heard soon after it begins, and at once with a throttle."""
    reader = HeaderReader()
    for _ in range(50):
        reader.read(OTHERS)
    throttle = reader.read({**OPENAI, "retry-after": "1"})
    later = [reader.read(OPENAI) for _ in range(LOOK_AGAIN)]

    assert throttle == later[0] == later[-1] == IN_OPENAI

    reader = HeaderReader()
    for _ in range(50):
        reader.read(OTHERS)
    assert [reader.read(OPENAI) for _ in range(LOOK_AGAIN)][-1] == IN_OPENAI


def test_server_that_changes():
    """Another form in place of the known one is read at once, one beside it within so many answers."""
    reader = HeaderReader()
    assert reader.read(OPENAI) == IN_OPENAI
    assert len(reader.read(ANTHROPIC, NOW)) == 4
    both = [reader.read({**ANTHROPIC, "x-ratelimit-limit-requests": "7"}, NOW) for _ in range(LOOK_AGAIN)]

    assert both[-1]["requests"] == SeenLimit(7, None, None)


NAMES = st.sampled_from(
    [
        *OPENAI,
        *ANTHROPIC,
        *("x-ratelimit-limit", "x-ratelimit-remaining"),
        *("x-ratelimit-reset", "x-tokenlimit-limit", "x-tokenlimit-remaining"),
        *("ratelimit", "ratelimit-policy", "ratelimit-limit", "ratelimit-remaining", "ratelimit-reset"),
        *("x-ratelimit-renewalperiod-requests", "retry-after", "llm_provider-x-ratelimit-limit-tokens"),
    ]
)
VALUES = (
    st.text()
    | st.floats().map(str)
    | st.integers(-10, 10**20).map(str)
    | st.sampled_from(
        ["6m0s", "1e400", "2023-11-14T22:13:50Z", "0;w=0", '"a";r=1;t=0', '"a";q=5;w=0', "unlimited"]
    )
)


@settings(derandomize=True, max_examples=500, deadline=None)
@given(st.lists(st.dictionaries(NAMES, VALUES), max_size=4))
def test_anything(answers):
    """Whatever the headers hold, nothing is raised and what is told are finite numbers that can be meant."""
    reader = HeaderReader()
    for headers in answers:
        for limit, remaining, reset in (reader.read(headers) or {}).values():
            assert limit is None or 0 < limit < float("inf")
            assert remaining is None or 0 <= remaining < float("inf")
            assert reset is None or 0 <= reset < float("inf")
            assert limit is not None or remaining is not None
