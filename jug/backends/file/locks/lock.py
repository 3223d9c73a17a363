"""The lock of a task in a jugdir: the file ``locks/<hash>.lock``, which only one can make.

It is a hard link to the owner file of its holder (:mod:`jug.backends.file.owner.owner_file`), so that it says who that
is, and lives and dies with him: a lock whose holder is gone is nobody's, and whoever tries to get it takes it over. A
failed lock is a file of its own whose time stamp is one second after the epoch; it stays until somebody removes it on
purpose.
"""

from __future__ import annotations

import errno

from jug.backends.base import base_lock
from jug.backends.file.directory import JugDir
from jug.backends.file.names import LOCKS
from jug.backends.file.owner.holder import FAILED_TIME, has_failed
from jug.backends.file.owner.liveness import find
from jug.backends.file.owner.takeover import take_away, take_over
from jug.backends.system.filesystem import set_time, touch_directory, write_all
from jug.backends.system.retry import persist
from jug.backends.system.sentences import cannot

from .details import details_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from jug.backends.base import LockDetails, Name
    from jug.backends.file.owner.liveness import Found
    from jug.backends.file.owner.owner_file import OwnerFile
    from jug.backends.system.filesystem import FileSystem

# How often a lock that is gone when it is looked at is tried again.
_TRIES = 10


