import io
import pickle
import subprocess
import sys
import zlib

import pytest
from optional import numpy as np

from jug.backends.encode import decode, decode_from, encode, encode_to, encode_value, write_npy


def test_none_is_the_empty_string():
    assert encode(None) == b""
    assert decode(b"") is None


def test_none_as_a_value_is_a_pickle():
    assert encode_value(None) != b""
    assert decode(encode_value(None)) is None


def test_an_object_is_a_compressed_pickle_with_a_tag():
    data = [1, "two", {3}]
    assert zlib.decompress(encode(data)) == b"P" + pickle.dumps(data, pickle.HIGHEST_PROTOCOL)
    data *= 10
    assert encode(data) == zlib.compress(b"P" + pickle.dumps(data, pickle.HIGHEST_PROTOCOL))


@pytest.mark.parametrize(
    "dtype",
    ["?", "i1", "<i4", ">i4", "f2", "f8", "c16", "M8[s]", "m8[ns]", "U5", "S3", "V4", [("a", "i4"), ("b", "f8")]],
)
@pytest.mark.parametrize("shape", [(), (0,), (3,), (2, 3), (0, 4), (2, 1, 5)])
def test_an_npy_file_is_what_numpy_makes_of_the_array(dtype, shape):
    array = np.zeros(shape, dtype)
    array.flat = np.arange(array.size).astype("i1").astype(dtype) if np.dtype(dtype).kind in "biufc" else array
    for variant in (array, np.asfortranarray(array), array[::2] if shape else array, array.T):
        mine, numpys = io.BytesIO(), io.BytesIO()
        write_npy(variant, mine)
        np.save(numpys, variant, allow_pickle=False)
        assert mine.getvalue() == numpys.getvalue()


def test_a_large_array_is_written_in_pieces_without_copies():
    array = np.arange(1_000_000)
    pieces = []

    class Stream:
        def write(self, data):
            pieces.append(data)

    write_npy(array, Stream())
    assert max(map(len, pieces)) <= 1 << 20
    assert all(np.shares_memory(np.frombuffer(piece, "u1"), array) for piece in pieces if isinstance(piece, memoryview))
    assert sum(len(piece) for piece in pieces if isinstance(piece, memoryview)) == array.nbytes


@pytest.mark.parametrize("size", [0, 1, 40, 60, 61, 62, 1000])
def test_short_ones_are_streams_of_zlib_too(size):
    data = encode(bytes(size))
    assert decode(data) == bytes(size) and pickle.loads(zlib.decompress(data)[1:]) == bytes(size)
    for at in range(len(data)):
        with pytest.raises(ValueError, match="cut short|damaged|not an encoded"):
            decode(data[:at] or b"x", exact=True)


def test_an_array_is_a_compressed_npy_file_with_a_tag():
    array = np.asfortranarray(np.arange(6.0).reshape(2, 3))
    stream = io.BytesIO()
    np.save(stream, array)
    assert encode(array) == zlib.compress(b"N" + stream.getvalue())


@pytest.mark.parametrize(
    "value",
    [
        np.array([None]),
        np.zeros(1, dtype=[("a", "O")]),
        np.ma.array([1]),
        np.zeros(2).view(np.recarray),
        np.float64(1),
    ],
    ids=["objects", "records of objects", "masked", "recarray", "scalar"],
)
def test_what_is_not_a_plain_array_is_pickled(value):
    assert zlib.decompress(encode(value))[:1] == b"P"
    assert type(decode(encode(value))) is type(value)


@pytest.mark.parametrize("value", [None, 5, [1, 2], np.arange(3), {}], ids=repr)
def test_streams_hold_the_same_bytes(value):
    stream = io.BytesIO()
    encode_to(value, stream)
    assert stream.getvalue() == encode(value)
    stream.seek(0)
    np.testing.assert_array_equal(decode_from(stream), value)


@pytest.mark.parametrize("value", [list(range(50)), np.arange(50)], ids=["pickle", "npy"])
def test_what_is_cut_short_is_an_error_wherever_it_is_cut(value):
    data = encode(value)
    for length in range(1, len(data)):
        with pytest.raises(ValueError, match=r"cut short|damaged"):
            decode(data[:length])


def test_a_changed_byte_is_an_error():
    data = encode(list(range(50)))
    for at in range(len(data)):
        changed = data[:at] + bytes([data[at] ^ 0x10]) + data[at + 1 :]
        try:
            # A few bits mean nothing: those of the header that tell how hard the compressor tried.
            assert decode(changed) == list(range(50))
        except ValueError:
            pass


@pytest.mark.parametrize(
    "data",
    [
        b"garbage",
        b"x",
        zlib.compress(b""),
        zlib.compress(b"Q123"),
        zlib.compress(b"P"),
        zlib.compress(b"Pxyz"),
    ],
    ids=repr,
)
def test_garbage_is_an_error(data):
    with pytest.raises(ValueError, match=r"\w"):
        decode(data)


def test_an_array_that_is_garbage_is_an_error():
    pytest.importorskip("numpy")
    with pytest.raises(ValueError, match=r"\w"):
        decode(zlib.compress(b"N123"))


def test_what_follows_the_end_is_ignored():
    assert decode(encode(5) + b"JUGSUM1 and more") == 5


def test_what_cannot_be_pickled_writes_nothing():
    stream = io.BytesIO()
    with pytest.raises((TypeError, AttributeError, pickle.PicklingError)):
        encode_to([1, lambda: 0], stream)
    assert stream.getvalue() == b""


def test_encoding_does_not_import_numpy():
    code = "import sys; from jug.backends.encode import *; decode(encode([1])); print('numpy' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
