"""The streams of encoded objects that scripts for Jug 2.7 use."""

import io
import pickle
import zlib

import pytest

from jug.backends.encode import compress_stream, decode, decompress_stream, encode

TEXT = b"".join(b"line %d\n" % number for number in range(20_000))


def compressed(data):
    target = io.BytesIO()
    stream = compress_stream(target)
    for at in range(0, len(data), 1000):
        stream.write(data[at : at + 1000])
    stream.flush()
    return target.getvalue()


def test_what_is_compressed_is_a_zlib_stream():
    assert zlib.decompress(compressed(TEXT)) == TEXT
    assert len(compressed(TEXT)) < len(TEXT) / 2


def test_an_object_can_be_written_piece_by_piece():
    target = io.BytesIO()
    stream = compress_stream(target)
    stream.write(b"P")
    pickle.dump(list(range(10_000)), stream)
    stream.flush()
    assert decode(target.getvalue()) == list(range(10_000))


@pytest.mark.parametrize("block", [1, 100, 8192])
def test_it_is_read_in_lines_and_pieces(block):
    stream = decompress_stream(io.BytesIO(compressed(TEXT)), block)
    assert stream.readline() == b"line 0\n" and stream.read(4) == b"line" and stream.read(0) == b""
    assert stream.read() == TEXT[11:]
    assert stream.read(5) == stream.readline() == b""


def test_an_encoded_object_is_unpickled_from_it():
    stream = decompress_stream(io.BytesIO(encode({"a": 1})))
    assert stream.read(1) == b"P" and pickle.load(stream) == {"a": 1}


def test_what_follows_the_stream_is_not_read():
    assert decompress_stream(io.BytesIO(compressed(TEXT) + b"a seal")).read() == TEXT


def test_one_that_is_cut_short():
    with pytest.raises(ValueError, match="cut short"):
        decompress_stream(io.BytesIO(compressed(TEXT)[:-10])).read()
