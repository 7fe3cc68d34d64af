"""Texts that a prompt has the model work on: rewrite, shorten, translate, take facts out of."""

from __future__ import annotations

import re
from typing import NamedTuple

from nemo_sdg.simulator.languages import language_of, named_language
from nemo_sdg.simulator.phrases import Language, make_pair

_LABEL = re.compile(
    r"^(?:(?:source|original|whole) )?(?:text|document|draft|passage|article|input):[ \t\n]+",
    re.MULTILINE | re.IGNORECASE,
)
_WORK = re.compile(
    r"\b(?:rewrit|rephras|paraphras|condens|shorte[nr]|summari|translat|simplif|improv|revis|textbook)\w*",
    re.IGNORECASE,
)
_SHORTER = re.compile(r"\b(?:condens|shorte[nr]|summari)\w*", re.IGNORECASE)
_BETTER = re.compile(r"\b(?:improv|revis)\w*", re.IGNORECASE)
_BULLETS = re.compile(r"\"- \"|\bbullet", re.IGNORECASE)
_OPENING = re.compile(r"\bbegin (?:[\w']+ ){1,8}\"([^\"\n]{1,80})\"", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?<=[.!?।؟])\s+|(?<=[。！？])\s*|\n+")  # noqa: RUF001 - Chinese and Arabic
_SENTENCES_OF_A_PAIR = 2


class GivenText(NamedTuple):
    """A text in a prompt, and what is to become of it."""

    instructions: str
    """What stands before the text."""
    text: str
    wanted: bool
    """Whether a text is wanted that is made of it, and not, for example, questions about it."""
    language: Language | None
    """What it is to be put into; None: its own."""
    shorter: bool
    better: bool
    bullets: bool
    opening: str
    """What the answer is to begin with; "": nothing else."""

    def worked_on(self, number: int) -> str:
        """Return what the model makes of it, mostly of its own sentences; `number` decides the rest."""
        sentences = [sentence for sentence in _SENTENCE_END.split(self.text) if sentence.strip()]
        if self.shorter:
            sentences = sentences[::2]
        if self.language is not None:
            pairs = -(-len(sentences) // _SENTENCES_OF_A_PAIR)
            sentences = [make_pair(self.language, number + at).answer for at in range(pairs)]
        if self.better:
            sentences.append(make_pair(language_of(self.instructions), number).answer)
        if self.bullets:
            return "\n".join(f"- {sentence}" for sentence in sentences)
        unspaced = sentences and sentences[0].endswith(("。", "！", "？"))  # noqa: RUF001 - Chinese
        text = ("" if unspaced else " ").join(sentences)
        return f"{self.opening}\n{text}" if self.opening else text


def given_text(prompt: str) -> GivenText | None:
    """Return the text that stands in `prompt` behind a label such as "Text:", if there is one."""
    label = _LABEL.search(prompt) if ":" in prompt else None
    if label is None:
        return None
    instructions, text = prompt[: label.start()], prompt[label.end() :]
    bullets = _BULLETS.search(instructions) is not None
    opening = _OPENING.search(instructions)
    return GivenText(
        instructions,
        text,
        wanted=bool(text.strip()) and (bullets or _WORK.search(instructions) is not None),
        language=named_language(instructions),
        shorter=_SHORTER.search(instructions) is not None,
        better=_BETTER.search(instructions) is not None,
        bullets=bullets,
        opening=opening[1] if opening else "",
    )
