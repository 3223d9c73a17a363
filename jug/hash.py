"""The identity of a value: a SHA-1 over a stream of its parts. Results on disk are found by it, so it never changes.

``update(pairs)`` feeds, for each ``(label, object)``, the pickle (always protocol 4) of the label and then the object:

1. what its ``__jug_hash__()`` returns, if it has that method;
2. a list or tuple (exactly): the ``repr`` of its type, then ``update(enumerate(object))``;
3. a set or frozenset (exactly): its name, then ``update(enumerate(sorted(hashes of the elements)))``;
4. a dict (exactly): ``dict``, then ``update`` of the pairs (hash of the key, value) sorted by that hash;
5. a ``numpy.ndarray`` (exactly): ``np.ndarray``, the pickles of dtype and shape, then the bytes of its data in C order,
   or, if it holds objects, ``update(enumerate(all elements))``; bytes that are mere padding are zero
   (:mod:`jug.hashing.padding`), here and in the pickles below;
6. a subclass of dict that jug looks through (:mod:`jug.words.mappings`), if there are tasks in it: ``mapping``, the
pickle of
   what it is beside its items, then as a dict, for an ``OrderedDict`` in its order;
7. anything else: its pickle, in which no task may be. The pickle of an object that has a set somewhere inside would
   depend on the order of that set, which differs from one process to the next; such sets are replaced by the sorted
   hashes of their elements.

Nothing recurses: each container is a generator that yields the generators of what is inside, and a loop runs them.
"""

from __future__ import annotations

import io
import pickle
import sys
from contextlib import contextmanager

from .hashing.padding import may_hold_padding, pickled_without, pieces, reduced
from .hashing.unhashable import NOT_PICKLABLE, UnhashableError, not_picklable, tasks_inside
from .hashing.walk import run_walk
from .words import mappings
from .words.nodes import ATOMS, Node, direct, leading_to_nodes
from .words.protocol import method
from .words.unseen import NodeInside, pickling_refused

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
    from typing import Any

    Hasher = Any  # hashlib's type has no public name
    Walk = Generator[Any, Any, Any]

PROTOCOL = 4

_dumps = pickle.dumps
# Labels are mostly small numbers and few words: their pickles are made once.
#: The pickles of the first positions in a list.
positions = [_dumps(i, PROTOCOL) for i in range(1024)]
_labels: dict[object, bytes] = dict(enumerate(positions))
_labels.update((word, _dumps(word, PROTOCOL)) for word in ("name", "args", "kwargs", "hash1", "base", "f"))
# Keys of dicts come back again and again (keyword arguments, columns of tables).
_keys: dict[str, bytes] = {}
_MOST_KEYS = 10_000

_EMPTY_SET_OPCODE = b"\x8f"
_FROZENSET_OPCODE = b"\x91"


def new_hash_object() -> Hasher:
    """A fresh hash object, with ``update``, ``copy`` and ``hexdigest``."""
    from hashlib import sha1  # late: loading OpenSSL takes as long as much of jug

    return sha1(usedforsecurity=False)  # an identity, not a protection; said so, it is copied faster, too


def hash_one(obj: Any) -> bytes:
    """The hash of one object: 40 hexadecimal digits.

    Raises
    ------
    UnhashableError
        (Part of) the object cannot be pickled.
    """
    M = new_hash_object()
    hash_update(M, [("hash1", obj)])
    return M.hexdigest().encode("ascii")  # type: ignore[no-any-return]


def hash_update(M: Hasher, elems: Iterable[tuple[Any, Any]]) -> Hasher:
    """Feed pairs of (label, object) to the hash object `M`, and return it."""
    run_walk(stream(M, elems))
    return M


