"""The hashes that arguments have with other versions of Python and numpy.

A pickle names the modules of other libraries, private ones too, and says how an object is to be made again. Where that
has changed from one version to the next, the hash has changed with it, and results are not found any more. What is
known of such changes stands in :data:`KINDS`; with it, the hash of a task can be computed as another version would.
"""

from __future__ import annotations

import io
import pickle
import sys
from itertools import product
from types import FunctionType

from jug.hash import PROTOCOL, _SetPickler, pickling_by
from jug.hashing.padding import reduced
from jug.words import nodes

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any


class Change:
    """What is different with another version.

    Attributes
    ----------
    version : str
        What it is another version of, and which: ``numpy 1``.
    what : str
        What in arguments it concerns.
    """

    version = what = ""

    def module(self, obj: Any, module: str, name: str) -> str:
        """The module in which the other version finds `name`, which is `obj`."""
        return module

    def reduced(self, obj: Any) -> Any:
        """How the other version says what makes `obj` again; ``NotImplemented`` if as this one does."""
        return NotImplemented


class Numpy1(Change):
    version = "numpy 1"
    what = "numbers, masked arrays or objects of numpy"

    def module(self, obj: Any, module: str, name: str) -> str:
        if module == "numpy._core" or module.startswith("numpy._core."):
            return module.replace("._core", ".core", 1)
        if module == "numpy.ma":
            return "numpy.ma.core" if hasattr(sys.modules["numpy.ma.core"], name) else "numpy.ma.extras"
        if module == "numpy.rec":
            return "numpy"
        return "numpy.core._multiarray_umath" if module == "numpy" and _is_ufunc(obj) else module

    def reduced(self, obj: Any) -> Any:
        return _type_of_dates(obj, {})


class Numpy2(Change):
    version = "numpy 2"
    what = Numpy1.what

    def module(self, obj: Any, module: str, name: str) -> str:
        if _is_ufunc(obj):
            return "numpy"
        if module == "numpy.core" or module.startswith("numpy.core."):
            return module.replace(".core", "._core", 1)
        if (module, name) == ("numpy.ma.core", "MaskedArray"):
            return "numpy.ma"
        return "numpy.rec" if (module, name) == ("numpy", "recarray") else module

    def reduced(self, obj: Any) -> Any:
        return _type_of_dates(obj, None)


class Paths(Change):
    """Paths are pickled by their parts, or by what they were made from; and their module was another one in 3.13."""

    what = "paths"

    def __init__(self, version: str, place: str, has_parts: bool) -> None:
        self.version = version
        self._place = place
        self._has_parts = has_parts

    def module(self, obj: Any, module: str, name: str) -> str:
        return self._place if module in ("pathlib", "pathlib._local") else module

    def reduced(self, obj: Any) -> Any:
        pathlib = sys.modules.get("pathlib")
        if pathlib is None or not isinstance(obj, pathlib.PurePath):
            return NotImplemented
        if self._has_parts:
            return type(obj), tuple(map(sys.intern, obj.parts))
        return type(obj), tuple(getattr(obj, "_raw_paths", None) or (str(obj),))


class OldFractions(Change):
    version = "Python 3.10 and before"
    what = "fractions"

    def reduced(self, obj: Any) -> Any:
        return (type(obj), (str(obj),)) if _is_fraction(obj) else NotImplemented


class NewFractions(Change):
    version = "Python 3.11 and later"
    what = "fractions"

    def reduced(self, obj: Any) -> Any:
        return (type(obj), (obj.numerator, obj.denominator)) if _is_fraction(obj) else NotImplemented


def _type_of_dates(obj: Any, no_metadata: Any) -> Any:
    numpy = sys.modules.get("numpy")
    if numpy is None or not isinstance(obj, numpy.dtype) or obj.kind not in "mM" or obj.metadata:
        return NotImplemented
    make, args, (*state, (_, unit)) = obj.__reduce__()
    return make, args, (*state, (no_metadata, unit))


def _is_ufunc(obj: Any) -> bool:
    return isinstance(obj, sys.modules["numpy"].ufunc) if "numpy" in sys.modules else False


def _is_fraction(obj: Any) -> bool:
    fractions = sys.modules.get("fractions")
    return fractions is not None and isinstance(obj, fractions.Fraction)


def _numpy() -> list[Change]:
    version = getattr(sys.modules.get("numpy"), "__version__", "2")
    return [Numpy2() if version.startswith("1.") else Numpy1()]


def _paths() -> list[Change]:
    all_of_them = {
        (3, 12): Paths("Python 3.12 and before", "pathlib", has_parts=True),
        (3, 13): Paths("Python 3.13", "pathlib._local", has_parts=False),
        (3, 14): Paths("Python 3.14", "pathlib", has_parts=False),
    }
    mine = min(max(sys.version_info[:2], (3, 12)), (3, 14))
    return [change for version, change in all_of_them.items() if version != mine]


