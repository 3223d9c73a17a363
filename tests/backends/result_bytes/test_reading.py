"""How much is asked of the file system to read a result."""

import pytest

from jug.backends.file_store import file_store
from jug.backends.system.filesystem import FileSystem


class Watched(FileSystem):
    """Counts the calls of read(); gives at most so many bytes at once, as file systems over a network may."""

    def __init__(self, most=1 << 30):
        self.most = most
        self.reads = 0

    def read(self, fd, size):
        self.reads += 1
        return super().read(fd, min(size, self.most))


@pytest.mark.parametrize("value", [5, None, "text" * 1000])
def test_a_small_result_is_read_in_one_call(tmp_path, name, value):
    fs = Watched()
    store = file_store(tmp_path / "jugdir", fs=fs)
    store.dump(value, name)
    fs.reads = 0
    assert store.load(name) == value
    assert fs.reads == 1


@pytest.mark.parametrize("most", [1, 7, 31, 40])
def test_a_result_is_whole_however_little_is_read_at_once(tmp_path, name, most):
    file_store(tmp_path / "jugdir").dump(["text", 5] * 100, name)
    assert file_store(tmp_path / "jugdir", fs=Watched(most)).load(name) == ["text", 5] * 100


def test_a_result_without_a_checksum_is_read_to_its_end(tmp_path, name):
    store = file_store(tmp_path / "jugdir")
    store.dump("text", name)
    path = tmp_path / "jugdir" / name[:2].decode() / name[2:].decode()
    (tmp_path / "jugdir" / "all-have-checksums").unlink(missing_ok=True)
    path.write_bytes(path.read_bytes()[:-31])
    fs = Watched()
    assert file_store(tmp_path / "jugdir", fs=fs).load(name) == "text"
    assert fs.reads == 2
