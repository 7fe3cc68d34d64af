"""Where what must outlive a process is kept: a folder on disk, or one in an object store."""

from nemo_sdg.storage.local import LocalStore
from nemo_sdg.storage.store import Appender, Store
from nemo_sdg.storage.urls import is_url, variables_of

__all__ = ["Appender", "LocalStore", "Store", "is_url", "variables_of"]
