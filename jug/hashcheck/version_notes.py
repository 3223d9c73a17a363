"""Arguments whose hash depends on the versions of libraries, for ``jug check --hashes``: which, why, and what to do."""

from __future__ import annotations

import pickle
import pickletools
import sys

from jug.hash import PROTOCOL
from jug.words.nodes import ATOMS

from .other_versions import KINDS, pickled_with
from .roundtrip import Difference

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

NUMBER = (
    "makes another task than the plain Python value that it equals, and has another hash with numpy 1 than with numpy "
    "2 (pass x.item())"
)
# By what is in the pickle.
_REASONS = {
    b"numpy": (
        "has another hash with numpy 1 than with numpy 2, since its pickle names what was renamed there (pass a plain "
        "array, or plain values)"
    ),
    b"pathlib": "has a path in it, whose hash changed with Python 3.13 and with 3.14 (pass str(path))",
    b"fractions": "has a fraction in it, whose hash changed with Python 3.11 (pass its numerator and denominator)",
}
# Of these, it is known without a look.
_KNOWN = {("pathlib", "PurePath"): b"pathlib", ("fractions", "Fraction"): b"fractions"}
_PRIVATE = (
    "may have another hash with another version of {library}, since its pickle names a private module of it, {module} "
    "(pass plain values)"
)
_STRINGS = ("SHORT_BINUNICODE", "BINUNICODE", "BINUNICODE8")


def note(obj: Any) -> Difference | None:
    """What depends on a version in the hash of `obj`, which is hashed as a whole; None if nothing does, or is known."""
    try:
        reason = _reason(obj)
    except Exception:  # noqa: BLE001  (the user's code; that it cannot be hashed is told elsewhere)
        return None
    return Difference(obj, reason, [], is_harmless=True) if reason else None


def _reason(obj: Any) -> str:
    if hasattr(type(obj), "__jug_hash__") or hasattr(type(obj), "__jug_dependencies__"):
        return ""
    if _is_plain_number(obj):
        return NUMBER
    for (module, name), word in _KNOWN.items():
        if isinstance(obj, getattr(sys.modules.get(module), name, ())):
            return _REASONS[word]
    data = pickle.dumps(obj, PROTOCOL)
    for word, reason in _REASONS.items():
        if word in data and _depends_on(word, obj):
            return reason
    for module in dict.fromkeys(_strings(data)):
        if _is_private(module):
            return _PRIVATE.format(library=module.partition(".")[0], module=module)
    return ""


def _is_plain_number(obj: Any) -> bool:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(obj, (numpy.number, numpy.bool_, numpy.character)):
        return False
    return type(obj.item()) in ATOMS  # not so for long doubles and time spans


def _depends_on(word: bytes, obj: Any) -> bool:
    as_it_is = pickled_with((), obj)
    return any(pickled_with((change,), obj) != as_it_is for change in KINDS[word]())


def _strings(data: bytes) -> Iterator[str]:
    """The short strings in a pickle, among them the names of modules."""
    for opcode, argument, _ in pickletools.genops(data):
        if opcode.name in _STRINGS and len(name := str(argument)) < 200:
            yield name


def _is_private(module: str) -> bool:
    """Whether this is the name of a private module of a library, and not of the user's own."""
    top, _, rest = module.partition(".")
    if not any(part.startswith("_") for part in rest.split(".")) or module not in sys.modules or top == "jug":
        return False
    path = getattr(sys.modules.get(top), "__file__", None) or ""
    return top in sys.stdlib_module_names or "site-packages" in path or "dist-packages" in path
