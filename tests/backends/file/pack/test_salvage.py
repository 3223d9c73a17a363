"""Whatever happens to the file of a pack: what can be read of it is right, and most of it can be read."""

import random
import zlib

import pytest
from optional import numpy as np

from jug.backends.encode import decode, encode, encode_value
from jug.backends.file.pack.pack_format import Packed, new_entry, parts_of, write_pack
from jug.backends.file.pack.salvage import saved_from
from jug.backends.result_bytes.signature import Key

SEED = 7
COUNT = 3000


def value_of(number):
    kind = number % 4
    if kind == 0:
        return None
    if kind == 1:
        return [f"text {number}"] * 3
    return {"number": number, "noise": random.Random(number).randbytes(number % 400)}


NAMES = [b"%040x" % random.Random(SEED * 10_000 + number).getrandbits(160) for number in range(COUNT)]
VALUES = {name: value_of(number) for number, name in enumerate(NAMES)}
PACK = write_pack({name: Packed(encode_value(value)) for name, value in VALUES.items()})


def right_ones(data):
    """The entries that are saved from `data`, each of which must be what was packed."""
    found = saved_from(data)
    wrong = [name for name, entry in found.items() if decode(entry) != VALUES.get(name)]
    assert not wrong, SEED
    return found


def test_all_is_saved_from_a_pack_of_which_only_the_checksum_is_damaged():
    assert len(right_ones(PACK[:-1])) == len(right_ones(PACK[:-4] + b"abcd")) == COUNT


@pytest.mark.parametrize("part", [0.01, 0.3, 0.5, 0.9])
def test_what_is_before_the_place_where_it_was_cut_is_saved(part):
    found = right_ones(PACK[: int(len(PACK) * part)])
    assert abs(len(found) / COUNT - part) < 0.05
    assert set(found) <= set(NAMES[: len(found) + 1])


def test_one_flipped_bit_costs_what_it_is_in_and_makes_nothing_wrong():
    chance = random.Random(SEED)
    saved = []
    for _ in range(30):
        data = bytearray(PACK)
        data[chance.randrange(len(data))] ^= 1 << chance.randrange(8)
        saved.append(len(right_ones(bytes(data))))
    assert max(saved) > COUNT * 0.95 and sum(saved) / len(saved) > COUNT * 0.3, saved


@pytest.mark.parametrize("data", [b"", b"garbage", PACK[2:], bytes(1000), zlib.compress(bytes(10_000)), encode([1])])
def test_nothing_is_found_where_nothing_is(data):
    assert saved_from(data) == {}


def test_what_an_old_release_packed_has_no_checksum_and_is_not_trusted():
    assert saved_from(encode(dict.fromkeys(NAMES, "text"))[:-1]) == {}


def test_arrays_and_signatures_are_saved():
    key = Key(b"k" * 16)
    array = encode_value(np.arange(5))
    entry = new_entry(NAMES[0], array, key.signer(NAMES[0]).seal(array))
    (found,) = saved_from(write_pack({NAMES[0]: entry})[:-1]).values()
    assert found == entry
    key.signer(NAMES[0]).check(parts_of(NAMES[0], found))
    assert decode(found).tolist() == [0, 1, 2, 3, 4]


def test_a_whole_entry_at_a_wrong_place_is_not_saved():
    entry = new_entry(NAMES[0], encode_value(5))
    assert saved_from(write_pack({NAMES[1]: Packed(entry), NAMES[0]: entry})[:-1]) == {NAMES[0]: entry}
