"""Many small results in one file: ``packs/jugpack``, one encoded dict of objects by name, which old releases read.

What workers write goes there by ``jug pack``. The file is read when something is asked for that is not loose, and
again when it was replaced. Of a damaged pack, the entries that are whole stay results, and a warning says so, once.
Whoever changes the pack, or writes a result, sets the damaged file aside and writes another one. One process at a time
changes it; whoever removes results waits for a process that is packing, which would bring them back otherwise.
"""

from __future__ import annotations

import time
from contextlib import contextmanager

from jug.backends.encode import decode
from jug.backends.file.names import CORRUPT, PACKFILE, PACKS
from jug.backends.file.publication import publish
from jug.backends.file.quarantine import place_for
from jug.backends.file.segments.results import SegmentResults
from jug.backends.result_bytes import verdict
from jug.backends.result_bytes.signature import Unsigned
from jug.backends.result_bytes.verdict import Verdict
from jug.backends.system.filesystem import read_all, sync_directory
from jug.backends.system.retry import reread
from jug.backends.system.sentences import cannot
from jug.backends.system.turns import one_thread_at_a_time
from jug.errors import DamagedResultError, UnloadableResultError, UnsignedResultError
from jug.words.config import warn
from jug.words.short import number_of

from .pack_format import check_entry, packed, parts_of, read_pack, signed, write_pack
from .pack_lock import PackLock
from .packer import SmallFiles
from .salvage import saved_from

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from typing import Any

    from jug.backends.file.directory import JugDir
    from jug.backends.result_bytes.signature import Key, Signer

    _Version = tuple[int, int, int]
    _Entries = dict[bytes, Any]

_ABSENT = (0, 0, 0)


class _Contents:
    """What was in the pack when it was `version`, or could be saved of it if it was damaged."""

    __slots__ = ("entries", "is_damaged", "names", "version")

    def __init__(self, version: _Version, entries: _Entries, names: frozenset[bytes], is_damaged: bool = False) -> None:
        self.version = version
        self.entries = entries
        self.names = names
        self.is_damaged = is_damaged


class Packing:
    """What came of packing.

    Attributes
    ----------
    packed : int
        How many results were moved into the pack.
    unreadable : list of str
        Small files that stayed, since they are damaged or cannot be read by what is installed here.
    """

    __slots__ = ("packed", "unreadable")

    def __init__(self, packed: int, unreadable: list[str]) -> None:
        self.packed = packed
        self.unreadable = unreadable


