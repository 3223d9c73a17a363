"""The stores that the contract suites run on: a new kind of store is one line of BACKENDS."""

import hashlib

import pytest
from memory_fs import MemoryFS, on
from redis_server import shared_server

from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_keepalive_store, file_store
from jug.backends.redis_store import redis_store


def shared(store):
    return lambda: store


def in_memory(path):
    fs = MemoryFS()
    fs.mkdir("/data")
    return lambda: file_store("/data/jugdir", **on(fs))


def on_redis(path):
    server = shared_server()

    def open_store():
        opened.append(redis_store(server.url))
        return opened[-1]

    return open_store


opened = []  # to be closed at the end of a test: each has a process that keeps its locks alive


# From a temporary path to a function that opens the same store again and again, as other processes would.
BACKENDS = {
    "file": lambda path: lambda: file_store(path / "jugdir"),
    "file-compressed": lambda path: lambda: file_store(path / "jugdir", compress_numpy=True),
    "file-in-memory": in_memory,
    "file-keepalive": lambda path: lambda: file_keepalive_store(path / "jugdir"),
    "dict": lambda path: shared(dict_store()),
    "dict-with-file": lambda path: shared(dict_store(str(path / "kept"))),
    "redis": on_redis,
}


@pytest.fixture(params=BACKENDS)
def reopen(request, tmp_path):
    yield BACKENDS[request.param](tmp_path)
    while opened:
        opened.pop().close()


@pytest.fixture
def store(reopen):
    return reopen()


def name_of(thing):
    return hashlib.sha1(repr(thing).encode()).hexdigest().encode()


@pytest.fixture
def name():
    return name_of("a task")


@pytest.fixture
def names():
    return [name_of(i) for i in range(10)]


@pytest.fixture
def open_store(server):
    """Opens stores on the Redis server of the module; they are closed at the end."""
    stores = []

    def open_store(options=""):
        stores.append(redis_store(server.url + options))
        return stores[-1]

    yield open_store
    for store in stores:
        store.close()
