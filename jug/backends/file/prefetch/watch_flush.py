"""What a worker has ahead, and does not come to: the watchdog sees to it.

A worker lets a result wait, and takes locks ahead, if it expects its next tasks to be short. It may be mistaken, or it
is killed. Then the watchdog stores the results; the locks of these tasks stay what they are: the worker, if it lives,
stores the results once more and gives the locks back. And it gives back the locks of tasks that were not begun, which
others can run (:mod:`jug.backends.file.prefetch.lock_prefetch`).
"""

from __future__ import annotations

import errno
from itertools import takewhile

from jug.backends.file.names import PACKS
from jug.backends.file.segments.segment_format import assembled, record, scanned
from jug.backends.system.atomic import atomic_file
from jug.backends.system.filesystem import sync_directory
from jug.backends.watchdog.shared_memory import USABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from jug.backends.file.owner.owner_file import OwnerFile
    from jug.backends.system.filesystem import FileSystem
    from jug.backends.watchdog.shared_memory import Mirror


class Rescue:
    """What the worker shows in `mirror`, and how long it has been there; `owner` is the worker's file."""

    def __init__(self, fs: FileSystem, owner: OwnerFile, mirror: Mirror | None) -> None:
        self._fs = fs
        self._owner = owner
        self._mirror = mirror
        self._directory = f"{owner.root}/{PACKS}"
        self._seen = 0, 0
        self._stored = 0, 0
        self._ahead = 0, 0
        self._since = 0.0  # when that was seen first
        self._given_back = 0, 0

    def look(self) -> None:
        """Called now and then: store, and give back, what is the same as it was, and was not seen to before."""
        if self._mirror is not None:
            self._look_at_results(self._mirror)
            self._look_at_locks(self._mirror)

    def _look_at_results(self, mirror: Mirror) -> None:
        state = mirror.state()
        if state[1] and state == self._seen and state != self._stored:
            with mirror.alone(waits=False) as is_alone:
                if is_alone and mirror.state() == state:
                    self._try_to_store(mirror)
                    self._stored = state
        self._seen = state

    def _look_at_locks(self, mirror: Mirror) -> None:
        ahead, now = mirror.ahead(), self._fs.monotonic()
        if ahead != self._ahead:
            self._ahead, self._since = ahead, now
        elif ahead[1] and ahead != self._given_back and now - self._since >= 2 * USABLE:
            with mirror.alone(waits=False) as is_alone:
                names = mirror.unused()
                # (It says something else before anything else is written there.)
                if is_alone and mirror.ahead() == ahead:
                    self._given_back = ahead
                    self._give_back(names)

    def _give_back(self, names: Iterable[bytes]) -> None:
        for name in names:
            try:
                self._owner.remove_lock(name.decode("ascii"))
            except OSError:
                pass  # the worker will

    def at_the_end(self) -> None:
        """The worker has ended: store what is left, and still its own. Raises ``OSError``."""
        if self._mirror is not None and self._mirror.state()[1] and self._mirror.state() != self._stored:
            try:
                self._store(self._mirror)
            except (FileNotFoundError, NotADirectoryError):
                pass  # somebody has removed the directory, or there is something else
            self._stored = self._mirror.state()

    def _try_to_store(self, mirror: Mirror) -> None:
        try:
            self._store(mirror)
        except OSError:
            pass  # the worker will, and wait until it can

    def _store(self, mirror: Mirror) -> None:
        data = mirror.data()
        ours = [(name, record(name, data[at : at + size])) for name, at, size in scanned(data)]
        while ours and (lost := self._published(ours)):
            # What comes after one that another has taken over may have been computed from it.
            ours = list(takewhile(lambda piece: piece[0] not in lost, ours))

    def _published(self, records: Sequence[tuple[bytes, bytes]]) -> Collection[bytes]:
        """Write, check, rename, as the worker would (:mod:`jug.backends.file.publication`).

        Returns the names of what is not the worker's any more; nothing was stored if there are any.
        """
        lost: list[bytes] = []

        def check() -> bool:
            is_there = self._owner.is_there(is_coherent=False)
            lost.extend(name for name, _ in records if not (is_there and self._is_ours(name)))
            return not lost

        if self._fs.is_link(self._directory):
            raise NotADirectoryError(errno.ENOTDIR, "It is a symbolic link", self._directory)
        target = f"{self._directory}/g-{self._fs.token()}"
        stream = atomic_file(self._fs, self._owner.passing("r"), target, self._make_directory)
        stream.check = check
        with stream:
            stream.write(assembled(records)[0])
        return lost

    def _make_directory(self) -> None:
        try:
            self._fs.mkdir(self._directory)
        except FileExistsError:
            pass
        sync_directory(self._fs, self._owner.root)

    def _is_ours(self, name: bytes) -> bool:
        return self._owner.is_at(self._owner.lock(name.decode("ascii")))