def stream(M: Hasher, pairs: Iterable[tuple[Any, Any]], source: Any = None, leading: Any = None) -> Walk:
    """Feed `pairs`, which are the items of `source` (for finding cycles).

    `leading`, if known, has the ids of all that leads to a node inside `source`.
    """
    update = M.update
    labels = _labels
    for label, obj in pairs:
        known = labels.get(label) if type(label) is int or type(label) is str else None  # 1, 1.0 and True are equal
        update(_dumps(label, PROTOCOL) if known is None else known)
        kind = type(obj)
        if kind in ATOMS:
            update(_dumps(obj, PROTOCOL))
        elif isinstance(obj, Node):
            update(obj._hash or (yield obj.hash_walk()))
        elif kind is list or kind is tuple:
            update(repr(kind).encode("utf-8"))
            yield stream(M, enumerate(obj), obj, leading)
        elif kind is dict:
            update(b"dict")
            yield stream(M, (yield _dict_items(obj)), obj, leading)
        elif (special := method(obj, "__jug_hash__")) is not None:
            update(special())
        elif kind is set or kind is frozenset:
            update(kind.__name__.encode("ascii"))
            yield stream(M, (yield _set_items(obj)))
        elif _is_array(kind):
            yield from _array(M, obj)
        elif mappings.is_mapping(obj):
            yield from _mapping(M, obj, leading)
        else:
            update(_pickled(obj))


def update_flat(M: Hasher, items: Sequence[Any]) -> bool:
    """Feed the pairs of position and item, if all items are atoms and nodes with known hashes: most tasks have such.

    Without a walk, that takes half of the time. False if there are others, and `M` is of no use then.
    """
    if len(items) > len(positions):
        return False
    update = M.update
    position = 0  # (for the few arguments that tasks have, this is faster than `enumerate`)
    for obj in items:
        update(positions[position])
        position += 1  # noqa: SIM113
        if type(obj) in ATOMS:
            update(_dumps(obj, PROTOCOL))
        elif isinstance(obj, Node) and obj._hash:
            update(obj._hash)
        else:
            return False
    return True


def one(obj: Any) -> Walk:
    """As :func:`hash_one`, to be run by :func:`run_walk`."""
    M = new_hash_object()
    yield stream(M, [("hash1", obj)])
    return M.hexdigest().encode("ascii")


def _mapping(M: Hasher, obj: Any, leading: Any) -> Iterator[Walk]:
    if leading is None:
        leading = leading_to_nodes(obj)
    _refuse_tasks([*getattr(obj, "__dict__", {}).values()], obj)  # a defaultdict is pickled without its attributes
    if id(obj) not in leading:
        try:
            M.update(_pickled(obj))  # as it always was
            return
        except UnhashableError as error:
            if not error.is_for_tasks:
                raise  # otherwise, it is now found in which part of it
    M.update(b"mapping" + _pickled(mappings.character(obj), obj))
    yield stream(M, (yield _dict_items(obj)), obj, leading)  # type: ignore[arg-type]


def _dict_items(source: dict[Any, Any]) -> Walk:
    _refuse_tasks(source, source, "the keys of ")
    items = []
    for key, value in source.items():
        digest = _keys.get(key) if type(key) is str else None
        if digest is None:
            digest = yield one(key)
            if type(key) is str and len(_keys) < _MOST_KEYS:
                _keys[key] = digest
        items.append((digest, value))
    if not mappings.is_ordered(source):
        items.sort(key=_first)
    return items


def _set_items(source: Any) -> Walk:
    _refuse_tasks(source, source)
    digests = []
    for elem in source:
        digests.append((yield one(elem)))
    return enumerate(sorted(digests))


def _refuse_tasks(items: Iterable[Any], obj: Any, part: str = "") -> None:
    if hides_tasks(items):
        raise tasks_inside(obj, part)


def hides_tasks(items: Iterable[Any]) -> bool:
    """True if a task can be reached in `items` of something in which jug does not look for any."""
    return not ATOMS.issuperset(map(type, items)) and bool(direct(items))


def _first(pair: tuple[bytes, Any]) -> bytes:
    return pair[0]


def _is_array(kind: type) -> bool:
    numpy = sys.modules.get("numpy")  # an array can only come from a numpy that has been imported
    return numpy is not None and kind is getattr(numpy, "ndarray", None)


def _array(M: Hasher, arr: Any) -> Iterator[Walk]:
    M.update(b"np.ndarray")
    M.update(_dumps(arr.dtype, PROTOCOL) if _instead is None else _pickled(arr.dtype))
    M.update(_dumps(arr.shape, PROTOCOL))
    if arr.dtype.hasobject:
        items = arr.ravel().tolist()
        _refuse_tasks(items, arr)
        yield stream(M, enumerate(items), arr)
    else:
        for piece in pieces(arr):
            M.update(piece)


