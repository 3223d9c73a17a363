"""Does an object have the same hash when it is computed again, and after it was pickled and read back?

Answers name the innermost part that makes the difference. All of this runs code of the user's classes, which may
raise whatever it likes: what cannot be compared is taken to be as it should.
"""

from __future__ import annotations

import io
from functools import cached_property

from jug.hash import PROTOCOL, _SetPickler, copied, hash_one, settled
from jug.hashing.unhashable import UnhashableError
from jug.words.places import ATTRIBUTE, ITEM, written
from jug.words.protocol import method
from jug.words.short import short

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jug.words.places import Step

UNHASHABLE = "cannot be hashed"
EACH_TIME = "has another hash each time that it is computed"
ROUND_TRIP = "has another hash after it was pickled and read back"
_NO_HARM = "(no harm is done as long as the jugfile makes it, and does not get it from a CachedFunction)"
SHARING = (
    f"{ROUND_TRIP}, but only because some equal strings in it were one object and are not any more, or the other way "
    f"round {_NO_HARM}"
)
FIRST_TIME = f"{ROUND_TRIP}, but only the first time {_NO_HARM}"

_DEEPEST = 30


class Difference:
    """What is wrong with an object, and with which part of it.

    Attributes
    ----------
    steps : list
        The way from the object to the part.
    type, what : str
        The type of the part, and a few words of it.
    reason : str
        What happens to its hash.
    is_harmless : bool
        True if nothing is lost as long as the jugfile makes the object, with the same versions of all libraries.
    """

    __slots__ = ("_part", "is_harmless", "reason", "steps", "type")

    def __init__(self, part: Any, reason: str, steps: list[Step], is_harmless: bool = False) -> None:
        kind = type(part)
        self.type = kind.__qualname__ if kind.__module__ == "builtins" else f"{kind.__module__}.{kind.__qualname__}"
        self._part = part
        self.reason = reason
        self.steps = steps
        self.is_harmless = is_harmless

    @property
    def what(self) -> str:
        return short(self._part)  # only when it is told: some objects are others once they were looked at


def difference(obj: Any) -> Difference | None:
    """What is wrong with the hash of `obj`, which is hashed as a whole; None if nothing is."""
    try:
        digest = hash_one(obj)
        again = hash_one(obj)
    except UnhashableError as error:
        return Difference(obj, f"{UNHASHABLE}: {error}", [])
    except Exception as error:  # noqa: BLE001  (the user's code)
        return Difference(obj, f"{UNHASHABLE}: {type(error).__name__}: {error}", [])
    if digest != again:
        return _innermost(obj, obj, EACH_TIME)
    if method(obj, "__jug_dependencies__") is not None:
        return None  # there may be tasks inside, with all that they depend on
    try:
        copy = copied(obj)
        again = hash_one(copy)
    except Exception:  # noqa: BLE001  (the user's code)
        return None
    if digest == again:
        return None
    if method(obj, "__jug_hash__") is None and _unshared(obj) == _unshared(copy):
        return Difference(obj, SHARING, [], is_harmless=True)
    settles = _settles(copy)
    return _innermost(obj, copy, FIRST_TIME if settles else ROUND_TRIP, settles)


def _settles(copy: Any) -> bool:
    try:
        copy = copied(copy)
        return hash_one(copy) == hash_one(copied(copy))
    except Exception:  # noqa: BLE001  (the user's code)
        return False


def _innermost(obj: Any, other: Any, reason: str, is_harmless: bool = False) -> Difference:
    """The part of `obj` that has another pickle than that of `other`, and no such part in itself."""
    steps: list[Step] = []
    while len(steps) < _DEEPEST:
        mine, others = _parts(obj), _parts(other)
        step = next((s for s in {**mine, **others} if _differ(mine.get(s, _MISSING), others.get(s, _MISSING))), None)
        if step is None:
            break
        if step not in mine or step not in others:
            only = "before" if step in mine else "after"
            return Difference(obj, f"{reason}: its {written(step)} is there only {only} that", steps, is_harmless)
        steps.append(step)
        obj, other = mine[step], others[step]
    return Difference(obj, reason, steps, is_harmless)


_MISSING = object()


def _differ(part: Any, other: Any) -> bool:
    if part is _MISSING or other is _MISSING:
        return True
    return _unshared(part) != _unshared(other)


def _parts(obj: Any) -> dict[Step, Any]:
    """What can be named inside `obj`, by the step that leads to it."""
    if isinstance(obj, type):
        return {}
    try:
        parts: dict[Step, Any] = {}
        if isinstance(obj, (list, tuple)):
            parts.update(((ITEM, i), item) for i, item in enumerate(obj))
        elif isinstance(obj, dict):
            parts.update(((ITEM, key), item) for key, item in obj.items())
        parts.update(((ATTRIBUTE, name), value) for name, value in getattr(obj, "__dict__", {}).items())
        slots = [name for kind in type(obj).__mro__ for name in _slots_of(kind) if hasattr(obj, name)]
        parts.update(((ATTRIBUTE, name), getattr(obj, name)) for name in slots if not name.startswith("__"))
    except Exception:  # noqa: BLE001  (the user's code)
        return {}
    return parts


def _slots_of(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


class _UnsharedPickler(_SetPickler):
    """A pickler that does not note which strings are one object."""

    def persistent_id(self, obj: Any) -> Any:
        if type(obj) is str:
            return f"str {obj}".encode("utf-8", "surrogatepass")  # made for the occasion, so never met again
        return super().persistent_id(obj)


def _unshared(obj: Any) -> bytes | None:
    """A pickle of `obj` in which equal strings are equal; None if it cannot be pickled."""
    stream = io.BytesIO()
    try:
        _UnsharedPickler(stream, PROTOCOL).dump(obj)
    except Exception:  # noqa: BLE001  (the user's code)
        return None
    return stream.getvalue()


class _ValuePickler(_UnsharedPickler):
    """The same, without what a ``cached_property`` keeps in the object once it was asked for."""

    def reducer_override(self, obj: Any) -> Any:
        kept = [name for name in getattr(obj, "__dict__", ()) if _is_cache(type(obj), name)]
        if not kept or isinstance(obj, type):
            return super().reducer_override(obj)
        found = obj.__reduce_ex__(PROTOCOL)
        if not isinstance(found, tuple) or len(found) < 3 or not isinstance(found[2], dict):
            return found
        state = {name: value for name, value in found[2].items() if name not in kept}
        return (*found[:2], state or None, *found[3:])


def _is_cache(kind: type, name: str) -> bool:
    return any(isinstance(vars(base).get(name), cached_property) for base in kind.__mro__)


def value_of(obj: Any) -> bytes:
    """Bytes that change when the value of `obj` does, and not when something is filled in, or noted for later.

    What cannot be copied or pickled is raised.
    """
    stream = io.BytesIO()
    _ValuePickler(stream, PROTOCOL).dump(settled(obj))
    return stream.getvalue()
