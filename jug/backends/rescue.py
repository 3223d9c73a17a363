"""Results that wait to be stored with others, and whose worker does not come to it: the guardian stores them.

A worker lets a result wait if it expects its next tasks to be short. It may be mistaken, or it is killed. The locks of
these tasks stay what they are; the worker, if it lives, stores the results once more and gives the locks back.
"""

from __future__ import annotations

from .atomic import atomic_file
from .directories import PACKS
from .fsops import sync_directory
from .groupfile import assembled, record, scanned

TYPE_CHECKING = False
if TYPE_CHECKING:
    from .fsops import FileSystem
    from .mirror import Mirror
    from .owned import OwnerFile


class Rescue:
    """What the worker shows in `mirror`, and how long it has been there; `owner` is the worker's file."""

    def __init__(self, fs: FileSystem, owner: OwnerFile, mirror: Mirror | None) -> None:
        self._fs = fs
        self._owner = owner
        self._mirror = mirror
        self._directory = f"{owner.root}/{PACKS}"
        self._seen = 0, 0
        self._stored = 0, 0

    def look(self) -> None:
        """Called now and then: store what is the same as the last time, and was not stored before."""
        if self._mirror is None:
            return
        state = self._mirror.state()
        if state[1] and state == self._seen and state != self._stored:
            with self._mirror.alone(waits=False) as is_alone:
                if is_alone and self._mirror.state() == state:
                    self._try_to_store(self._mirror)
                    self._stored = state
        self._seen = state

    def at_the_end(self) -> None:
        """The worker has ended: store what is left, and still its own. Raises ``OSError``."""
        if self._mirror is not None and self._mirror.state()[1] and self._mirror.state() != self._stored:
            try:
                self._store(self._mirror)
            except FileNotFoundError:
                pass  # somebody has removed the directory
            self._stored = self._mirror.state()

    def _try_to_store(self, mirror: Mirror) -> None:
        try:
            self._store(mirror)
        except OSError:
            pass  # the worker will, and wait until it can

    def _store(self, mirror: Mirror) -> None:
        data = mirror.data()
        names = ((name, data[at : at + size]) for name, at, size in scanned(data))
        ours = [(name, record(name, content)) for name, content in names if self._is_ours(name)]
        if ours:
            target = f"{self._directory}/g-{self._fs.token()}"
            with atomic_file(self._fs, self._owner.passing("r"), target, self._make_directory) as stream:
                stream.write(assembled(ours)[0])

    def _make_directory(self) -> None:
        try:
            self._fs.mkdir(self._directory)
        except FileExistsError:
            pass
        sync_directory(self._fs, self._owner.root)

    def _is_ours(self, name: bytes) -> bool:
        return self._owner.is_at(self._owner.lock(name.decode("ascii")))
