"""Keys that occur nowhere else, and what to look for to find one whole, cut off or encoded."""

from __future__ import annotations

import base64
import random
import string

_LETTERS = string.ascii_letters + string.digits
WAYS = (
    "python",  # api_key="..."
    "variable",  # api_key_env="LEAKS_VARIABLE"
    "default",  # OPENAI_API_KEY
    "first",  # two of a list of endpoints
    "second",
    "header",  # default_headers={"X-Goog-Api-Key": "..."}
    "query",  # default_query={"subscription-key": "..."}
    "sdk",  # AsyncOpenAIClient(lambda: openai.AsyncOpenAI(...))
    "proxy",  # HTTP_PROXY=http://user:...@host
    "user",  # https://user:...@host
    "address",  # https://host?key=...
    "mistaken",  # api_key_env: ...
    "stage",  # an argument of a stage of the user's own
    "cluster",  # RAY_AUTH_TOKEN, of the Ray that the tests start and of no other
)
"""The ways to give a key."""


class Keys:
    """One key for each of `WAYS`; all begin with one mark and end with it backwards.

    So what was cut off before or after is found too, and one search finds all.
    """

    def __init__(self, mark: str = "") -> None:
        self.mark = mark or "q" + "".join(random.SystemRandom().choices(_LETTERS, k=13))
        self.of = {way: f"{self.mark}+/{way}={self._more()}{self.mark[::-1]}" for way in WAYS}
        # This one looks like the name of a variable, as keys of hexadecimal digits may.
        self.of["mistaken"] = f"{self.mark}mistaken7{self._more()}{self.mark[::-1]}"

    @staticmethod
    def _more() -> str:
        return "".join(random.SystemRandom().choices(_LETTERS, k=12))

    @property
    def environment(self) -> dict[str, str]:
        """Variables that hold the keys."""
        return {f"LEAKS_{way.upper()}": key for way, key in self.of.items()}

    @property
    def needles(self) -> dict[bytes, str]:
        """What to look for, and what it is."""
        found: dict[bytes, str] = {}
        for mark, part in ((self.mark, "beginning"), (self.mark[::-1], "end")):
            plain = mark.encode()
            found[plain] = f"the {part} of a key"
            found[plain.hex().encode()] = f"the {part} of a key in hexadecimal"
            found[mark.encode("utf-16-le")] = f"the {part} of a key in UTF-16"
            for shift in range(3):
                whole = base64.b64encode(bytes(shift) + plain)
                begin, end = -(-shift * 4 // 3), (shift + len(plain)) * 4 // 3
                found[whole[begin:end]] = f"the {part} of a key in base64"
        return found


def keys_in(environment: dict[str, str]) -> dict[str, str]:
    """Return the keys by their ways, from the variables that hold them."""
    return {way: environment[f"LEAKS_{way.upper()}"] for way in WAYS}
