"""With a key, nothing that was written without it is ever loaded; without one, signed results are results as others."""

import os
import pickle
import random
import shutil
import zlib

import pytest
from kinds import is_same, value_of
from optional import numpy as np

from jug.backends.encode import encode, encode_value
from jug.backends.file.pack.pack_format import Packed, _encoded, new_entry, read_pack, write_pack
from jug.backends.file_store import file_keepalive_store, file_store
from jug.backends.result_bytes.checksum import sealed
from jug.backends.result_bytes.seal import Sum
from jug.backends.result_bytes.signature import Key
from jug.errors import DamagedResultError, UnsignedResultError, UsageError

SEAL = 31
KINDS = ["pickle", "npy", "large", "large pickle", "none", "objects", "parquet"]
KEY = b"a secret of enough bytes"


@pytest.fixture(params=KINDS)
def kind(request):
    return request.param


@pytest.fixture
def key(tmp_path):
    return keyfile(tmp_path / "key", KEY)


@pytest.fixture
def other_key(tmp_path):
    return keyfile(tmp_path / "other key", b"another secret of that kind")


def keyfile(path, content):
    path.write_bytes(content)
    path.chmod(0o600)
    return str(path)


@pytest.fixture
def store(tmp_path, key):
    return file_store(tmp_path / "jugdir", sign_key=key)


def content_of(store, name):
    with open(store._dir.result(name), "rb") as stream:
        return stream.read()


def pack_of(store):
    with open(store._packs.path, "rb") as stream:
        return stream.read()


def put(store, name, data):
    path = store._dir.result(name)
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as stream:
        stream.write(data)


armed = []


class Trap:
    """Unpickling it is what an attacker wants."""

    def __reduce__(self):
        return armed.append, ("snapped",)


@pytest.fixture(autouse=True)
def nothing_snaps():
    armed.clear()
    yield
    assert armed == []


def is_set_aside(store, name):
    with pytest.raises(DamagedResultError) as caught:
        store.load(name)
    return caught.value.name == name and store.set_aside(name) is not None and not store.can_load(name)


def is_refused_as_unsigned(store, name):
    with pytest.raises(UnsignedResultError, match="is not signed, and was not loaded") as caught:
        store.load(name)
    return caught.value.name is None and store.set_aside(name) is None and store.can_load(name)


def test_what_is_signed_is_read_with_the_key_and_without(store, name, kind):
    value = value_of(kind)
    store.dump(value, name)
    content = content_of(store, name)
    assert content.count(b"JUGSIG1") == content.count(b"JUGSUM2" if kind == "large" else b"JUGSUM1") == 1
    for reader in (store, file_store(store.jugdir)):
        assert is_same(reader.load(name), value)
        assert reader.set_aside(name) is None and reader.verify(name).kind == "whole"


def test_other_readers_read_what_is_signed(store, name):
    array = np.arange(1000.0)
    store.dump(array, name)
    assert np.load(store._dir.result(name)).tolist() == array.tolist()
    polars = pytest.importorskip("polars")
    frame = polars.DataFrame({"a": [1, 2]})
    store.dump(frame, name)
    assert polars.read_parquet(store._dir.result(name)).equals(frame)


def test_old_releases_read_what_is_signed(store, name):
    """They unpack the zlib stream at the beginning of the file, or of an entry, and care for nothing else."""
    store.dump([1, 2], name)
    assert pickle.loads(zlib.decompressobj().decompress(content_of(store, name))[1:]) == [1, 2]
    store.pack()
    assert pickle.loads(zlib.decompress(pack_of(store))[1:]) == {name: [1, 2]}


