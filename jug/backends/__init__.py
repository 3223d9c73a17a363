"""Where results and locks are kept."""

from .memoize_store import memoize_store
from .select import register_scheme, select

__all__ = ["memoize_store", "register_scheme", "select"]
