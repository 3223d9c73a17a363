"""Locks that are taken ahead: one look at what others have done is for several short tasks.

Under the lock of a task it has to be asked whether it has a result by now, or has failed. So a worker whose next tasks
are expected to be short (the engine says which) takes their locks along with that of the first, and then asks of all
of them. It may be mistaken: a task may be long, or the worker is stopped. So what it has ahead is shown to its watchdog
(:mod:`jug.backends.watchdog.shared_memory`), which gives back the locks of tasks that were not begun
(:mod:`jug.backends.file.prefetch.watch_flush`). Each of them is used or given back, never both:

* the worker notes first that it uses one, and looks at the clock then; later than :data:`USABLE` seconds after it began
  to take them, it takes that lock anew, as any other;
* the watchdog does not look at the notes on use before twice that time. If it finds none of a lock, any such note is
  made later, by a worker that sees that it is too late;
* while either gives locks back, it has the memory alone: a lock that others have taken meanwhile is not removed.
"""

from __future__ import annotations

from contextlib import ExitStack, nullcontext

from jug.backends.file.locks.lock import file_based_lock
from jug.backends.file.names import FAILURES
from jug.backends.system.sentences import cannot
from jug.backends.watchdog.shared_memory import AHEAD, USABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Sequence

    from jug.backends.base import Name
    from jug.backends.file.directory import JugDir
    from jug.backends.file.failures import FailureRecords
    from jug.backends.file.index.lookup import Lookup
    from jug.backends.file.owner.owner_file import OwnerFile
    from jug.backends.watchdog.shared_memory import Mirror

    #: The number of a lock among those that were taken with it, by which file it is ours, and which time of holding it.
    _Held = tuple[int, OwnerFile, object]

_SIZE = 40  # of the name of a task
_CROWD = 1000  # names in a directory, of which jug makes some 260


class LockPrefetch:
    """What one worker has ahead of its tasks in a jugdir."""

    def __init__(self, jugdir: JugDir, presence: Lookup, failures: FailureRecords) -> None:
        self._dir = jugdir
        self._own = jugdir.ownership
        self._presence = presence
        self._failures = failures
        self._following: Callable[[bytes], Sequence[bytes]] | None = None
        self._held: dict[bytes, _Held] = {}
        self._since = 0.0
        self._mirror: Mirror | None = None
        self._new: Collection[bytes] = ()  # of which neither a result nor a failure was there
        self._no_result = self._no_failure = b""
        self._is_crowded = False

    def foresee(self, following: Callable[[bytes], Sequence[bytes]] | None) -> None:
        """From now on, `following` tells the names of the tasks that are expected to follow one at once; or nobody."""
        self._following = following
        self.clear()

    def lock(self, name: Name) -> file_based_lock:
        """The lock of this name, which has or takes others ahead."""
        if self._following is None:
            return file_based_lock(self._dir, name)
        return _ForeseenLock(self._dir, name, self)

    # What was seen when the lock was taken; told once, to whoever asks at once

    def has_no_result(self, name: bytes) -> bool:
        """Whether that was seen."""
        told, self._no_result = self._no_result, b""
        return told == name

    def has_no_failure(self, name: bytes) -> bool:
        """Whether that was seen."""
        told, self._no_failure = self._no_failure, b""
        return told == name

    # Locks

    def use(self, lock: _ForeseenLock) -> bool:
        """Whether we have the lock ahead; from now on, it is in use. If we have not, nothing is ahead any more."""
        with self._own.one_at_a_time:
            name = lock.name
            if name in self._held and self._is_usable(self._held[name][0]):
                _, owner, hold = self._held.pop(name)
                lock.adopt(owner, hold)
                self._tell_new(name)
                return True
            self.clear()
            return False

    def _is_usable(self, number: int) -> bool:
        if self._mirror is None or self._mirror is not self._own.mirror():
            return False
        self._mirror.begins(number)
        return self._dir.fs.elapsed() - self._since < USABLE

    def extend(self, first: bytes, owner: OwnerFile) -> None:
        """The lock of `first` was taken, by the file `owner`: take those of the tasks that follow, and look at all."""
        mirror = self._own.mirror()
        if mirror is None or self._following is None or not (self._own.is_coherent and owner.has_links):
            return
        with self._own.one_at_a_time:
            if self._own.clear_ahead not in (None, self.clear):
                self._own.clear_ahead()  # of another thread: the watchdog is shown that of one
            self._own.clear_ahead = self.clear
            self._since, self._mirror = self._dir.fs.elapsed(), mirror
            names = [name for name in self._following(first) if len(name) == _SIZE][:AHEAD]
            for name in names:
                self._try(name, owner)
            if self._held:
                mirror.foresees(list(self._held))
                self._new = self._look([first, *self._held])
                self._tell_new(first)

    def _try(self, name: bytes, owner: OwnerFile) -> None:
        """Take the lock if it is free."""
        hold, text = object(), name.decode("ascii")
        if self._own.reserve(text, hold) is not hold:
            return
        try:
            self._dir.fs.link(owner.path, self._dir.lock(text))
            self._held[name] = len(self._held), owner, hold
        except FileExistsError:
            self._own.lost(text, hold)
        except BaseException as error:
            self._held.pop(name, None)
            self._own.give_up(text)  # it may have become ours
            self._own.lost(text, hold)
            if not isinstance(error, OSError):
                raise

    def _look(self, names: Collection[bytes]) -> Collection[bytes]:
        """Of which of these, whose locks are ours, is there neither a result nor a failure?"""
        directories = self._directories()
        absent = self._presence.absent(names, directories)
        if directories is None or FAILURES in directories:
            absent = [name for name in absent if self._failures.get(name) is None]
        return set(absent)

    def _directories(self) -> Collection[str] | None:
        """What is in the jugdir; None if it was so much, beside what is jug's, that it is not listed again."""
        if self._is_crowded:
            return None
        with cannot("list", self._dir.root):
            names = set(self._dir.names())
        self._is_crowded = len(names) > _CROWD
        return names

    def _tell_new(self, name: bytes) -> None:
        self._no_result = self._no_failure = name if name in self._new else b""

    def clear(self) -> None:
        """Have nothing ahead any more: what was not used is given back."""
        self._no_result, self._no_failure = b"", b""
        with self._own.one_at_a_time:
            held, self._held = self._held, {}
            if self._own.clear_ahead == self.clear:
                self._own.clear_ahead = None  # nobody need keep this store any more
            if not held or not self._own.is_of_this_process():
                return
            mirror = self._mirror if self._mirror is self._own.mirror() else None
            with nullcontext() if mirror is None else mirror.alone(), ExitStack() as stack:
                if mirror is not None:
                    mirror.foresees([])
                for name, (_, owner, hold) in held.items():
                    lock = file_based_lock(self._dir, name)
                    lock.adopt(owner, hold)
                    stack.callback(lock.release)


class _ForeseenLock(file_based_lock):
    """The lock of one who is told what follows."""

    def __init__(self, jugdir: JugDir, name: Name, ahead: LockPrefetch) -> None:
        super().__init__(jugdir, name)
        self._ahead = ahead
        self.name = self._name.encode("ascii")

    def get(self) -> bool:
        if self._ahead.use(self):
            self._own.got(self._name)
            return True
        if not super().get():
            return False
        assert self._mine is not None
        try:
            self._ahead.extend(self.name, self._mine)
        except BaseException:
            self.release()
            raise
        return True