def test_damage_is_found_without_the_key_too(store, name, kind):
    store.dump(value_of(kind), name)
    whole = content_of(store, name)
    chance = random.Random(8)
    places = {0, 7, len(whole) - 1, *range(len(whole) - 2 * SEAL, len(whole), 5)}
    for at in sorted(places | {chance.randrange(len(whole)) for _ in range(10)}):
        put(store, name, whole[:at] + bytes([whole[at] ^ 1 << chance.randrange(8)]) + whole[at + 1 :])
        for reader in (store, file_store(store.jugdir)):
            assert reader.verify(name).kind == "damaged", at
            with pytest.raises(DamagedResultError):
                reader.load(name)
    for length in {0, 1, len(whole) // 2, len(whole) - SEAL, len(whole) - SEAL - 1, len(whole) - 1}:
        put(store, name, whole[:length])
        with pytest.raises(DamagedResultError):
            file_store(store.jugdir).load(name)
        assert is_set_aside(store, name), length


FORGERIES = {
    "with a key of his own": lambda data, name: joined(data, Key(b"x" * 16), name),
    "with our key, for another task": lambda data, name: joined(data, Key(KEY), b"f" * 40),
    "with a signature of zeros": lambda data, name: joined(data, None, name),
}


def joined(data, key, name):
    if key is not None:
        return b"".join(sealed(data, key.signer(name)))
    signed = data + b"JUGSIG1" + len(data).to_bytes(8, "big") + bytes(16)
    total = Sum()
    total.update(signed)
    return signed + total.seal()


@pytest.mark.parametrize("forgery", FORGERIES)
@pytest.mark.parametrize("size", [10, 200_000])
def test_what_is_signed_wrongly_is_set_aside_and_nothing_in_it_is_run(store, names, forgery, size):
    store.dump("ours", names[0])
    data = encode_value([Trap(), random.Random(1).randbytes(size)])
    put(store, names[1], FORGERIES[forgery](data, names[1]))
    verdict = store.verify(names[1])
    assert verdict.kind == "damaged" and "its signature is wrong" in verdict.why
    assert is_set_aside(store, names[1])


def test_a_signed_result_that_was_moved_to_another_name_is_set_aside(store, names, kind):
    for name in names[:2]:
        store.dump(value_of(kind), name)
    shutil.copy(store._dir.result(names[0]), store._dir.result(names[1]))
    assert is_set_aside(store, names[1])


def test_without_a_signature_nothing_is_loaded_set_aside_or_lost(tmp_path, store, names, kind):
    store.dump(1, names[0])
    value = value_of(kind)
    elsewhere = file_store(tmp_path / "elsewhere")
    elsewhere.dump(value, names[1])
    content = content_of(elsewhere, names[1])
    put(store, names[1], content)
    assert is_refused_as_unsigned(store, names[1])
    assert store.verify(names[1]).kind == "unsigned"
    assert content_of(store, names[1]) == content
    put(store, names[2], encode_value(Trap()))
    assert is_refused_as_unsigned(store, names[2])


@pytest.mark.parametrize("spelling", ["'|O'", "'O'", "'<O'"])
def test_an_array_of_objects_in_a_large_file_is_not_unpickled_before_its_signature_is_checked(store, name, spelling):
    pytest.importorskip("numpy")
    header = f"{{'descr': {spelling}, 'fortran_order': False, 'shape': (1,), {' ' * 70_000}}}\n".encode()
    data = b"\x93NUMPY\x02\x00" + len(header).to_bytes(4, "little") + header
    put(store, name, b"".join(sealed(data + pickle.dumps(np.array([Trap()], dtype=object)))))
    assert is_refused_as_unsigned(store, name)
    if "|" not in spelling:  # old releases wrote that one, and without a key it is a result like any other
        with pytest.raises(DamagedResultError):
            file_store(store.jugdir).load(name)


# Packs


def test_packing_keeps_signatures(store, names):
    values = [None, [1, 2], "x" * 20]
    for name, value in zip(names, values, strict=False):
        store.dump(value, name)
    assert store.pack().packed == 3
    for reader in (store, file_store(store.jugdir)):
        assert [reader.load(name) for name in names[:3]] == values
        assert [reader.verify(name).kind for name in names[:3]] == ["whole"] * 3
    assert store.remove(names[0])  # which writes the pack anew
    assert [store.load(name) for name in names[1:3]] == values[1:]


def test_packing_signs_arrays_in_their_other_form(store, name):
    store.dump(np.arange(5), name)
    assert store.pack().packed == 1
    assert store.load(name).tolist() == [0, 1, 2, 3, 4] and store.verify(name).kind == "whole"


def write_entries(store, entries):
    with open(store._packs.path, "wb") as stream:
        stream.write(_encoded(entries))


def test_forged_entries_are_set_aside_and_unsigned_ones_refused(store, names):
    for name in names[:3]:
        store.dump("ours", name)
    store.pack()
    entries = read_pack(pack_of(store))
    trap = encode_value(Trap())
    forged = {
        names[3]: new_entry(names[3], trap, Key(b"x" * 16).signer(names[3]).seal(trap)),
        names[4]: new_entry(names[4], trap, Key(KEY).signer(names[0]).seal(trap)),
        names[5]: entries[names[0]],
    }
    unsigned = {names[6]: new_entry(names[6], trap), names[7]: Packed(trap), names[8]: Trap(), names[9]: 5}
    write_entries(store, {**entries, **forged, **unsigned})
    for name in forged:
        assert store.verify(name).kind == "damaged"
        assert is_set_aside(store, name)
    for name in unsigned:
        assert store.verify(name).kind == "unsigned"
        assert is_refused_as_unsigned(store, name)
    assert [store.load(name) for name in names[:3]] == ["ours"] * 3


def test_an_unsigned_file_is_not_packed(store, names):
    store.dump(1, names[0])
    put(store, names[1], b"".join(sealed(encode_value(2))))
    done = store.pack()
    assert (done.packed, done.unreadable) == (1, [store._dir.result(names[1])])


# Which key


def test_another_key_is_told_before_anything_is_read(store, names, other_key):
    store.dump(1, names[0])
    with pytest.raises(UsageError, match=r"--sign-key: the results in .*jugdir are signed with another key"):
        file_store(store.jugdir, sign_key=other_key)
    assert store.load(names[0]) == 1 and not os.path.exists(store._dir.path("corrupt"))


def test_another_key_is_told_by_the_results_where_the_mark_is_lost(store, names, key, other_key):
    store.dump(1, names[0])
    os.unlink(store._dir.path("signed"))
    with pytest.raises(UsageError, match="no result in .* has a signature that is right"):
        file_store(store.jugdir, sign_key=other_key)
    again = file_store(store.jugdir, sign_key=key)
    again.dump(2, names[1])
    assert os.path.exists(store._dir.path("signed")) and again.load(names[0]) == 1


def test_of_two_first_workers_with_different_keys_the_later_one_is_told(store, names, other_key):
    other = file_store(store.jugdir, sign_key=other_key)
    store.dump(1, names[0])
    with pytest.raises(UsageError, match="signed with another key, just now"):
        other.dump(2, names[1])
    assert not store.can_load(names[1]) and store.load(names[0]) == 1


def test_nothing_is_added_without_the_key(store, names):
    store.dump(1, names[0])
    keyless = file_store(store.jugdir)
    for add in (lambda: keyless.dump(2, names[1]), keyless.pack, keyless.require_key):
        with pytest.raises(UsageError, match=r"are signed: to add to them, the key is needed \(--sign-key\)"):
            add()
    assert keyless.remove(names[0])


def test_nothing_is_made_before_it_is_needed(store, names):
    assert not store.can_load(names[0]) and list(store.list()) == []
    assert not os.path.exists(store.jugdir)


def test_a_store_is_removed_with_its_mark(store, name):
    store.dump(1, name)
    assert store.foreign() == []
    file_store.remove_store(store.jugdir)
    assert not os.path.exists(store.jugdir)


def test_the_mark_tells_nothing_about_the_key(store, name):
    store.dump(1, name)
    with open(store._dir.path("signed")) as stream:
        text = stream.read()
    assert text == f"JUGSIG1 {Key(KEY).fingerprint}\n" and KEY.hex() not in text


def test_the_other_kind_of_store_in_a_directory_signs_too(tmp_path, key, name):
    store = file_keepalive_store(tmp_path / "alive", sign_key=key)
    store.dump(1, name)
    store.close()
    assert b"JUGSIG1" in content_of(store, name)


# Signing what there is


def unsigned_store(path, names):
    store = file_store(path)
    values = [None, [1, 2], random.Random(2).randbytes(2000), np.arange(5), np.arange(250_000.0)]
    for name, value in zip(names, values, strict=False):
        store.dump(value, name)
    return store, values


def test_results_that_were_made_without_a_key_are_signed_when_that_is_asked_for(tmp_path, names, key):
    plain, values = unsigned_store(tmp_path / "jugdir", names)
    plain.pack()
    plain.dump("newer than what is packed", names[0])
    times = {name: os.stat(plain._dir.result(name)).st_mtime for name in (names[0], names[2], names[4])}
    with pytest.raises(UsageError, match="were made without a key; .*'jug check --sign'"):
        file_store(tmp_path / "jugdir", sign_key=key)
    signing = file_store(tmp_path / "jugdir")
    signing.use_key(Key(KEY), judging=True)
    done = signing.sign()
    assert (done.signed, done.left) == (6, [])
    reader = file_store(tmp_path / "jugdir", sign_key=key)
    assert reader.load(names[0]) == "newer than what is packed"
    assert all(is_same(reader.load(name), value) for name, value in zip(names[1:], values[1:], strict=False))
    assert {name: os.stat(plain._dir.result(name)).st_mtime for name in times} == times
    assert signing.sign().signed == 0 and list(signing.listlocks()) == []


def test_results_of_an_old_release_are_signed(tmp_path, names):
    store = file_store(tmp_path)
    for name, data in zip(names, [encode([1]), b""], strict=False):
        put(store, name, data)
    os.mkdir(tmp_path / "packs")
    (tmp_path / "packs/jugpack").write_bytes(encode({names[2]: {"a": 1}, names[3]: None}))
    store.use_key(Key(KEY), judging=True)
    assert store.sign().signed == 4
    assert [store.load(name) for name in names[:4]] == [[1], None, {"a": 1}, None]


def test_signing_unpickles_nothing_and_leaves_what_is_damaged_or_locked(tmp_path, names):
    store = file_store(tmp_path / "jugdir")
    for name in names[:4]:
        store.dump(Trap(), name)
    put(store, names[1], content_of(store, names[1])[:-1])
    store.pack()
    put(store, names[2], encode_value(5))
    lock = store.getlock(names[2])
    assert lock.get()
    store.use_key(Key(KEY), judging=True)
    done = store.sign()
    assert done.signed == 3  # names[2] is packed, too
    left = {(found.kind, found.path) for found in done.left}
    assert left == {("damaged", store._dir.result(names[1])), ("locked", store._dir.result(names[2]))}
    lock.release()


def test_the_signature_of_another_key_counts_unless_it_is_not_known_any_more_which_key_that_is(store, names):
    store.dump([1], names[0])
    store.dump([2], names[1])
    store.pack()
    store.dump([1], names[0])
    put(store, names[2], content_of(store, names[0]))
    assert [found.kind for found in store.sign().left] == ["damaged"]
    os.unlink(store._dir.path("signed"))
    again = file_store(store.jugdir)
    again.use_key(Key(b"x" * 16), judging=True)
    assert again.sign().left == []
    assert [again.load(name) for name in names[:3]] == [[1], [2], [1]]


def test_a_pack_that_is_salvaged_keeps_its_signatures(store, names):
    for name in names[:3]:
        store.dump("ours", name)
    store.pack()
    whole = pack_of(store)
    with open(store._packs.path, "wb") as stream:
        stream.write(whole[:-1])
    store.pack()
    assert [store.load(name) for name in names[:3]] == ["ours"] * 3
    assert write_pack(read_pack(pack_of(store)))


# The file with the key


def test_white_space_around_the_key_does_not_matter(tmp_path):
    assert Key(b"x" * 16).fingerprint == Key(b"\n x" + b"x" * 15 + b"\r\n").fingerprint != Key(b"y" * 16).fingerprint


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o610])
def test_a_key_that_others_can_use_is_refused(tmp_path, key, mode):
    os.chmod(key, mode)
    with pytest.raises(UsageError, match=rf"--sign-key '.*/key': .*others can use it, too \(its mode is {mode:03o}; "):
        file_store(tmp_path / "jugdir", sign_key=key)


