"""Bytes between values have no part in a hash, unless they are the same in every process."""

import pickle
from collections import OrderedDict

import pytest
from optional import library
from optional import numpy as np

from jug import hash as jug_hash
from jug.hash import hash_one
from jug.hashing import padding

GAPS = {"names": ["a", "b"], "formats": ["i1", "f8"], "offsets": [0, 8]}


class Thing:
    def __init__(self, **attributes):
        self.__dict__.update(attributes)


def noisy(dtype, shape, seed):
    """An array of zeros, with noise where none of its values are."""
    array = np.zeros(shape, dtype)
    items = array.reshape(-1).view("u1").reshape(-1, array.itemsize)
    gaps = padding._gaps(array.dtype)
    items[:, gaps] = np.random.RandomState(seed).randint(0, 256, (len(items), gaps.sum()))
    return array


needs_padding = pytest.mark.skipif("np.finfo(np.longdouble).nmant != 63", reason="a long double has no padding here")
DTYPES = {
    "long double": lambda: "g",
    "complex": lambda: "G",
    "other byte order": lambda: ">f16",
    "complex in other order": lambda: ">c32",
    "in a struct": lambda: [("x", "i4"), ("y", "g")],
    "subarray": lambda: [("x", "i4"), ("y", "g", (2, 3))],
    "aligned": lambda: np.dtype([("a", "i1"), ("b", "f8")], align=True),
    "aligned with dates": lambda: np.dtype([("a", "i1"), ("b", "M8[s]")], align=True),
    "gaps": lambda: GAPS,
    "gaps inside": lambda: [("x", "i4"), ("y", np.dtype(GAPS), 2)],
    "no fields": lambda: {"names": [], "formats": [], "itemsize": 8},
}
CONTAINERS = {
    "array": lambda a: a,
    "matrix of them": lambda a: a.reshape(3, 2),
    "every other": lambda a: np.repeat(a, 2)[::2],
    "in Fortran's order": lambda a: np.asfortranarray(a.reshape(3, 2)),
    "number": lambda a: a[1],
    "array without dimensions": lambda a: a[:1].reshape(()),
    "list": lambda a: [1, a],
    "key of a dict": lambda a: {"struct" if a.dtype.names is not None else a[0]: a},
    "in an object": lambda a: Thing(a=a, n=a[2]),
    "in an object with sets": lambda a: Thing(a=a, s={"x", "y"}),
    "in an ordered dict": lambda a: OrderedDict(a=a, b=[a[1]]),
    "array of objects": lambda a: np.array([None, a, a[1]], dtype=object),
    "record array": lambda a: a.view(np.recarray),
    "masked array": lambda a: np.ma.array(a, mask=[False] * 6),
    "masked number": lambda a: np.ma.array(a, mask=[False] * 6)[:1],
}


@needs_padding
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_noise_between_values_does_not_matter(dtype, container):
    zeros = np.zeros(6, np.dtype(DTYPES[dtype]()))
    arrays = [zeros, *(noisy(zeros.dtype, 6, seed) for seed in (1, 2))]
    assert arrays[1].tobytes() != arrays[2].tobytes()
    hashes = {hash_one(CONTAINERS[container](array)) for array in arrays}
    assert len(hashes) == 1


@needs_padding
@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_values_matter(dtype, container):
    if dtype == "no fields":
        return
    arrays = [np.zeros(6, np.dtype(DTYPES[dtype]())) for _ in range(2)]
    arrays[1].reshape(-1).view("u1")[arrays[1].itemsize - 1 if dtype.endswith("order") else 0 :: arrays[1].itemsize] = 1
    hashes = {hash_one(CONTAINERS[container](array)) for array in arrays}
    assert len(hashes) == 2


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("container", CONTAINERS)
def test_with_zeros_the_hash_is_what_it_was(dtype, container, monkeypatch):
    if container in ("every other", "in Fortran's order"):
        return  # numpy copied them, into memory with noise
    zeros = np.zeros(6, np.dtype(DTYPES[dtype]()))
    if zeros.dtype.names is not None and container.startswith("masked"):
        return  # their fill value has noise, too
    obj = CONTAINERS[container](zeros)
    hash_one(obj)  # after which a masked array has its fill value
    digest = hash_one(obj)
    monkeypatch.setattr(padding, "_padding_of", lambda obj: None)
    monkeypatch.setattr(jug_hash, "may_hold_padding", lambda data: False)
    assert hash_one(obj) == digest


def test_a_large_array_is_hashed_in_pieces():
    array = noisy(np.dtype(GAPS), 200_000, 1)
    assert sum(map(len, padding.pieces(array))) == array.nbytes
    assert hash_one(array) == hash_one(np.zeros(200_000, array.dtype))


def test_an_array_without_gaps_is_not_copied():
    array = np.zeros(10, [("a", "i4"), ("b", "f8")])
    (piece,) = padding.pieces(array)
    assert np.shares_memory(np.frombuffer(piece, "u1"), array)


# What 2.7 gives for these: the bytes in between are those of other columns, or of the text.
@pytest.mark.parametrize(
    ("make", "digest"),
    [
        (lambda table: table[["x", "z"]], "8b0edd1b55825f160938fb0e8ab5059800dcba7c"),
        (lambda table: table[1:3][["x", "z"]], "5e1bc4a8ac7bfde27fc41945cf74cb9679d2b963"),
        (lambda table: [table[["y"]]], "5066ae8e1c4e3cd209d78c51e990447849801729"),
        (lambda table: Thing(t=table[["x", "z"]]).__dict__, "f7df6e3be14dacd52f6062dc2ff740e93863f90e"),
        (lambda t: np.frombuffer(t.tobytes(), t[["x", "z"]].dtype), "8b0edd1b55825f160938fb0e8ab5059800dcba7c"),
    ],
)
def test_some_columns_of_a_table_keep_their_hash(make, digest):
    table = np.zeros(4, [("x", "i4"), ("y", "f8"), ("z", "i4")])
    table["x"], table["y"], table["z"] = 1, 2.5, range(4)
    assert hash_one(make(table)).decode() == digest


def test_some_columns_in_an_object_keep_their_pickle():
    thing = Thing(t=np.arange(6.0).view([("x", "f8"), ("y", "f8"), ("z", "f8")])[["x", "z"]])
    assert jug_hash._pickled(thing) == pickle.dumps(thing, 4)


def test_gaps_of_the_table_itself_do_not_matter():
    aligned = np.dtype([("x", "i1"), ("y", "f8"), ("z", "i4")], align=True)
    assert len({hash_one(noisy(aligned, 5, seed)[["x", "z"]]) for seed in (1, 2)}) == 1


def test_frames_with_long_doubles_hash_alike():
    pandas = library("pandas")
    frames = [pandas.DataFrame({"x": noisy("g", 4, seed)}) for seed in (1, 2)]
    assert hash_one(frames[0]) == hash_one(frames[1])


@pytest.mark.parametrize("obj", ["V1", b"numpy\x8c\x02V1", ("numpy", "f16"), {"numpy": "c32"}])
def test_what_only_looks_like_padding_keeps_its_hash(obj):
    thing = Thing(x=obj)
    data = pickle.dumps(thing, 4)
    assert jug_hash._pickled(thing) == data
