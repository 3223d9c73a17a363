"""Results and locks in memory, for tests and for trying things out; with a file name, kept there between runs.

`store` and `counts` are public: what is stored under ``b"result:<hash>"`` (a pickle) and ``b"lock:<hash>"`` (1 locked,
2 failed), and how often each operation was asked for by kind and key; the record of a failure is JSON under
``b"fail:<hash>"``. There are no workers in other processes.
"""

from __future__ import annotations

import pickle
from collections import defaultdict

from jug.backends.system.sentences import cannot
from jug.errors import StoreError

from .base import as_name, base_lock, base_store
from .encode import unpickle
from .file.failures import dump_record, parse_record
from .system.atomic import atomic_file
from .system.filesystem import FileSystem, read_all

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from .base import Name

_RESULT, _LOCK, _FAILURE = b"result:", b"lock:", b"fail:"
_LOCKED, _FAILED = 1, 2


class dict_store(base_store):
    """A store in memory, read from the file `backend` and written to it by :meth:`close` if one is named."""

    def __init__(self, backend: str | None = None, *, fs: FileSystem | None = None) -> None:
        self.backend = backend
        self._fs = fs or FileSystem()
        self._path = self._fs.abspath(backend) if backend else ""  # wherever the process is in the end
        self.store: dict[bytes, Any] = self._read() if backend else {}
        self.counts: defaultdict[bytes, int] = defaultdict(int)
        self._saved = dict(self.store)

    def dump(self, object: Any, name: Name) -> None:
        name = as_name(name)
        self.counts[b"dump::" + name] += 1  # two colons: the name of this counter since the first release
        self.store[_RESULT + name] = pickle.dumps(object, pickle.HIGHEST_PROTOCOL)

    def load(self, name: Name) -> Any:
        name = as_name(name)
        self.counts[b"load:" + name] += 1
        return unpickle(self.store[_RESULT + name])

    def can_load(self, name: Name) -> bool:
        name = as_name(name)
        self.counts[b"exists:" + name] += 1
        return _RESULT + name in self.store

    def list(self) -> Iterator[bytes]:
        return self._names(_RESULT)

    def remove(self, name: Name) -> bool:
        name = as_name(name)
        self.counts[b"del:" + name] += 1
        if not self.can_load(name):
            return False
        self.counts[b"true-del:" + name] += 1
        return self.store.pop(_RESULT + name, None) is not None

    def getlock(self, name: Name) -> dict_lock:
        return dict_lock(self.store, self.counts, name)

    def listlocks(self) -> Iterator[bytes]:
        return self._names(_LOCK)

    def remove_lock(self, name: Name, failed_only: bool = False) -> bool:
        key = _LOCK + as_name(name)
        if failed_only and self.store.get(key) != _FAILED:
            return False
        return self.store.pop(key, None) is not None

    def remove_locks(self) -> int:
        return sum(self.remove_lock(name) for name in self.listlocks())

    def record_failure(self, name: Name, record: dict[str, Any]) -> None:
        self.store[_FAILURE + as_name(name)] = dump_record(record)

    def failure(self, name: Name) -> dict[str, Any] | None:
        return parse_record(self.store.get(_FAILURE + as_name(name), b""))

    def failures(self) -> dict[bytes, dict[str, Any]]:
        records = {name: self.failure(name) for name in self._names(_FAILURE)}
        return {name: record for name, record in records.items() if record is not None}

    def remove_failures(self, names: Iterable[Name]) -> int:
        return sum(self.store.pop(_FAILURE + as_name(name), None) is not None for name in names)

    def close(self) -> None:
        if not self.backend or self.store == self._saved:
            return
        # Plain numbers: the file can be read by other releases.
        plain = {key: int(value) if isinstance(value, int) else value for key, value in self.store.items()}
        data = pickle.dumps(plain, 4)
        path = self._path
        with cannot("write", path), atomic_file(self._fs, f"{path}.{self._fs.token()}.tmp", path) as stream:
            stream.write(data)
        self._saved = dict(self.store)

    @staticmethod
    def remove_store(jugdir: str) -> None:
        backend = jugdir.partition(":")[2]
        if backend:
            with cannot("remove", backend):
                FileSystem().unlink(backend)

    def _names(self, kind: bytes) -> Iterator[bytes]:
        # All at once, so that the store can be changed while somebody iterates.
        return iter([key[len(kind) :] for key in [*self.store] if key.startswith(kind)])

    def _read(self) -> dict[bytes, Any]:
        path = self._path
        with cannot("read", path):
            try:
                fd = self._fs.open_read(path)
            except FileNotFoundError:
                # Whoever cannot write it at the end is to know now.
                self._fs.close(self._fs.open_dir(path.rpartition("/")[0] or "/"))
                return {}
            try:
                data = read_all(self._fs, fd)
            finally:
                self._fs.close(fd)
        return _unpickled(data, path)


class _Mark(int):
    """The state of a held lock: equal to 1, but every one is another, which tells whose it is."""


class dict_lock(base_lock):
    """The lock `name` in the dict `store`."""

    def __init__(self, store: dict[bytes, Any], counts: defaultdict[bytes, int], name: Name) -> None:
        self._store = store
        self._counts = counts
        self._key = _LOCK + as_name(name)
        self._mark = _Mark(_LOCKED)
        self._was_tried = self._was_got = self._was_given_back = False

    def get(self) -> bool:
        self._counts[b"lock:" + self._key] += 1
        self._was_tried, self._was_got, self._was_given_back = True, False, False
        if self._key not in self._store:
            self._was_got = self._store.setdefault(self._key, self._mark) is self._mark
        return self._was_got

    def release(self) -> None:
        self._counts[b"unlock:" + self._key] += 1
        found = self._store.get(self._key)
        # Whatever lock there is, it is of this process, or was left behind by one that used the same file.
        is_nobodys = not self._was_given_back and (found == _FAILED or not self._was_tried)
        if found is self._mark or is_nobodys:
            self._store.pop(self._key, None)
        self._was_given_back = self._was_got

    def is_locked(self) -> bool:
        self._counts[b"islock:" + self._key] += 1
        return self._key in self._store

    def fail(self) -> bool:
        self._counts[b"fail:" + self._key] += 1
        if self._key not in self._store:
            return False
        self._store[self._key] = _FAILED
        return True

    def is_failed(self) -> bool:
        self._counts[b"isfail:" + self._key] += 1
        return bool(self._store.get(self._key) == _FAILED)


def _unpickled(data: bytes, path: str) -> dict[bytes, Any]:
    try:
        content = pickle.loads(data)
    except (
        pickle.UnpicklingError,
        EOFError,
        ValueError,
        IndexError,
        KeyError,
        AttributeError,
        ImportError,
    ) as error:
        raise StoreError(f"Cannot read {path}: not the file of a dict_store ({error})") from error
    if not isinstance(content, dict):
        raise StoreError(f"Cannot read {path}: not the file of a dict_store (it holds a {type(content).__name__})")
    return content
