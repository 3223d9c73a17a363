"""Where results and locks are kept."""

from jug.words.lazy_modules import of_backends as __getattr__  # noqa: F401

from .memoize_store import memoize_store
from .select import register_scheme, select

__all__ = ["memoize_store", "register_scheme", "select"]
