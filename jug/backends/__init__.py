"""Where results and locks are kept."""

from .select import register_scheme, select

__all__ = ["register_scheme", "select"]
