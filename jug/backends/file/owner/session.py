"""What this process holds in a jugdir, and the watchdog that looks after it.

There is nothing on disk, and no second process, before the first lock or the first result. A process made by ``fork``
is another holder, with an owner file and a watchdog of its own.
"""

from __future__ import annotations

import threading
import weakref

from jug.backends.base import LEASE
from jug.backends.watchdog.process import Charge, WatchdogProcess
from jug.errors import StoreError
from jug.words.config import warn

from .holder import this_process
from .owner_file import OwnerFile

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from jug.backends.system.filesystem import FileSystem
    from jug.backends.watchdog.process import StartWatchdog
    from jug.backends.watchdog.shared_memory import Mirror

    from .holder import Holder

# File systems on which all machines that see a file see the same at once, or that only one machine sees.
_LOCAL = frozenset(
    [
        *("ext2", "ext3", "ext4", "xfs", "btrfs", "zfs", "f2fs", "jfs", "reiserfs", "bcachefs", "tmpfs", "ramfs"),
        "overlay",
    ]
)
_COHERENT = _LOCAL | {"lustre", "gpfs", "ceph", "beegfs"}
# What was deferred is forgotten when it has long been done.
_MANY, _LONG_AGO = 1000, 60.0  # seconds
# Of this process, by root.
_shared: weakref.WeakValueDictionary[str, Session] = weakref.WeakValueDictionary()
# Those with locks, which stay although nobody may refer to them any more.
_holding: set[Session] = set()
# Where the making of a link may not notice that the name is there.
_NO_SAFE_LINKS = frozenset(["cifs", "smb3", "smbfs"])


