"""Which arrays and data frames a fast format (``.npy``, parquet) gives back as they were; all others are pickled.

A fast format knows less than the library whose objects it holds: ``.npy`` writes bfloat16 as raw bytes, forgets
``numpy.record`` and metadata, and cannot read some of the names of fields that it writes. So the kind of an object is
written and read back once, and it is remembered what came of it.
"""

from __future__ import annotations

import io
import pickle
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable
    from typing import Any

_MOST = 1000  # of each kind: programs make more only if they make them up
_arrays: dict[Hashable, bool] = {}
_frames: dict[Hashable, bool] = {}


def npy_gives_back(dtype: Any) -> bool:
    """Whether arrays of this type (a ``numpy.dtype``, without Python objects) are the same when read from ``.npy``."""
    if dtype.isbuiltin == 1 and dtype.metadata is None:
        return True
    return _remembered(_arrays, lambda: _description(dtype), lambda: _is_same_from_npy(dtype))


def npy_keeps_values(dtype: Any) -> bool:
    """Whether what is read from ``.npy`` compares as equal, if only with another class or without metadata."""
    try:
        return bool(dtype.hasobject or _through_npy(dtype) == dtype)
    except Exception:  # noqa: BLE001  (numpy raises whatever it meets on its way, and so do the dtypes of others)
        return False


def parquet_gives_back(frame: Any) -> bool:
    """The same of a ``polars.DataFrame`` and parquet."""
    # Without columns there is nothing in the file that says how many rows there are.
    return bool(frame.columns) and _remembered(
        _frames, lambda: repr(frame.schema), lambda: _is_same_from_parquet(frame.clear())
    )


def _remembered(known: dict[Hashable, bool], key: Callable[[], Hashable], find: Callable[[], bool]) -> bool:
    try:
        described = key()
        answer = known.get(described)
    except TypeError:  # there is metadata that cannot be in a dict
        return find()
    if answer is None:
        if len(known) >= _MOST:
            known.clear()
        answer = known[described] = find()
    return answer


def _description(dtype: Any) -> tuple[Any, ...]:
    """All that there is to a dtype: those that compare as equal may still have other types and metadata."""
    metadata = None if dtype.metadata is None else tuple(dtype.metadata.items())
    common = (type(dtype), dtype.type, dtype.num, dtype.str, dtype.itemsize, dtype.isalignedstruct, metadata)
    if dtype.subdtype is not None:
        return (*common, dtype.shape, _description(dtype.base))
    if dtype.names is None:
        return common
    # A field is its dtype, its offset, and a title if it has one.
    fields = ((type(name), name, _description(field), *more) for name, (field, *more) in _fields(dtype))
    return (*common, tuple(fields))


def _fields(dtype: Any) -> list[tuple[str, Any]]:
    return [(name, dtype.fields[name]) for name in dtype.names]


def _is_same_from_npy(dtype: Any) -> bool:
    try:
        found = _through_npy(dtype)
    except Exception:  # noqa: BLE001  (numpy raises whatever it meets on its way, and so do the dtypes of others)
        return False
    try:
        pickled = pickle.loads(pickle.dumps(dtype, pickle.HIGHEST_PROTOCOL))
    except Exception:  # noqa: BLE001  (as above)
        return bool(found == dtype)  # there is no other way
    # Not with `dtype` itself: what a pickle does not give back either is no reason to write one.
    return _description(found) == _description(pickled)


def _through_npy(dtype: Any) -> Any:
    import numpy
    from numpy.lib import format as npy

    stream = io.BytesIO()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # that metadata gets lost is just what is found out here
        # Readers refuse long headers: there must be room for any shape.
        npy.write_array(stream, numpy.zeros((1,) * 32, dtype), allow_pickle=False)
    stream.seek(0)
    return npy.read_array(stream, allow_pickle=False).dtype


def _is_same_from_parquet(empty: Any) -> bool:
    import polars

    stream = io.BytesIO()
    # What polars cannot write may even make it panic, which is no Exception.
    try:
        empty.write_parquet(stream)
        stream.seek(0)
        return bool(polars.read_parquet(stream).schema == empty.schema)
    except (Exception, polars.exceptions.PanicException):  # noqa: BLE001  (whatever it is, it is not given back)
        return False
