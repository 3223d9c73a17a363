"""Subclasses of dict that jug looks through: those of which another one with other values can be made.

These are ``OrderedDict``, ``defaultdict``, ``Counter``, and classes derived from them or from dict which leave alone
how items are read, written and pickled. Peers may mean something else by their items.
"""

from __future__ import annotations

from collections import Counter, OrderedDict, defaultdict

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_KNOWN = (dict, OrderedDict, defaultdict, Counter)
# What a class of its own may not have, else its items are more than keys with values, or it is more than its items.
_READING = ("__getitem__", "__iter__", "__len__", "__contains__", "keys", "values", "items")
_MAKING = ("__new__", "__setitem__", "__getattribute__", "__dict__")
_COPYING = ("__reduce__", "__reduce_ex__", "__getstate__", "__setstate__", "__getnewargs__", "__getnewargs_ex__")
_TELLING = frozenset((*_READING, *_MAKING, *_COPYING))
# What a class has as its `__dict__` if it says nothing of that.
_ATTRIBUTES = type(vars(type("_", (), {}))["__dict__"])
_verdicts: dict[type, bool] = {}


def is_mapping(obj: Any) -> bool:
    """True for an object of a subclass of dict (not a plain dict) that is looked through."""
    kind = type(obj)
    known = _verdicts.get(kind)
    if known is None:
        if not issubclass(kind, dict) or kind is dict:
            return False
        known = _verdicts[kind] = all(_is_plain(base) for base in kind.__mro__)
    return known and getattr(obj, "__dict__", None) is not obj


def _is_plain(kind: type) -> bool:
    if kind in _KNOWN or kind is object:
        return True
    own = {name for name, what in vars(kind).items() if not (name == "__dict__" and type(what) is _ATTRIBUTES)}
    return _TELLING.isdisjoint(own) and not vars(kind).get("__slots__")


def is_ordered(obj: Any) -> bool:
    """Whether the order of the items means something."""
    return isinstance(obj, OrderedDict)


def character(obj: Any) -> tuple[Any, ...]:
    """What there is to a mapping beside its items: its class, default and attributes."""
    default = obj.default_factory if isinstance(obj, defaultdict) else None
    return (type(obj), default, getattr(obj, "__dict__", None) or None)


def like(obj: Any, results: list[Any]) -> Any:
    """Another such mapping, with `results` as the values."""
    kind = type(obj)
    made: Any = dict.__new__(kind)
    if isinstance(obj, defaultdict):
        made.default_factory = obj.default_factory
    put = OrderedDict.__setitem__ if isinstance(obj, OrderedDict) else dict.__setitem__
    for key, result in zip(obj, results, strict=True):
        put(made, key, result)
    attributes = getattr(obj, "__dict__", None)
    if attributes:
        vars(made).update(attributes)
    return made
