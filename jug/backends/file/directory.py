"""The directory of a file store, to be written into.

Nothing here knows what results or locks mean. A directory is made when something is to be written into it, never
before, and its name is durable before that of anything inside.
"""

from __future__ import annotations

from jug.backends.system.filesystem import FileSystem, sync_directory
from jug.backends.system.retry import Retrying, persist
from jug.backends.system.sentences import cannot

from .foreign import require_ours
from .names import ALL_SEALED, TEMPORARY, not_links
from .owner.liveness import Liveness
from .owner.session import Session, ownership_of
from .tree import Tree, parent_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from jug.backends.result_bytes.signature import Key, Signer
    from jug.backends.watchdog.process import StartWatchdog

    from .owner.owner_file import OwnerFile

_ROOT = ""  # the root itself, among what is durable


class JugDir(Tree):
    """A tree that this process writes into, as the owner of locks and temporary files."""

    def __init__(
        self,
        path: str | os.PathLike[str],
        fs: FileSystem | None = None,
        start_watchdog: StartWatchdog | None = None,
    ) -> None:
        self.persistent = Retrying(fs or FileSystem())
        super().__init__(path, self.persistent)  # type: ignore[arg-type]  # it has all calls
        # All stores of this process in one directory are one holder of locks.
        self.ownership: Session = ownership_of(self.fs, self.root, start_watchdog, is_shared=fs is None)
        self.liveness = Liveness(self.fs)
        self._durable: set[str] = set()
        self._is_ours = False
        #: What results are signed with, if they are.
        self.key: Key | None = None

    # Whose it is

    def signer(self, name: bytes) -> Signer | None:
        """What signs the result `name`; None if results are not signed."""
        return self.key.signer(name) if self.key else None

    def temporary(self) -> str:
        """A path for a temporary file, that nobody else has, and that tells whose it is."""
        return self.owner_file().passing("r")

    def owner_file(self) -> OwnerFile:
        """That by which this process holds locks, and is known for the writer of what it writes."""
        self.ensure(TEMPORARY)
        try:
            return self.ownership.file()
        except FileNotFoundError:
            self.prepare(TEMPORARY)
            return self.ownership.file()

    # Writing and removing

    def require_ours(self) -> None:
        """UsageError if what looks like results in this directory is somebody else's."""
        if not self._is_ours:
            require_ours(self)
            self._is_ours = True

    def unlink(self, path: str) -> bool:
        """Remove a file from one of our directories.

        False if it is not there, and where it cannot be ours: it is a directory, or what is called like a directory of
        ours is a link to elsewhere.
        """
        if self.fs.is_link(parent_of(path)):
            return False
        try:
            self.fs.unlink(path)
        except IsADirectoryError:
            return False
        except OSError as error:
            if not self.is_missing(error):
                raise
            return False
        return True

    def ensure(self, directory: str) -> None:
        """Make a directory below the root, unless this was done before, durably."""
        if directory in self._durable:
            return
        with cannot("list", self.root):
            self.require_ours()
        try:
            self._mkdir(directory)
        except FileNotFoundError:
            with cannot("create the jugdir", self.root):
                persist(self.fs, self.root, self._make_root)
            self._mkdir(directory)
        # One sync is good for all names that are there by now, whoever made them. The root may be that of somebody who
        # has just made it, and has not come to make its own name durable.
        names = not_links(self.root, self.fs.links(self.root), directory)
        if _ROOT not in self._durable:
            self._sync_above(self.root)
        sync_directory(self.fs, self.root)
        self._durable.update((_ROOT, *names))

    def prepare(self, directory: str) -> None:
        """Make a directory that turned out to be missing, whatever we knew of it."""
        self._durable.difference_update((_ROOT, directory))
        self.ensure(directory)

    def _mkdir(self, directory: str) -> None:
        try:
            self.fs.mkdir(self.path(directory))
        except FileExistsError:
            pass

    def _make_root(self) -> None:
        missing = [self.root]
        while (is_new := self._try_mkdir(missing[-1])) is None:
            missing.append(parent_of(missing[-1]))
        # Each is durable before the next one is there: whoever finds that one need not look further up than one level.
        self._sync_above(parent_of(missing[-1]))
        for path in reversed(missing[:-1]):
            self._sync_above(parent_of(path))
            is_new = self._try_mkdir(path)
        if is_new:
            self._mark()

    def _sync_above(self, path: str) -> None:
        """Make the name of the directory `path` durable."""
        try:
            sync_directory(self.fs, parent_of(path))
        except PermissionError:
            pass  # a directory above that we may pass through but not read

    def _mark(self) -> None:
        """The root is ours from the beginning: each file of a result in it has a checksum, and none is empty."""
        try:
            self.fs.close(self.fs.open_excl(self.path(ALL_SEALED)))
        except FileExistsError:
            pass

    def _try_mkdir(self, path: str) -> bool | None:
        """Make `path`; False if it is there, None if its parent is missing."""
        try:
            self.fs.mkdir(path)
        except FileExistsError:
            return False
        except FileNotFoundError:
            if parent_of(path) == path:
                raise
            return None
        return True