def _pickled(obj: Any, owner: Any = None) -> bytes:
    """The pickle of `obj`, whatever the order of the sets inside; `owner` is what it is a part of."""
    try:
        data = _dumps_without_tasks(obj)
        if may_hold_padding(data):
            data = pickled_without(obj)
        # A set, or just such a byte in other data. Subclasses of sets are pickled in yet another way.
        if _EMPTY_SET_OPCODE in data or _FROZENSET_OPCODE in data or isinstance(obj, (set, frozenset)):
            data = _pickled_in_order(obj) or data
    except NodeInside:
        raise tasks_inside(obj if owner is None else owner) from None
    except NOT_PICKLABLE as error:
        _refuse_tasks(_visible(obj), obj)  # if so, that is what to say
        raise not_picklable(obj if owner is None else owner, error) from error
    return data if _instead is None else _instead(obj, data)


_instead: Any = None


@contextmanager
def pickling_by(pickler: Callable[[Any, bytes], bytes]) -> Iterator[None]:
    """Context in which `pickler` gets each object and its pickle, and what it returns is hashed instead."""
    global _instead
    _instead = pickler
    try:
        yield
    finally:
        _instead = None


def _visible(obj: Any) -> list[Any]:
    """The items of a subclass of a container, the attributes of another object."""
    if isinstance(obj, (list, tuple, set, frozenset)):
        return list(obj)
    return [*(obj.values() if isinstance(obj, dict) else ()), *getattr(obj, "__dict__", {}).values()]


def _dumps_without_tasks(obj: Any) -> bytes:
    try:
        with pickling_refused():
            return _dumps(obj, PROTOCOL)
    except NodeInside:
        if method(obj, "__jug_dependencies__") is None:
            raise
    return _dumps(obj, PROTOCOL)  # it says itself where its tasks are


class _SetPickler(pickle.Pickler):
    """A pickler that writes the sorted hashes of a set's elements in place of the set."""

    replaced = 0

    def persistent_id(self, obj: Any) -> Any:
        if not isinstance(obj, (set, frozenset)) or _iterates_in_order(obj):
            return None
        self.replaced += 1
        return (type(obj).__name__, sorted(hash_one(elem) for elem in obj), getattr(obj, "__dict__", None))

    def reducer_override(self, obj: Any) -> Any:
        return reduced(obj)


def _pickled_in_order(obj: Any) -> bytes | None:
    """A pickle that does not depend on the order of sets, or None if there are no sets to care for."""
    stream = io.BytesIO()
    pickler = _SetPickler(stream, PROTOCOL)
    pickler.dump(obj)
    return stream.getvalue() if pickler.replaced else None


def stable_hash_one(obj: Any) -> bytes:
    """Like :func:`hash_one`, for an object that must have the same hash in every process.

    Raises
    ------
    UnhashableError
        A copy of the object has another hash, so that no other process would find what is stored under this one.
    """
    digest = hash_one(obj)
    if method(obj, "__jug_hash__") is not None:
        return digest  # whoever gave it that method knows what identifies it; it need not even be picklable
    copy = settled(obj)
    if hash_one(copy) != hash_one(copied(copy)) or hash_one(obj) != digest:
        raise UnhashableError(
            f"An object of type {type(obj).__module__}.{type(obj).__qualname__} has a hash that changes when it is "
            "pickled and read back: give the class a method __jug_hash__() that returns bytes which identify the object"
        )
    return digest


def copied(obj: Any) -> Any:
    """A copy by pickling; whatever makes that impossible is raised."""
    return pickle.loads(_dumps(obj, PROTOCOL))


def settled(obj: Any) -> Any:
    """A copy of a copy: the first may differ harmlessly from what follows, in what is filled in or shared only then."""
    return copied(copied(obj))


def _iterates_in_order(elems: Any) -> bool:
    """True for a set whose order is the same in every process, so that its pickle can be (and always was) used."""
    return len(elems) < 2 or all(_hashes_alike(elem) for elem in elems)


def _hashes_alike(elem: Any) -> bool:
    """True if ``hash(elem)`` is the same in every process; not so for strings and most objects."""
    kind = type(elem)
    if kind is tuple or kind is frozenset:
        return all(_hashes_alike(e) for e in elem)
    is_number = kind in (int, float, complex, bool) or kind.__module__ in ("numpy", "fractions", "decimal")
    return is_number and elem == elem and not isinstance(elem, (str, bytes))  # not-a-number hashes by its address