class Session:
    """Of the locks in the jugdir `root`.

    Attributes
    ----------
    lease : float
        What is promised by whoever becomes a holder from now on.
    run : str
        The run that it belongs to.
    held : dict
        By name, something for each lock that an object of this process has, or is about to get.
    """

    def __init__(self, fs: FileSystem, root: str, start_watchdog: StartWatchdog = WatchdogProcess) -> None:
        self._fs = fs
        self._start_watchdog = start_watchdog
        self._root = root
        self.lease = LEASE
        self.run = ""
        self.held: dict[str, object] = {}
        self._deferred: dict[str, float] = {}  # since when
        #: Threads of this process take and lose locks one after the other.
        self.one_at_a_time = threading.RLock()
        self._turn = threading.RLock()
        self._pid = 0
        self._file: OwnerFile | None = None
        self._watchdog: WatchdogProcess | None = None
        self._end: weakref.finalize[..., Session] | None = None
        self._kind: str | None = None
        self._is_coherent: bool | None = None
        #: Whether there was a lock of an old release, which does not see results in segments.
        self.met_old_release = False
        self._running = ""  # the lock that was taken last
        #: Gives back what somebody in this process has ahead (:mod:`jug.backends.file.prefetch.lock_prefetch`).
        self.clear_ahead: Callable[[], None] | None = None

    @property
    def is_coherent(self) -> bool:
        """Whether everybody sees every change at once."""
        if self._is_coherent is None:
            self._is_coherent = self._kind_of_mount() in _COHERENT
        return self._is_coherent

    @property
    def is_local(self) -> bool:
        """Whether all changes are made by the kernel of this machine."""
        return self._kind_of_mount() in _LOCAL

    @property
    def name(self) -> str:
        """The name of this process as a holder; empty if it is none."""
        return self._file.name if self._file is not None and self._pid == self._fs.pid() else ""

    def mirror(self) -> Mirror | None:
        """Where our watchdog sees what we do; None if there is none."""
        return self._watchdog.mirror if self._watchdog is not None and self.is_of_this_process() else None

    def is_of_this_process(self) -> bool:
        """Whether what is held is held by this process, and not by one that has forked it."""
        return self._pid == self._fs.pid()

    def file(self) -> OwnerFile:
        """The owner file of this process, which is there, as far as we know, and has a watchdog."""
        with self._turn:
            if self._pid and self._pid != self._fs.pid():
                self._forget()
            if self._file is None:
                self._begin()
            elif self._watchdog is not None and not self._watchdog.is_alive():
                self._watch_again(self._file)
            assert self._file is not None
            return self._file

    @property
    def current(self) -> OwnerFile | None:
        """The owner file by which locks are ours: what was held by another one before is not any more."""
        return self._file

    def is_there(self) -> bool:
        """Whether the owner file is there; if somebody has removed it, the next one is another."""
        with self._turn:
            if self._file is not None and not self._file.is_there(self.is_coherent):
                self._stop()
            return self._file is not None

    def holder(self) -> Holder:
        """This process, as a holder that there is not yet."""
        holder = this_process(self._fs, self.lease)
        holder.run = self.run
        return holder

    # Locks

    def reserve(self, name: str, hold: object) -> object:
        """What stands for the lock `name`: `hold`, unless another object of this process has it or is about to."""
        _holding.add(self)
        return self.held.setdefault(name, hold)

    def got(self, name: str) -> None:
        """The lock `name` is ours now."""
        if self._watchdog is not None:
            if self._watchdog.mirror is not None:
                self._running = name
                self._watchdog.mirror.runs(name.encode("ascii"), self._fs.now())
            if self._file is not None and not self._file.has_links:
                self._watchdog.tell("+" + name)

    def lost(self, name: str, hold: object) -> None:
        """The lock `name` is not ours any more, or did not become ours."""
        if self.held.get(name) is hold:
            del self.held[name]
        if not self.held:
            _holding.discard(self)
        if self._watchdog is not None:
            if self._watchdog.mirror is not None and self._running == name:
                self._watchdog.mirror.runs(b"", 0.0)
            if self._file is not None and not self._file.has_links:
                self._watchdog.tell("-" + name)

    def give_up(self, name: str) -> None:
        """Remove the lock `name` if it is ours."""
        try:
            if self._file is not None:
                self._file.remove_lock(name)
        except OSError:
            pass

    def defer(self, name: str, hold: object) -> bool:
        """Have the lock removed later, when no machine believes any more that there is no result; True if it will."""
        with self._turn:
            if self._watchdog is None or not self._watchdog.tell("d" + name):
                return False
            now = self._fs.monotonic()
            if len(self._deferred) > _MANY:
                self._deferred = {name: since for name, since in self._deferred.items() if now - since < _LONG_AGO}
            self._deferred[name] = now
        self.lost(name, hold)
        return True

    def take_back(self, name: str) -> bool:
        """Keep a lock that was to be removed later; False if it is gone."""
        with self._turn:
            if name not in self._deferred:
                return False
            del self._deferred[name]
            return self._watchdog is not None and self._watchdog.asked("u" + name)

    # Begin and end

    def close(self) -> None:
        """Be no holder any more, unless there are locks that have not been released."""
        with self._turn:
            if self._pid == self._fs.pid() and not self.held:
                self._stop()
                self.run = ""  # who comes back begins anew

    def _begin(self) -> None:
        holder = self.holder()
        file = OwnerFile(self._fs, self._root, holder.worker)
        file.has_links = self._kind_of_mount() not in _NO_SAFE_LINKS
        file.create(holder)
        self._pid = holder.pid
        self._file = file
        try:
            self._watch(file)
        except BaseException:
            self._file = None
            file.remove()
            raise

    def _watch(self, file: OwnerFile) -> None:
        charge = Charge(file, self._fs.pid(), self.lease)
        try:
            watchdog = self._start_watchdog(charge)
        except OSError as error:
            raise StoreError(f"Cannot start the process that keeps locks alive: {error}") from error
        self._watchdog = watchdog
        self._end = weakref.finalize(self, _end_of, watchdog, file)
        if not file.has_links:
            for name in self.held:
                watchdog.tell("+" + name)
        for name in self._deferred:
            watchdog.tell("d" + name)

    def _watch_again(self, file: OwnerFile) -> None:
        """In place of a watchdog that has ended. Without one we can go on: this machine knows that we live."""
        if self._end is not None and self._watchdog is not None and self._end.detach():
            self._watchdog.end(False)
        try:
            self._watch(file)
        except StoreError as error:
            self._watchdog = self._end = None
            warn(f"{error}; other machines may take this worker for dead")

    def _stop(self) -> None:
        """Let the watchdog do what was deferred, and end; it removes the owner file."""
        self._deferred.clear()
        if self._end is not None and self._watchdog is not None:
            self._end.detach()
            self._watchdog.end(True)
        if self._file is not None:
            self._file.remove()
        self._watchdog = self._end = self._file = None

    def _forget(self) -> None:
        """After a fork: all of it is the parent's."""
        if self._end is not None:
            self._end.detach()
        if self._file is not None:
            self._file.leave()
        self._watchdog = self._end = self._file = self.clear_ahead = None
        self._pid = 0
        self._turn = threading.RLock()
        self.one_at_a_time = threading.RLock()
        self.held.clear()
        _holding.discard(self)
        self._deferred.clear()

    def _kind_of_mount(self) -> str:
        if self._kind is None:
            self._kind = self._fs.kind(self._root)
        return self._kind


def _end_of(watchdog: WatchdogProcess, file: OwnerFile) -> None:
    """Of one who did not say that he leaves: his watchdog clears up."""
    watchdog.end(False)
    try:
        file.leave()
    except OSError:
        pass


def ownership_of(fs: FileSystem, root: str, start_watchdog: StartWatchdog | None, is_shared: bool) -> Session:
    """What this process holds in the jugdir `root`: always the same object if it `is_shared`."""
    if not is_shared:
        return Session(fs, root, start_watchdog or WatchdogProcess)
    found = _shared.get(root)
    if found is None:
        found = _shared[root] = Session(fs, root)
    return found
