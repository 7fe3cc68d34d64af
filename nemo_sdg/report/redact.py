"""Text and settings without credentials; see `nemo_sdg.redact`."""

from nemo_sdg.redact import HIDDEN, redacted, shown_url, without_credentials

__all__ = ["HIDDEN", "redacted", "shown_url", "without_credentials"]
