"""Text that people see: how a value is shown in a message, and what is no text."""

from __future__ import annotations

from nemo_sdg.errors import ConfigError

_SHOWN = 80


def beginning(text: str) -> str:
    """Return the first characters of `text`, quoted and on one line."""
    return repr(text[:_SHOWN]) + ("..." if len(text) > _SHOWN else "")


def check_text(text: str, argument: str) -> None:
    """Raise `ConfigError` naming `argument` when `text` has half of a surrogate pair: no file can hold it."""
    try:
        text.encode()
    except UnicodeEncodeError as error:
        raise ConfigError(
            f"{argument} has half of a surrogate pair at character {error.start + 1}, which is no text: "
            f"{beginning(text)}; clean it"
        ) from None