@pytest.mark.parametrize("content", [b"", b"x" * 15, b"x" * 15 + b"\n\n\n", b"x" * 70_000])
def test_what_is_too_short_or_too_long_is_no_key(tmp_path, content):
    path = keyfile(tmp_path / "key", content)
    with pytest.raises(UsageError, match="the file is not used: it holds "):
        file_store(tmp_path / "jugdir", sign_key=path)


def test_what_is_no_file_is_no_key(tmp_path):
    os.mkfifo(tmp_path / "pipe", 0o600)
    for path, why in [
        (tmp_path, "Is a directory"),
        (tmp_path / "nothing", r"there is no such file; make a key by \(umask 077; head -c 32 /dev/urandom > .*ing\)"),
        (tmp_path / "pipe", "no ordinary file"),
        ("/dev/zero", "no ordinary file"),
    ]:
        with pytest.raises(UsageError, match=rf"--sign-key '{path}': .*{why}"):
            file_store(tmp_path / "jugdir", sign_key=str(path))


def test_a_key_of_another_user_is_refused(tmp_path, key, monkeypatch):
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(key).st_uid + 1)
    if os.stat(key).st_uid == 0:
        os.chown(key, 1, -1)
    with pytest.raises(UsageError, match="belongs to another user, who knows the key"):
        file_store(tmp_path / "jugdir", sign_key=key)


def test_the_key_may_be_in_the_home_directory(tmp_path, key, monkeypatch, name):
    monkeypatch.setenv("HOME", str(tmp_path))
    store = file_store(tmp_path / "jugdir", sign_key="~/key")
    store.dump(1, name)
    assert file_store(tmp_path / "jugdir", sign_key=key).load(name) == 1