def _fractions() -> list[Change]:
    return [OldFractions() if sys.version_info >= (3, 11) else NewFractions()]


#: By what is in the pickle of everything that is concerned: the changes, of which at most one is true.
KINDS: dict[bytes, Callable[[], list[Change]]] = {b"numpy": _numpy, b"pathlib": _paths, b"fractions": _fractions}


_AFTER_NUMBER = b"\x94\x86\x94R\x94."


# That in C does not let one choose the names.
_pythons: Any = pickle


class _AsOther(_pythons._Pickler):  # type: ignore[misc]
    replaced = 0
    persistent_id = _SetPickler.persistent_id

    def __init__(self, stream: io.BytesIO, changes: Sequence[Change]) -> None:
        super().__init__(stream, PROTOCOL)
        self._changes = changes
        self._modules: dict[str, str] = {}  # pickles note which strings are one object

    def reducer_override(self, obj: Any) -> Any:
        for change in self._changes:
            found = change.reduced(obj)
            if found is not NotImplemented:
                return found
        return reduced(obj)

    def save_global(self, obj: Any, name: str | None = None) -> None:
        name = name or getattr(obj, "__qualname__", None) or obj.__name__
        module = _pythons.whichmodule(obj, name)
        for change in self._changes:
            module = change.module(obj, module, name)
        self.save(self._modules.setdefault(module, module))
        self.save(name)
        self.write(pickle.STACK_GLOBAL)
        self.memoize(obj)

    dispatch = {**_pythons._Pickler.dispatch, FunctionType: save_global}  # noqa: RUF012


def pickled_with(changes: Sequence[Change], obj: Any) -> bytes:
    """What the pickle of `obj` in its hash would be with these changes."""
    stream = io.BytesIO()
    _AsOther(stream, changes).dump(obj)
    return stream.getvalue()


def hashes_of_others(tasks: Sequence[Any]) -> Iterator[tuple[tuple[Change, ...], list[bytes]]]:
    """For each set of changes that there may be with other versions: these, and the hashes that `tasks` have then.

    Nothing is yielded if no change concerns these tasks. Linear in the number of tasks and what they depend on.
    """
    all_nodes = _with_all_below(tasks)
    concerned: dict[bytes, None] = {}

    def look(obj: Any, data: bytes) -> bytes:
        concerned.update((word, None) for word in KINDS if word in data)
        return data

    _hashes(all_nodes, tasks, look)
    choices = [[None, *KINDS[word]()] for word in concerned]
    for chosen in sorted(product(*choices), key=lambda changes: sum(map(bool, changes))):
        changes = tuple(change for change in chosen if change is not None)
        if changes:
            yield changes, _hashes(all_nodes, tasks, _pickler(changes, tuple(concerned)))


def _with_all_below(tasks: Sequence[Any]) -> list[Any]:
    """These tasks, and all tasks and tasklets that they depend on."""
    found = {id(task): task for task in tasks}
    stack = list(tasks)
    while stack:
        below = {id(node): node for node in nodes.direct(stack.pop().sources()) if id(node) not in found}
        found.update(below)
        stack += below.values()
    return list(found.values())


def _pickler(changes: Sequence[Change], words: Sequence[bytes]) -> Callable[[Any, bytes], bytes]:
    known: dict[bytes, bytes] = {}

    def other(obj: Any, data: bytes) -> bytes:
        if not any(word in data for word in words):
            return data
        # There may be many numbers of numpy: their pickles differ in so many bytes at the end only.
        size = _size_of_number(obj)
        head = data[:-size] if size else b""
        if head in known:
            return known[head] + data[-size:]
        try:
            pickled = pickled_with(changes, obj)
        except Exception:  # noqa: BLE001  (the user's code, or nested too deeply for Python's own pickler)
            return data
        if size:
            known[head] = pickled[:-size]
        return pickled

    return other


def _size_of_number(obj: Any) -> int:
    numpy = sys.modules.get("numpy")
    is_number = numpy is not None and isinstance(obj, (numpy.number, numpy.bool_)) and type(obj).__module__ == "numpy"
    return obj.itemsize + len(_AFTER_NUMBER) if is_number else 0


def _hashes(all_nodes: list[Any], tasks: Sequence[Any], pickler: Callable[[Any, bytes], bytes]) -> list[bytes]:
    """The hashes of `tasks` if objects are pickled by `pickler`; afterwards, all nodes have those that they had."""
    known = [node._hash for node in all_nodes]
    try:
        with pickling_by(pickler):
            for node in all_nodes:
                node._hash = None
            return [task.hash() for task in tasks]
    finally:
        for node, digest in zip(all_nodes, known, strict=True):
            node._hash = digest
