"""Text without quotation marks around the whole of it."""

from __future__ import annotations

from nemo_sdg.stages.text_cleaner import TextCleaner

_PAIRS = {
    '"': '"',
    "'": "'",
    "`": "`",
    "“": "”",
    "”": "”",
    "„": "“”",
    "«": "»",
    "»": "«",
    "‹": "›",  # noqa: RUF001
    "‘": "’",  # noqa: RUF001
    "「": "」",
    "『": "』",
}


class QuotationRemover(TextCleaner):
    """Removes the quotation marks that enclose a text as a whole.

    Those of a quotation in it stay, also when the text begins with one and ends with another. Needs
    `column`; null stays null.
    """

    def clean(self, text: str) -> str:
        """Return `text` without what encloses it."""
        return without_quotation(text)


def without_quotation(text: str) -> str:
    """Return `text` without the quotation marks around it; see `QuotationRemover`."""
    text = text.strip()
    while len(text) > 1 and text[-1] in _PAIRS.get(text[0], "") and _encloses(text):
        text = text[1:-1].strip()
    return text


def _encloses(text: str) -> bool:
    opening, closing = text[0], text[-1]
    inside = text[1:-1]
    if opening == closing:
        # Quotation marks inside come in pairs, each opening before its word; the first of two quotations that
        # only begin and end the text is closed inside, behind a word.
        marks = [(index, character) for index, character in enumerate(inside) if character == opening]
        if opening == "'":  # most are apostrophes
            marks = [(index, mark) for index, mark in marks if not _within_word(inside, index)]
        return len(marks) % 2 == 0 and (not marks or _opens(inside, marks[0][0]))
    depth = 0
    for character in inside:
        if character == opening:
            depth += 1
        elif character == closing:
            depth -= 1
        if depth < 0 and closing != "’":  # noqa: RUF001 - an apostrophe as well
            return False
    return depth <= 0


def _opens(text: str, index: int) -> bool:
    return index == 0 or text[index - 1].isspace() or text[index - 1] in "([{—–-"  # noqa: RUF001


def _within_word(text: str, index: int) -> bool:
    return 0 < index < len(text) - 1 and text[index - 1].isalnum() and text[index + 1].isalnum()