class file_based_lock(base_lock):
    """The lock `name` of the file store in the directory `jugdir`."""

    def __init__(self, jugdir: str | os.PathLike[str] | JugDir, name: Name, *, fs: FileSystem | None = None) -> None:
        self._dir = jugdir if isinstance(jugdir, JugDir) else JugDir(jugdir, fs)
        self._fs = self._dir.fs
        self._own = self._dir.ownership
        self._live = self._dir.liveness
        self._name = name if isinstance(name, str) else name.decode("ascii")
        self.fullname = self._dir.lock(self._name)
        self._mine: OwnerFile | None = None  # by which we hold it
        self._hold: object = None  # no two times of holding it are the same
        #: Whether a result was stored under it.
        self.has_result = False
        self._was_tried = self._was_given_back = False

    # For workers

    def get(self) -> bool:
        self._was_tried, self._was_given_back = True, False
        with cannot("create the lock", self.fullname):
            return persist(self._fs, self.fullname, self._try)

    def adopt(self, mine: OwnerFile, hold: object) -> None:
        """Be the lock that this process has taken by its owner file `mine`; `hold` is what was reserved for it."""
        self._mine, self._hold, self.has_result = mine, hold, False

    def release(self) -> None:
        if self._mine is None:
            self._remove_what_is_nobodys()
            return
        with cannot("release the lock", self.fullname):
            try:
                self._give_back()
            except OSError as error:
                if error.errno != getattr(errno, "ESTALE", None):
                    raise
                # Of a lock that was taken over while we were cut off, and is gone, this machine remembers the file.
                self._dir.revalidate(LOCKS)
                self._give_back_or_lose()
        self._mine, self._was_given_back = None, True

    def release_at_once(self) -> None:
        """Give it back, of which it was seen a moment ago that it is ours."""
        with cannot("release the lock", self.fullname):
            self._unlink()
            self._own.lost(self._name, self._hold)
        self._mine, self._was_given_back = None, True

    def fail(self) -> bool:
        with cannot("mark as failed the lock", self.fullname):
            found = self._find()
            if found is None or (self._mine is not None and not self._own.is_of_this_process()):
                return False  # there is none, or it is that of the process that has forked us
            if self._mine is not None and not found.failed and not self._is_mine(found):
                return False  # it was taken from us, and is not ours to mark
            is_marked = found.failed or persist(self._fs, self.fullname, self._replace_by_failed)
            if is_marked:
                self._own.lost(self._name, self._hold)
                self._mine = None
        return is_marked

    def is_ours(self, listed: int = 0, owner: OwnerFile | None = None) -> bool:
        """Whether we hold it, as the file server says now.

        `listed` is the number of the file in a listing of now; `owner` is by which of our files, if it is to be that.
        """
        if not self._may_be_ours(owner or self._own.current):
            return False
        assert self._mine is not None
        if self._own.is_coherent and self._mine.has_links:
            # While we have the owner file, no other file has its number. (A listing may say another one, where file
            # systems are laid over each other.)
            if listed == self._mine.inode:
                return True
            try:
                return self._fs.stat(self.fullname).st_ino == self._mine.inode
            except FileNotFoundError:
                return False
        self._dir.revalidate(LOCKS)
        return self._is_mine(self._find())

    def is_ours_again(self, owner: OwnerFile) -> bool:
        """Take it once more if nobody has it: it was removed by hand while `owner`, by which we held it, was there."""
        return self._may_be_ours(owner) and owner.claim(self.fullname)

    # For everybody

    def is_locked(self) -> bool:
        with cannot("look at the lock", self.fullname):
            found = self._find_afresh()
            return found is not None and not self._live.is_gone(found)

    def is_failed(self) -> bool:
        with cannot("look at the lock", self.fullname):
            found = self._find_afresh()
            return found is not None and found.failed

    def remove(self, failed_only: bool = False) -> bool:
        """Remove the lock, whoever holds it; True if it was there (and had failed, if that is asked)."""
        with cannot("remove the lock", self.fullname):
            if failed_only:
                found = self._find_afresh()
                # Others may remove it, too, and lock the task anew: only what is failed now, and by one of many.
                if found is None or not found.failed:
                    return False
                return take_away(self._dir.owner_file(), self._fs, found, self._live)
            return self._dir.unlink(self.fullname)

    def remove_if_abandoned(self) -> bool:
        """Remove the lock if its holder is gone."""
        with cannot("remove the lock", self.fullname):
            found = self._find()
            if found is None or not self._live.is_gone(found):
                return False
            return take_away(self._dir.owner_file(), self._fs, found, self._live)

    def details(self) -> LockDetails | None:
        """What is known of it; None if there is none."""
        with cannot("look at the lock", self.fullname):
            found = self._find()
            return None if found is None else details_of(found, self._name, self._live)

    def holder(self) -> str:
        """Who holds it, as ``host:pid``; empty if there is no lock."""
        found = self._find()
        return found.holder.place if found is not None else ""

    # How

    def _remove_what_is_nobodys(self) -> None:
        """Of a lock that this object does not hold: see there."""
        if self._was_given_back:
            return
        with cannot("remove the lock", self.fullname):
            found = self._find_afresh()
            if found is None:
                return
            if found.failed or self._live.is_gone(found):
                take_away(self._dir.owner_file(), self._fs, found, self._live)
            elif not self._was_tried and self._name in self._own.held and found.holder.worker == self._own.name:
                self._own.give_up(self._name)
                self._own.lost(self._name, self._own.held.get(self._name))

    def _may_be_ours(self, owner: OwnerFile | None) -> bool:
        """Whether we took it as this owner, and have not lost it since, as far as this process knows."""
        if self._mine is None or self._mine is not owner or not self._own.is_of_this_process():
            return False
        return self._own.held.get(self._name) is self._hold

    def _give_back(self) -> None:
        if not (self.has_result and self._defer()):
            if self.is_ours():
                self._unlink()
            elif self._mine is not None and self._mine is not self._own.current and self._own.is_of_this_process():
                self._mine.remove_lock(self._name)  # we were taken for dead, and nobody has come for it yet
            self._own.lost(self._name, self._hold)

    def _give_back_or_lose(self) -> None:
        try:
            self._give_back()
        except OSError as error:
            if error.errno != getattr(errno, "ESTALE", None):
                raise
            self._own.lost(self._name, self._hold)  # a name of nothing is no lock, and not ours

    def _try(self) -> bool:
        mine = self._dir.owner_file()  # in a process that was forked, what is held is forgotten by this
        with self._own.one_at_a_time:
            return self._try_alone(mine)

    def _try_alone(self, owner: OwnerFile) -> bool:
        hold = object()
        if self._own.reserve(self._name, hold) is not hold:
            if self._is_held_here():
                return False
            self._own.held[self._name] = hold
        mine = None
        try:
            mine = self._claim(owner)
        except BaseException:
            self._own.give_up(self._name)  # it may have become ours
            raise
        finally:
            if mine is None:
                self._own.lost(self._name, hold)
        if mine is None:
            return False
        self.adopt(mine, hold)
        self._own.got(self._name)
        return True

    def _claim(self, mine: OwnerFile) -> OwnerFile | None:
        """Our owner file, of which the lock is a name from now on; None if somebody else has it."""
        for attempt in range(_TRIES):
            if attempt:
                mine = self._dir.owner_file()  # it may be another one by now
            try:
                if mine.claim(self.fullname):
                    return mine
            except FileNotFoundError:  # there is no directory; or somebody took us for gone, and our file is no more
                self._dir.prepare(LOCKS)
                self._own.is_there()
                continue
            found = self._find()
            if found is None:
                continue  # it has just been removed
            if found.failed:
                return None
            if self._is_mine(found, mine):
                # It waits to be removed; or it was made, and the reply got lost that said so.
                if self._own.take_back(self._name) or self._is_mine(self._find(), mine):
                    return mine
                continue
            self._own.met_old_release |= bool(found.holder.pid and not found.holder.worker)
            if not self._live.is_gone(found):
                self._live.meet(found.holder)
                return None
            if not take_over(mine, self._fs, found, self._live):
                return None
            self._doubt()
            return mine
        return None

    def _doubt(self) -> None:
        """Believe nothing that is remembered of the result: who was here before may have stored it at his very end."""
        if not self._own.is_coherent:
            try:
                touch_directory(self._fs, self._dir.path(self._name[:2]))
            except OSError:
                pass  # there is no such directory, and no result

    def _is_held_here(self) -> bool:
        """Whether another object of this process has it, and not only had."""
        found = self._find()
        return found is not None and (found.failed or found.holder.worker == self._own.name)

    def _is_mine(self, found: Found | None, mine: OwnerFile | None = None) -> bool:
        mine = mine or self._mine
        return found is not None and not found.failed and mine is not None and found.holder.worker == mine.name

    def _defer(self) -> bool:
        """Let the lock be there for some time more, where machines may go on believing that there is no result."""
        return not self._own.is_coherent and self.is_ours() and self._own.defer(self._name, self._hold)

    def _replace_by_failed(self) -> bool:
        """Write, check, rename, as :mod:`jug.backends.file.publication` does; False if it is not ours any more."""
        mine = self._dir.owner_file()
        passing = mine.passing("f")
        fd = self._fs.open_excl(passing)
        try:
            try:
                write_all(self._fs, fd, self._own.holder().text())
                self._fs.fsync(fd)
            finally:
                self._fs.close(fd)
            set_time(self._fs, passing, FAILED_TIME)
            if self._mine is not None and not (mine.is_there(self._own.is_coherent) and self.is_ours(owner=mine)):
                self._dir.unlink(passing)  # taken from us meanwhile
                return False
            self._fs.rename(passing, self.fullname)
        except OSError as error:
            found = self._find()
            self._dir.unlink(passing)
            if found is not None and found.failed:
                return True
            if isinstance(error, FileNotFoundError) and not self._own.is_there():
                return False
            raise
        return True

    def _find(self) -> Found | None:
        return find(self._fs, self.fullname)

    def _find_afresh(self) -> Found | None:
        """As the file server has it now, also if this machine remembers that there was none."""
        found = self._find()
        if found is not None or self._own.is_coherent or not self._dir.revalidate(LOCKS):
            return found
        return self._find()

    def _unlink(self) -> None:
        try:
            self._fs.unlink(self.fullname)
        except FileNotFoundError:
            pass


__all__ = ["FAILED_TIME", "file_based_lock", "has_failed"]


#: Another name of the lock, since 2.7: each is kept alive.
file_keepalive_based_lock = file_based_lock
