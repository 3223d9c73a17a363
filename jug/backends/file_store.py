"""Results and locks as files in a directory that all workers share; the layout is that of every release of jug.

The result of hash ``abcd...`` is ``ab/cd...``, or an entry of the pack; locks are in ``locks``, what is being written
in ``tempfiles``. A result is either not there or there whole, and once :meth:`file_store.dump` returns it stays,
whatever crashes. Nothing is created before it is needed: a directory that does not exist is an empty store.
"""

from __future__ import annotations

import time

from jug.backends.system.sentences import cannot
from jug.errors import DamagedResultError, UnloadableResultError, UnsignedResultError

from .base import FEW, LockDetails, as_name
from .file.compatible import compatible_store
from .file.foreign import foreign
from .file.index.listing import file_listing
from .file.locks.details import details_of_all
from .file.locks.lock import file_based_lock, file_keepalive_based_lock
from .file.locks.workers import details, join, leave, remove_remains, sweep
from .file.names import LOCKS, TEMPORARY
from .file.owner.liveness import Liveness
from .file.pack.pack_lock import PACK_LOCK
from .file.publication import publish
from .file.quarantine import empty_is_none, set_aside
from .file.remove import demolish
from .inputs import are_settled
from .result_bytes.key_file import read_key
from .result_bytes.mapped import checked_mode
from .result_bytes.result_file import read_content, read_result, serialise
from .result_bytes.signature import Unsigned
from .system.filesystem import FileSystem, fsync_dir, sync_directory
from .system.retry import persist, reread
from .system.turns import one_thread_at_a_time

__all__ = ["file_based_lock", "file_keepalive_based_lock", "file_keepalive_store", "file_store", "fsync_dir"]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
    from typing import Any

    from .base import Name, WorkerDetails, base_lock
    from .encode import Writable
    from .file.owner.owner_file import OwnerFile
    from .watchdog.process import StartWatchdog

    Names = list[bytes]  # in the class, `list` is a method


