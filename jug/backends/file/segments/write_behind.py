"""Results of this process that wait to be stored together: many short tasks share what it costs to make one durable.

Each keeps the lock of its task for as long as it waits: to others the task is running. Then all go out as one file
(:mod:`jug.backends.file.segments.segments`), and when that is durable, their locks are released. Meanwhile the watchdog
sees them, too, and stores them if this process does not come to it (:mod:`jug.backends.file.prefetch.watch_flush`).
"""

from __future__ import annotations

from jug.backends.file.names import PACKS
from jug.backends.inputs import are_among
from jug.backends.result_bytes.result_file import Pieces
from jug.backends.system.filesystem import look
from jug.backends.system.sentences import cannot
from jug.backends.watchdog.shared_memory import ROOM
from jug.errors import StoreError

from .segment_format import HEADER_SIZE, record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from jug.backends.file.directory import JugDir
    from jug.backends.file.locks.lock import file_based_lock
    from jug.backends.file.owner.owner_file import OwnerFile
    from jug.backends.watchdog.shared_memory import Mirror

    from .compaction import Compaction

#: Bytes of a result, seals included; a larger one is stored by itself.
LARGEST = 1 << 14
_CROWD = 8  # times as many locks are listed in less time than ours are looked at one by one


class WriteBehind:
    """What waits, of the process that uses it."""

    def __init__(self, jugdir: JugDir, compaction: Compaction) -> None:
        self._dir = jugdir
        self._directory = jugdir.path(PACKS)
        self._own = jugdir.ownership
        self._compaction = compaction
        self._results: dict[bytes, tuple[bytes, bytes, file_based_lock]] = {}
        # What is being stored: a thread that asks meanwhile finds it here or, later, in its file.
        self._leaving: dict[bytes, tuple[bytes, bytes, file_based_lock]] = {}
        self._size = 0
        self._mirror: Mirror | None = None
        self._overtaken: set[bytes] = set()
        self._is_lost = False
        self._may_be: bool | None = None
        self._locks = 0  # that there were, with those of others

    def get(self, name: bytes) -> bytes | None:
        """The bytes that the file of the result `name` would hold; None if it does not wait."""
        found = self._results.get(name) or self._leaving.get(name)
        return None if found is None else found[1]

    def takes(self, name: bytes, write: object, lock: file_based_lock) -> bool:
        """Have the result wait that `write` would write, and was computed under `lock`; False if it is to be stored by
        itself, or not at all, as whoever settles what it was computed from will see."""
        own = self._own
        if not (isinstance(write, Pieces) and write.size <= LARGEST and len(name) == 40):
            return False
        # All machines must see all changes at once, and somebody watch over us.
        if not own.is_coherent or own.met_old_release or not self._is_possible():
            return False
        mirror = own.mirror()
        if mirror is None:
            return False
        with cannot("write", self._directory):
            content = bytes(write)
            if self._size + HEADER_SIZE + len(content) > ROOM:
                self._commit()
            if self._overtaken and are_among(lock, self._overtaken):
                return False
            self._add(name, content, lock, mirror)
        return True

    def _is_possible(self) -> bool:
        """Whether there is nothing foreign where the files would be."""
        if self._may_be is None:
            path = self._directory
            with cannot("look at", path):
                is_there = look(self._dir.fs, path) is not None
                self._may_be = not is_there or (not self._dir.fs.is_link(path) and self._dir.revalidate(PACKS))
        return self._may_be

    def flush(self) -> None:
        """Store all that wait, durably, and release their locks. If that fails, they are lost, and run again.

        It also fails if it failed meanwhile, when something else had them stored: whoever calls this tells of them.
        """
        try:
            self.settle()
            if self._is_lost:
                raise StoreError(f"Cannot write {self._directory}: results that waited to be stored are lost")
        finally:
            self._is_lost = False

    def settle(self) -> None:
        """Store all that wait, before what may have been computed from them; :meth:`flush` tells how that went."""
        if self._results and self._own.is_of_this_process():
            with cannot("write", self._directory):
                self._commit()
                self._compaction.merge()

    def _add(self, name: bytes, content: bytes, lock: file_based_lock, mirror: Mirror) -> None:
        piece = record(name, content)
        self._results[name] = piece, content, lock
        if mirror is not self._mirror:  # this watchdog is a new one
            self._show_all(mirror)
        else:
            mirror.show(piece, self._size)
            self._size += len(piece)

    def _commit(self) -> None:
        results = self._leaving = self._results
        self._results, self._size = {}, 0
        try:
            mirror = self._own.mirror()
            if mirror is None:
                self._store(results)
                return
            with mirror.alone():
                try:
                    self._store(results)
                finally:
                    mirror.clear()
        except BaseException:
            self._is_lost = True
            raise
        finally:
            self._leaving = {}
            for _, _, lock in results.values():
                lock.release()

    def overtaken(self) -> Collection[bytes]:
        """Those that were not stored, since others took over their locks meanwhile, and what was computed from those;
        each is told once."""
        overtaken, self._overtaken = self._overtaken, set()
        return overtaken

    def _store(self, results: dict[bytes, tuple[bytes, bytes, file_based_lock]]) -> None:
        ours = dict(results)
        lost: set[bytes] = set()

        def check(owner: OwnerFile) -> bool:
            lost.update(self._lost(ours, owner))
            return not lost

        seen = self._dir.fs.elapsed()
        while ours and not self._compaction.write([(name, piece) for name, (piece, _, _) in ours.items()], check):
            self._overtaken |= lost
            ours = {name: result for name, result in ours.items() if name not in lost}
            lost.clear()
            seen = self._dir.fs.elapsed()
        if self._dir.fs.elapsed() - seen < self._own.lease / 2:
            # Nobody can have taken us for dead since.
            for _, _, lock in ours.values():
                lock.release_at_once()

    def _lost(self, results: dict[bytes, tuple[bytes, bytes, file_based_lock]], owner: OwnerFile) -> set[bytes]:
        """Those whose locks are not ours any more, by this owner file, and what was computed from them."""
        listed = self._listed(len(results))
        overtaken = set(self._overtaken)
        lost = set()
        for name, (_, _, lock) in results.items():  # each after those that it was computed from
            if (overtaken and are_among(lock, overtaken)) or not lock.is_ours(listed.get(name, 0), owner):
                lost.add(name)
                overtaken.add(name)
        return lost

    def _listed(self, wanted: int) -> Mapping[bytes, int]:
        """The locks, and the numbers of their files: one look for many, unless most are those of others."""
        if self._locks > _CROWD * wanted:
            self._locks //= 2  # look again, later
            return {}
        listed = self._dir.lock_numbers()
        self._locks = len(listed)
        return listed

    def _show_all(self, mirror: Mirror) -> None:
        self._mirror, self._size = mirror, 0
        for piece, _, _ in self._results.values():
            mirror.show(piece, self._size)
            self._size += len(piece)
