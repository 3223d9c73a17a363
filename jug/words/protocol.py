"""The methods by which objects talk to jug: ``__jug_hash__``, ``__jug_dependencies__`` and ``__jug_value__``."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


def method(obj: Any, name: str) -> Any:
    """What is to be called for `name`, one of the methods by which objects talk to jug; None if `obj` has none.

    It may be an attribute of the object itself, or be handed on by a proxy. What a class has is mostly meant for its
    instances; it counts for the class itself if it can be called on that: a class method, a static one, a metaclass's.
    """
    if isinstance(obj, type) and not _is_of_the_class(obj, name):
        return None
    try:
        found = getattr(obj, name, None)
    except KeyError:  # from a dict with attributes for items
        return None
    return found if callable(found) else None


def _is_of_the_class(kind: type, name: str) -> bool:
    if getattr(getattr(kind, name, None), "__self__", None) is kind:
        return True
    return isinstance(next((vars(base)[name] for base in kind.__mro__ if name in vars(base)), None), staticmethod)