class Packs:
    """The packed results of one jugdir."""

    def __init__(self, jugdir: JugDir) -> None:
        self._dir = jugdir
        self.path = jugdir.path(PACKS, PACKFILE)
        self._known = _Contents(_ABSENT, {}, frozenset())
        self.segments = SegmentResults(jugdir)
        self._turn = one_thread_at_a_time(self, "_turn")
        self._looks = 0

    def state(self) -> tuple[int, object]:
        """The same again if nothing has changed between two looks, and no result was moved from or to elsewhere."""
        return self.segments.reader.changes, self._known

    def holds(self, name: bytes) -> bool:
        """Whether the result is in a segment or in the pack, at this moment."""
        names = self.names()
        return name in self.segments or name in names

    @contextmanager
    def replacing(self, name: bytes) -> Iterator[None]:
        """Meanwhile, a file of the result is written, on purpose in place of what there may be: no segment has it after
        that. Whoever packs sees both or neither."""
        if self.segments.has(name):
            with cannot("change", self.path), PackLock(self._dir) as lock:
                self._begin(lock)
                yield
                self.segments.remove([name], lock)
        else:
            yield
            if self.segments.has(name):  # which came at the same moment
                with cannot("change", self.path), PackLock(self._dir) as lock:
                    self._begin(lock)
                    self.segments.remove([name], lock)
        self.repair()

    def metadata(self, name: bytes) -> dict[str, Any]:
        """What is known of a result that is not in a file of its own."""
        if not self.holds(name):
            return {"computed": False}
        if name not in self.segments:
            return {"computed": True}
        return {"computed": True, "completed": time.ctime(self.segments.reader.mtime(name))}

    def path_of(self, name: bytes) -> str:
        """The file that the result is in, or would be."""
        return self.segments.path(name) if name in self.segments else self.path

    def names(self) -> frozenset[bytes]:
        """The names of all results in the pack: the same object as last time if it is the same."""
        self.segments.refresh()
        reader = self.segments.reader
        with self._turn:
            looks = reader.looks  # another thread may look once more, while the pack is being read
            if self._looks != looks:
                if reader.lists(PACKFILE) or self._known.version != _ABSENT:
                    self._look()
                self._looks = looks
            return self._known.names

    def load(self, name: bytes) -> Any:
        """The packed object; ``KeyError`` if there is none. Each time another one, which the caller may change."""
        entry = self._look().entries[name]
        result = f"The result {name.decode()} in {self.path}"
        signer = self._dir.signer(name)
        try:
            parts = check_entry(name, entry, signer) if signer else parts_of(name, entry)
            return decode(parts.body, exact=True)
        except UnloadableResultError as error:
            error.where = f"in {self.path}"
            raise
        except Unsigned as error:
            raise UnsignedResultError(result) from error
        except (ValueError, KeyError) as error:
            raise DamagedResultError(f"{result} is damaged: {error}", name) from error

    def check(self, name: bytes) -> bool:
        """The same without unpickling anything, in a segment, too. Returns whether there is a checksum."""
        if name in self.segments:
            return self.segments.check(name)
        return check_entry(name, self._look().entries[name], self._dir.signer(name)).is_sealed

    def set_aside(self, name: bytes) -> str | None:
        """Move the entry `name` to a file where nobody takes it for a result, if it is damaged; returns the path."""
        if not self.holds(name):
            return None
        with cannot("change", self.path), PackLock(self._dir) as lock:
            _, entries = self._begin(lock)
            if name in self.segments:
                return self.segments.set_aside(name, lock)
            if name not in entries or not self._is_damaged(name):
                return None
            place = place_for(self._dir, name.decode())
            data = bytes(packed(entries[name]))
            publish(self._dir, (CORRUPT, place), lambda stream: stream.write(data))
            self._write(lock, {other: entry for other, entry in entries.items() if other != name})
        return place

    def repair(self) -> None:
        """Set a pack aside that was found to be damaged, and keep what is whole of it; if somebody is changing it, that
        is for him to do."""
        if not (self._known.is_damaged or self.segments.compaction.is_damaged):
            return
        lock = PackLock(self._dir)
        if not lock.is_held():
            with cannot("change", self.path), lock:
                self._begin(lock)

    def sign(self, key: Key, again: bool) -> list[Verdict]:
        """Sign all entries that are whole and have no signature, and if `again`, those with that of another key."""
        done: _Entries = {}
        self.segments.refresh()
        if not (self.names() or len(self.segments)):
            return []
        with cannot("change", self.path), PackLock(self._dir) as lock:
            _, entries = self._begin(lock)
            found = self.segments.sign(key, again, lock)
            for name, entry in entries.items():
                lock.beat()
                found.append(self._judged(name, entry, key.signer(name), again))
                if found[-1].kind == verdict.SIGNED:
                    done[name] = signed(name, entry, key.signer(name))
            if done:
                self._write(lock, {**entries, **done})
        return found

    def remove(self, names: Collection[bytes]) -> set[bytes]:
        """Take results, whose files have just been removed, out of the pack; returns those that there were.

        Who packs has the lock before it reads the files. If nobody has it now, all that was read by then is in the
        pack now, and nothing that is read later can be any of `names`.
        """
        lock = PackLock(self._dir)
        with cannot("read", self.path):
            self._ask_for_it()
        self.segments.refresh()
        is_here = any(name in self.segments for name in names) or not self.names().isdisjoint(names)
        if not (is_here or lock.is_held()):
            return set()
        with cannot("change", self.path), lock:
            files, entries = self._begin(lock)
            removed = files.remove(set(names)) | self.segments.remove(names, lock)
            gone = entries.keys() & set(names)
            if gone:
                self._write(lock, {name: entry for name, entry in entries.items() if name not in gone})
        return removed | gone

    def pack(self) -> Packing:
        """Move small results into the pack."""
        with cannot("list", self._dir.root):
            if not self._dir.exists():
                return Packing(0, [])
        with cannot("change", self.path), PackLock(self._dir) as lock:
            files, entries = self._begin(lock)
            files.remove(self.segments.those_that_count(files.names))
            loose = files.read()
            segmented = self.segments.entries(files.unreadable)
            fresh = {**segmented, **loose}
            overtaken: set[bytes] = set()
            if fresh:
                # A file is newer than what the pack has under its name.
                entries = {**entries, **fresh}
                self._write(lock, entries)
                overtaken = files.retire(loose)
            if overtaken:
                self._write(lock, {name: entry for name, entry in entries.items() if name not in overtaken})
            self.segments.dissolve(segmented.keys(), lock)
        return Packing(len(fresh) - len(overtaken), files.unreadable)

    def _judged(self, name: bytes, entry: Any, signer: Signer, again: bool) -> Verdict:
        try:
            parts = check_entry(name, entry)
        except ValueError as error:
            return Verdict(verdict.DAMAGED, self.path, str(error))
        try:
            signer.check(parts)
        except Unsigned:
            return Verdict(verdict.SIGNED, self.path)
        except ValueError as error:
            return Verdict(verdict.SIGNED if again else verdict.DAMAGED, self.path, str(error))
        return Verdict(verdict.WHOLE, self.path)

    def _begin(self, lock: PackLock) -> tuple[SmallFiles, _Entries]:
        """What was the case when we got the lock."""
        self._ask_for_it()
        self.segments.refresh()
        self.segments.compaction.repair(lock)
        found = self._look(afresh=True)
        if found.is_damaged:
            self._replace(found, lock)
        files = SmallFiles(self._dir, lock)
        files.recover(found.entries)
        return files, found.entries

    def _replace(self, found: _Contents, lock: PackLock) -> None:
        """Set the damaged pack aside, and write what could be saved of it."""
        place = place_for(self._dir, PACKFILE)
        try:
            self._dir.fs.link(self.path, place)
        except OSError:  # no links on this file system
            self._dir.fs.rename(self.path, place)
        sync_directory(self._dir.fs, self._dir.path(CORRUPT))
        self._write(lock, found.entries)
        warn(f"The damaged pack {self.path} was moved to {place}; {_results(found.entries)} of it kept")

    def _is_damaged(self, name: bytes) -> bool:
        try:
            self.check(name)
        except ValueError:
            return True
        except Unsigned:
            pass  # whether it is to be trusted is for the user to say
        return False

    def _ask_for_it(self) -> None:
        # Whoever does not see the first pack, which another machine has just made, would write his own over it.
        self._dir.revalidate()
        self._dir.revalidate(PACKS)

    def _write(self, lock: PackLock, entries: _Entries) -> None:
        data = write_pack(entries)

        publish(self._dir, (PACKS, self.path), lambda stream: stream.write(data), check=lock.check)

    def _look(self, afresh: bool = False) -> _Contents:
        """The pack as it is now; read again if it is another one, or `afresh`."""
        with self._turn, cannot("read", self.path):
            self._known = reread(lambda: self._contents(self._known, afresh))
            return self._known

    def _contents(self, known: _Contents, afresh: bool) -> _Contents:
        fd = self._open()
        # NFS remembers that a file was missing.
        if fd is None and not self._dir.ownership.is_coherent and self._dir.revalidate(PACKS):
            fd = self._open()
        if fd is None:
            return known if known.version == _ABSENT else _Contents(_ABSENT, {}, frozenset())
        try:
            return self._read(fd, known, afresh)
        finally:
            self._dir.fs.close(fd)

    def _open(self) -> int | None:
        try:
            return self._dir.fs.open_read(self.path)
        except OSError as error:
            if not self._dir.is_missing(error):
                raise
        return None

    def _read(self, fd: int, known: _Contents, afresh: bool) -> _Contents:
        attributes = self._dir.fs.fstat(fd)
        version = attributes.st_ino, attributes.st_mtime_ns, attributes.st_size
        if version == known.version and not afresh:
            return known
        data = read_all(self._dir.fs, fd)
        try:
            entries = read_pack(data)
        except MemoryError:
            raise
        except Exception as error:  # noqa: BLE001  (damaged in whatever way; loose results do not depend on it)
            saved = saved_from(data)
            if version != known.version:
                warn(f"The pack {self.path} is damaged: {error}; {_results(saved)} in it can still be read")
            return _Contents(version, saved, frozenset(saved), is_damaged=True)
        names = frozenset(entries)
        return _Contents(version, entries, known.names if names == known.names else names)


def _results(entries: _Entries) -> str:
    return number_of(len(entries), "result")
