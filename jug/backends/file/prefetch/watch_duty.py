"""The process that looks after what a worker holds: it shows that the worker lives, and cleans up when it does not.

A thread would not do: it stands still while a task computes in C without letting Python run. The watchdog sits at the
other end of a line from its worker and does five things:

* it gives a sign of life every tenth of the lease, by the time stamp of the worker's owner file, which is every one of
  its locks (:mod:`jug.backends.file.owner.session`); not while the worker is stopped, so that a worker that sleeps for
  longer than its lease loses its locks like one that is gone;
* it notes in that file what the worker has been running for more than a second;
* it stores results that wait for others (:mod:`jug.backends.file.segments.write_behind`) if that takes longer than was
meant;
* it removes locks that are to go later (:meth:`Line.listen`), when their directory's time stamp has moved on;
* when the worker has ended, however that was, it gives its locks back, removes what it was writing, and ends.

Whether a lock is the worker's is looked at before it is removed, under the file that makes removers take turns.
"""

from __future__ import annotations

from jug.backends.file.owner.holder import note_of, this_process
from jug.backends.file.owner.liveness import Liveness, find
from jug.backends.file.owner.owner_file import OwnerFile
from jug.backends.file.owner.takeover import give_back
from jug.backends.system.filesystem import touch_directory
from jug.backends.watchdog.process import BEATS, TICK

from .watch_flush import Rescue

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from jug.backends.system.filesystem import FileSystem
    from jug.backends.watchdog.process import Charge
    from jug.backends.watchdog.shared_memory import Mirror

    class Line(Protocol):
        """The watchdog's end of the line."""

        def listen(self, seconds: float) -> list[str] | None:
            """Wait so long for messages; None when the worker has ended.

            ``d`` and the name of a lock: remove it later; ``u`` and the name: leave it, and answer; ``+`` and ``-``:
            it is a file of its own, to be given signs of life, or no more; ``b``: the worker ends, and holds no lock.
            """

        def answer(self, yes: bool) -> None:
            """Answer a question."""

        @property
        def mirror(self) -> Mirror | None:
            """Where the worker shows what it does."""

        def is_stopped(self) -> bool:
            """Whether the worker's process is stopped."""


# Longer than any file server's time stamps are apart; and what does when the worker has ended, unless the server's
# are those of whole seconds.
_SETTLES = 2.0
_HASTE = 0.05
_TRIES = 300
_SECOND_NS = 1_000_000_000


class Watchdog:
    """Works until the worker has ended; :meth:`run` is the whole life of it."""

    def __init__(self, fs: FileSystem, charge: Charge, line: Line) -> None:
        self._fs = fs
        self._line = line
        self._owner = OwnerFile(fs, charge.root, charge.name, charge.size, charge.inode)
        self._lease = charge.lease
        self._pause = charge.pause
        self._due = fs.monotonic() + charge.lease / BEATS
        self._known: tuple[bytes, float] = (b"", 0.0)  # what the worker was running at the last tick
        self._noted = b""
        self._copies: set[str] = set()
        self._is_well = False
        self._rescue = Rescue(fs, self._owner, line.mirror)
        self._later: dict[str, float] = {}
        self._prefixes: set[str] = set()  # the directories of results that everybody must have seen by now

    def run(self) -> None:
        while (messages := self._line.listen(self._pause)) is not None:
            for message in messages:
                self._obey(message[0], message[1:])
            self._remove_settled(self._fs.monotonic())
            self._rescue.look()
            if not self._line.is_stopped():
                self._show()
        for _ in range(_TRIES):
            try:
                self._end()
                return
            except OSError:  # a full disk, perhaps: there may be room soon
                self._fs.sleep(TICK)

    def _obey(self, what: str, name: str) -> None:
        if what == "d":
            self._later[name] = self._fs.monotonic() + _SETTLES
        elif what == "u":
            self._line.answer(self._later.pop(name, None) is not None)
        elif what == "b":
            self._is_well = True
        elif what == "+":
            self._copies.add(name)
        elif what == "-":
            self._copies.discard(name)

    # Signs of life

    def _show(self) -> None:
        """Give a sign of life if it is time for one, or if there is something to note."""
        running = self._line.mirror.running() if self._line.mirror is not None else (b"", 0.0)
        is_news = running == self._known and running[0] != self._noted
        self._known = running
        if is_news:
            self._note(*running)
        elif self._fs.monotonic() >= self._due:
            self._due = self._fs.monotonic() + self._lease / BEATS
            for lock in ("", *self._copies):
                self._try_to(self._owner.touch, lock)

    def _note(self, task: bytes, since: float) -> None:
        self._noted = task
        self._try_to(self._owner.note, note_of(task, since))  # it is for people only

    def _try_to(self, step: Callable[..., None], *args: object) -> None:
        try:
            step(*args)
        except OSError:
            pass  # it may work the next time; and if the file is gone, or another, the worker notices

    # Locks that are to go later

    def _remove_settled(self, now: float) -> None:
        settled = [name for name, due in self._later.items() if due <= now]
        if settled:
            self._remove(settled)

    def _remove(self, names: list[str]) -> None:
        """The directories' time stamps have moved on, or do now: nobody believes any more that there is no result."""
        prefixes = {name[:2] for name in names}
        for prefix in sorted(prefixes):
            self._try_to(touch_directory, self._fs, f"{self._owner.root}/{prefix}")
        if not prefixes <= self._prefixes:  # the directory itself may be as new as the result
            self._prefixes |= prefixes
            self._try_to(touch_directory, self._fs, self._owner.root, True)  # the user may have made a link of it
        for name in names:
            try:
                self._owner.remove_lock(name)
            except OSError:
                self._later[name] = self._fs.monotonic() + _SETTLES  # again
            else:
                del self._later[name]

    # The end

    def _end(self) -> None:
        if self._later:
            self._fs.sleep(self._haste())
            self._remove(list(self._later))
        owner = find(self._fs, self._owner.path)
        if owner is None:  # the worker has cleared up by itself, or was taken for dead, and others will
            for name in self._copies:
                self._owner.remove_lock(name)
            return
        if self._is_well and not self._later:
            self._owner.remove()
            return
        self._rescue.at_the_end()
        holder = this_process(self._fs, self._lease)
        me = OwnerFile(self._fs, self._owner.root, holder.worker)
        me.create(holder)
        try:
            give_back(me, self._fs, owner, Liveness(self._fs))
            for name in self._copies:
                self._owner.remove_lock(name)
        finally:
            me.remove()

    def _haste(self) -> float:
        """For how long a time stamp that is made now may be the same as the last one."""
        try:
            stamp = self._fs.stat(self._owner.path).st_mtime_ns
        except OSError:
            return _HASTE
        return _HASTE if stamp % _SECOND_NS else 1 + _HASTE
