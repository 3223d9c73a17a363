"""What a task returned is what others load, whichever format it is stored in."""

import pickle

import pytest
from optional import library

from jug.backends.dict_store import dict_store
from jug.backends.encode import decode, encode
from jug.backends.file_store import file_store
from jug.backends.redis.results import packed, unpacked
from jug.backends.result_bytes.fidelity import _description, npy_gives_back
from jug.backends.result_bytes.result_file import NPY
from jug.io import _write_result

np = pytest.importorskip("numpy")
NAME = b"ab" * 20


class Void(np.void):
    pass


def of_ml_dtypes(name):
    return lambda: getattr(pytest.importorskip("ml_dtypes"), name)


# What .npy does not give back.
KINDS = {
    "bfloat16": of_ml_dtypes("bfloat16"),
    "float8": of_ml_dtypes("float8_e5m2"),
    "int4": of_ml_dtypes("int4"),
    "field of bfloat16": lambda: [("a", of_ml_dtypes("bfloat16")()), ("b", "f8")],
    "record": lambda: (np.record, [("a", "f8"), ("b", "i4")]),
    "record in a struct": lambda: [("r", np.dtype((np.record, [("a", "f8")])))],
    "class of one's own": lambda: (Void, [("a", "f8")]),
    "metadata": lambda: np.dtype("f8", metadata={"unit": "m"}),
    "metadata that has no hash": lambda: np.dtype("f8", metadata={"units": ["m"]}),
    "metadata of a field": lambda: [("a", np.dtype("f8", metadata={"unit": "m"}))],
    "metadata of a subarray": lambda: [("a", (np.dtype("f8", metadata={"unit": "m"}), (2, 3)))],
    "str_ as name": lambda: [(np.str_("a"), "f8")],
    "overlapping fields": lambda: {"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [0, 2]},
    "fields out of order": lambda: {"names": ["a", "b"], "formats": ["i4", "i2"], "offsets": [4, 0]},
    "number with fields": lambda: (np.int32, {"low": ("i2", 0), "high": ("i2", 2)}),
    "aligned": lambda: np.dtype([("a", "i1"), ("b", "f8")], align=True),
    "a thousand fields": lambda: [(f"field{i}", "f8") for i in range(1000)],
}
PLAIN = {
    "numbers": lambda: "f8",
    "other byte order": lambda: ">i4",
    "text": lambda: "U5",
    "dates": lambda: "M8[25s]",
    "bytes": lambda: "V2",
    "struct": lambda: [("a", "i4"), ("b", "f8", (2, 3))],
    "titles": lambda: [(("title", "a"), "f8")],
    "gaps": lambda: {"names": ["a"], "formats": ["i4"], "offsets": [8], "itemsize": 32},
    "names in UTF-8": lambda: [("\u00e9", "f8")],
    "no fields": list,
    "longlong": lambda: "q",
}


def made(kind, size):
    dtype = np.dtype({**KINDS, **PLAIN}[kind]())
    array = np.zeros(size, dtype)
    array.view("u1")[:] = np.arange(array.nbytes) % 7 if dtype.names is None and dtype.kind in "fV" else 0
    return array


def is_same(found, array):
    same_type = _description(found.dtype) == _description(pickle.loads(pickle.dumps(array.dtype)))
    same_values = found.tobytes() == array.tobytes() or np.array_equal(found, array)  # but for gaps between fields
    return same_type and found.shape == array.shape and same_values


@pytest.fixture(params=["files", "compressed", "group", "pack", "mapped", "dict_store", "Redis", "encode"])
def through(request, tmp_path):
    """Stores an object in one of the ways that there are, and returns what another process would load."""

    def files(value, writer={}, reader={}):  # noqa: B006
        store = file_store(tmp_path, **writer)
        store.dump(value, NAME)
        store.close()
        return file_store(tmp_path, **reader).load(NAME)

    def group(value):
        store = file_store(tmp_path)
        lock = store.getlock(NAME)
        assert lock.get()
        store.dump_soon(value, NAME, lock)
        store.flush()
        store.close()
        return file_store(tmp_path).load(NAME)

    def pack(value):
        files(value)
        store = file_store(tmp_path)
        store.update_pack() if hasattr(store, "update_pack") else store.pack()
        return file_store(tmp_path).load(NAME)

    def in_dict(value):
        store = dict_store(str(tmp_path / "file"))
        store.dump(value, NAME)
        store.close()
        return dict_store(str(tmp_path / "file")).load(NAME)

    return {
        "files": files,
        "compressed": lambda value: files(value, {"compress_numpy": True}),
        "mapped": lambda value: files(value, reader={"mmap_mode": "r"}),
        "group": group,
        "pack": pack,
        "dict_store": in_dict,
        "Redis": lambda value: unpacked(NAME, packed(value)),
        "encode": lambda value: decode(encode(value)),
    }[request.param]


@pytest.mark.parametrize("kind", [*KINDS, *PLAIN])
def test_an_array_comes_back_with_its_type(through, kind):
    array = made(kind, 5)
    assert is_same(through(array), array)


@pytest.mark.parametrize("kind", [*KINDS, *PLAIN])
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_a_large_array_comes_back_with_its_type(tmp_path, kind, mmap_mode):
    itemsize = np.dtype({**KINDS, **PLAIN}[kind]()).itemsize
    array = made(kind, (1 << 20) // max(itemsize, 1) + 100)
    file_store(tmp_path).dump(array, NAME)
    assert is_same(file_store(tmp_path, mmap_mode=mmap_mode).load(NAME), array)


@pytest.mark.parametrize("kind", [*KINDS, *PLAIN])
def test_only_what_npy_gives_back_is_written_as_npy(tmp_path, kind):
    array = made(kind, 5)
    for _ in range(2):  # decided, and remembered
        assert npy_gives_back(array.dtype) == (kind in PLAIN)
    file_store(tmp_path).dump(array, NAME)
    assert (tmp_path / "ab" / NAME.decode()[2:]).read_bytes().startswith(NPY) == (kind in PLAIN)


def test_equal_types_are_not_taken_for_the_same(tmp_path):
    plain = np.dtype([("a", "f8")])
    record = np.dtype((np.record, [("a", "f8")]))
    assert plain == record
    assert [npy_gives_back(dtype) for dtype in (plain, record, plain)] == [True, False, True]


def test_a_type_that_cannot_be_pickled_is_written_as_npy():
    class Local(np.void):
        pass

    array = np.zeros(2, (Local, [("a", "f8")]))
    assert decode(encode(array)).dtype == array.dtype


@pytest.mark.parametrize("size", [2, 400])
@pytest.mark.parametrize("mmap_mode", [None, "r"])
def test_old_files_with_many_fields_are_read(tmp_path, size, mmap_mode):
    array = np.arange(1000.0 * size).view([(f"field{i}", "f8") for i in range(1000)])
    store = file_store(tmp_path, mmap_mode=mmap_mode)
    store.dump(None, NAME)
    with open(tmp_path / "ab" / NAME.decode()[2:], "wb") as stream:
        np.lib.format.write_array(stream, array)
    assert is_same(store.load(NAME), array)
    assert store.set_aside(NAME) is None


@pytest.mark.parametrize("kind", ["struct without fields", "nested", "no columns", "plain", "dates"])
def test_a_data_frame_comes_back(through, kind):
    polars = library("polars")
    frame = {
        "struct without fields": lambda: polars.DataFrame({"x": polars.Series([{}, {}], dtype=polars.Struct([]))}),
        "nested": lambda: polars.DataFrame({"x": polars.Series([[{}], []], dtype=polars.List(polars.Struct([])))}),
        "no columns": lambda: polars.DataFrame(),
        "plain": lambda: polars.DataFrame({"x": [1, 2], "y": ["a", None]}),
        "dates": lambda: polars.DataFrame({"x": [1, 2]}, {"x": polars.Datetime("ns", "UTC")}),
    }[kind]()
    found = through(frame)
    assert found.schema == frame.schema and found.equals(frame)


@pytest.mark.parametrize("kind", ["bfloat16", "str_ as name", "record", "numbers"])
def test_a_file_of_ones_own_holds_the_values(tmp_path, kind):
    array = made(kind, 5)
    path = tmp_path / "out"
    _write_result(array, str(path))
    found = np.load(path, allow_pickle=True)
    assert found.dtype == array.dtype and found.tobytes() == array.tobytes()