class file_store(compatible_store):
    """The store in the directory `dname`.

    With `compress_numpy`, arrays and data frames are stored compressed too. With `mmap_mode` ``"r"`` or ``"c"``, large
    arrays are mapped into memory. With `sign_key`, the name of a file with a key, results are signed, and others are
    not loaded.
    """

    minds_inputs = True

    def __init__(
        self,
        dname: str | os.PathLike[str],
        compress_numpy: bool = False,
        *,
        mmap_mode: str | None = None,
        sign_key: str | None = None,
        fs: FileSystem | None = None,
        start_watchdog: StartWatchdog | None = None,
    ) -> None:
        self.compress_numpy = compress_numpy
        self.mmap_mode = checked_mode(mmap_mode)
        self._barriers: file_listing | None = None
        self._turn = one_thread_at_a_time(self, "_turn")
        super().__init__(dname, fs, start_watchdog)
        if sign_key is not None:
            self.use_key(read_key(sign_key))

    def create(self) -> None:
        with cannot("create", self._dir.root):
            self._dir.ensure(TEMPORARY)

    # Results

    def dump(self, object: Any, name: Name) -> None:
        name = as_name(name)
        path = self._dir.result(name)
        write = self._serialised(object, name)
        self._write_behind.settle()
        with cannot("write", path), self._packs.replacing(name):
            publish(self._dir, (name[:2].decode(), path), write)

    def dump_locked(self, object: Any, name: Name, lock: base_lock) -> bool:
        if not isinstance(lock, file_based_lock):
            return super().dump_locked(object, name, lock)
        name = as_name(name)
        return self._publish(name, self._serialised(object, name), lock)

    def dump_soon(self, object: Any, name: Name, lock: base_lock) -> bool | None:
        if not isinstance(lock, file_based_lock):
            return super().dump_soon(object, name, lock)
        name = as_name(name)
        write = self._serialised(object, name)
        waits = self._write_behind.takes(name, write, lock)
        return None if waits else are_settled(lock) and self._publish(name, write, lock)

    def flush(self) -> Collection[bytes]:
        self._write_behind.flush()
        self._packs.repair()
        return self._write_behind.overtaken()

    def _serialised(self, object: Any, name: bytes) -> Callable[[Writable], object]:
        self.require_key()
        return serialise(object, self.compress_numpy, self._dir.signer(name))

    def _publish(self, name: bytes, write: Callable[[Writable], object], lock: file_based_lock) -> bool:
        path = self._dir.result(name)
        with cannot("write", path):
            is_stored = publish(
                self._dir,
                (name[:2].decode(), path),
                write,
                keep=True,
                check=lambda owner: self._may_store(name, lock, owner),
            )
        lock.has_result = True
        self._packs.repair()
        return is_stored

    def _may_store(self, name: bytes, lock: file_based_lock, owner: OwnerFile) -> bool:
        """Whether the lock is ours still; one that was removed by hand is, again, if there is no result by now."""
        return lock.is_ours(owner=owner) or (lock.is_ours_again(owner) and not self._presence.has(name))

    def load(self, name: Name) -> Any:
        name = as_name(name)
        waiting = self._write_behind.get(name)
        if waiting is not None:
            return read_content(waiting, self._dir.signer(name))
        if self._packs.segments.has(name):
            try:
                return self._packs.segments.load(name)
            except KeyError:
                pass  # it has just been moved
        try:
            return reread(lambda: self._load(name))
        except FileNotFoundError:
            if not self._presence.ask_for(name):
                raise
        return reread(lambda: self._load(name))

    def load_many(self, names: Iterable[Name]) -> Iterator[tuple[bytes, Any]]:
        return self._packs.segments.load_many(map(as_name, names), self.load)

    def _load(self, name: bytes) -> Any:
        path = self._dir.result(name)
        try:
            fd = self._fs.open_read(path)
        except OSError as error:
            return self._load_packed(name, path, error)
        try:
            with cannot("read", path):
                return read_result(self._fs, fd, empty_is_none(self._dir), self._dir.signer(name), self.mmap_mode)
        except UnloadableResultError as error:
            error.where = f"in {path}"
            raise
        except Unsigned as error:
            raise UnsignedResultError(f"The result {path}") from error
        except (ValueError, KeyError) as error:  # a KeyError of the object's own would say that there is no result
            raise DamagedResultError(f"The result {path} is damaged: {error}", name) from error

    def set_aside(self, name: Name) -> str | None:
        name = as_name(name)
        if not self._packs.segments.has(name) and self._presence.is_loose(name):
            return set_aside(self._dir, name)
        return self._packs.set_aside(name)

    def can_load(self, name: Name) -> bool:
        name = as_name(name)
        if self._write_behind.get(name) is not None:
            return True
        return not self._ahead.has_no_result(name) and self._presence.has(name)

    def metadata(self, t: Any) -> dict[str, Any]:
        name = as_name(t.hash())
        found = self._dir.found(self._dir.result(name))
        if found is None:
            return self._packs.metadata(name)
        return {"computed": True, "completed": time.ctime(found.st_mtime)}

    def list(self) -> Names:
        return self.listing().ours()

    def listing(self) -> file_listing:
        return file_listing(self._dir, self._packs)

    def first_missing(self, names: Collection[Name]) -> bytes | None:
        if len(names) < FEW:
            return super().first_missing(names)
        with self._turn:
            # Kept from one time to the next: a jugfile with ten barriers asks ten times for nearly the same.
            self._barriers = self._barriers or self.listing()
            self._barriers.refresh()
            return next((name for name in map(as_name, names) if not self._barriers.holds(name)), None)

    def remove(self, name: Name) -> bool:
        return bool(self.remove_many([name]))

    def remove_many(self, names: Iterable[Name]) -> set[bytes]:
        wanted = dict.fromkeys(as_name(name) for name in names)  # in their order, which callers choose with care
        self._require_ours()
        removed = {name for name in wanted if self._unlink(self._dir.result(name))}
        for prefix in sorted({name[:2].decode() for name in removed}):
            with cannot("remove results from", self._dir.path(prefix)):
                sync_directory(self._fs, self._dir.path(prefix))
        return removed | self._packs.remove(set(wanted))

    def foreign(self) -> Sequence[str]:
        """What is in the directory and not jug's, which is left alone.

        UsageError if what looks like results is somebody else's, too.
        """
        self._require_ours()
        with cannot("list", self._dir.root):
            return foreign(self._dir, self._failures.all())

    # Locks

    def getlock(self, name: Name) -> file_based_lock:
        return self._ahead.lock(name)

    def foresee(self, following: Callable[[bytes], Sequence[bytes]] | None) -> None:
        self._ahead.foresee(following)

    def listlocks(self) -> Names:
        with cannot("list", self._dir.path(LOCKS)):
            return self._dir.locks()

    def lock_states(self) -> dict[bytes, bool]:
        return {name: lock.failed for name, lock in self.lock_details().items() if not lock.abandoned}

    def lock_details(self) -> dict[bytes, LockDetails]:
        with cannot("look at the locks in", self._dir.path(LOCKS)):
            return details_of_all(self._dir)

    def wait_for_holders(self, seconds: float, sleep: Callable[[float], object]) -> None:
        self._dir.liveness.wait(seconds, sleep)

    def remove_lock(self, name: Name, failed_only: bool = False) -> bool:
        return self.getlock(name).remove(failed_only)

    def remove_locks(self) -> int:
        return sum(self._unlink(self._dir.lock(name)) for name in self.listlocks())

    def remove_abandoned(self, failed: bool = True) -> int:
        with cannot("remove what is nobody's from", self._dir.root):
            removed = sweep(self._dir)
            remove_remains(self._dir)  # before the locks: a turn that nobody can end is in the way of one of them
            removed += self.getlock(PACK_LOCK).remove_if_abandoned()
            for name, lock in self.lock_details().items():
                if lock.abandoned:
                    removed += self.getlock(name).remove_if_abandoned()
                elif lock.failed and failed:
                    removed += self.remove_lock(name, failed_only=True)
        return removed

    # Workers

    @property
    def lease(self) -> float:
        return self._dir.ownership.lease

    @lease.setter
    def lease(self, seconds: float) -> None:
        self._dir.ownership.lease = seconds

    @property
    def patience(self) -> float:
        return self._dir.persistent.patience

    @patience.setter
    def patience(self, seconds: float) -> None:
        self._dir.persistent.patience = seconds

    def workers(self) -> Sequence[WorkerDetails]:
        with cannot("list", self._dir.path(TEMPORARY)):
            return details(self._dir)

    def run_id(self) -> str:
        with cannot("write", path := self._dir.path(TEMPORARY)):
            return persist(self._fs, path, lambda: join(self._dir))

    # Failures

    def record_failure(self, name: Name, record: dict[str, Any]) -> None:
        self._failures.put(as_name(name), record)

    def failure(self, name: Name) -> dict[str, Any] | None:
        name = as_name(name)
        return None if self._ahead.has_no_failure(name) else self._failures.get(name)

    def failures(self) -> dict[bytes, dict[str, Any]]:
        return self._failures.all()

    def remove_failures(self, names: Iterable[Name]) -> int:
        return sum(self._failures.remove(as_name(name)) for name in names)

    # Ends

    def close(self) -> None:
        self._write_behind.flush()
        self._ahead.clear()
        leave(self._dir)

    @staticmethod
    def remove_store(jugdir: str) -> None:
        demolish(jugdir)

    def _require_ours(self) -> None:
        with cannot("list", self._dir.root):
            self._dir.require_ours()

    def _load_packed(self, name: bytes, path: str, missing: OSError) -> Any:
        with cannot("read", path):
            if not self._dir.is_missing(missing):
                raise missing
        try:
            return self._packs.load(name)
        except KeyError:
            raise FileNotFoundError(missing.errno, missing.strerror, path) from None

    def _unlink(self, path: str) -> bool:
        with cannot("remove", path):
            return self._dir.unlink(path)


class file_keepalive_store(file_store):
    """The same, under the name that this kind of store had when others did not take over the locks of the dead.

    A lock of an old release, which shows signs of life in this kind of store alone, is free after half an hour without.
    """

    def _open(self) -> None:
        super()._open()
        self._dir.liveness = Liveness(self._fs, old_lease=1800.0)  # seconds; of Jug 2.7

    @staticmethod
    def remove_store(jugdir: str) -> None:
        file_store.remove_store(jugdir.removeprefix("file_keepalive:"))
