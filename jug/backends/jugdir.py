"""The directory of a file store: what is where in it, and which names are ours.

Nothing here knows what results or locks mean. A directory is made when something is to be written into it, never
before, and its name is durable before that of anything inside. Names of another shape than ours are not seen at all.
"""

from __future__ import annotations

import errno

from ..errors import StoreError, UnusableHashError
from .directories import CORRUPT, FAILURES, LOCKS, PACKS, TEMPORARY
from .fsops import FileSystem, sync_directory
from .layout import ALL_SEALED, PACKFILE, SIGNED, not_links, require_ours
from .liveness import Liveness
from .othernames import OtherNames, has_place, is_prefix
from .ownership import Ownership, ownership_of
from .persistence import Persistent, persist
from .publication import Publication

__all__ = [
    "ALL_SEALED",
    "CORRUPT",
    "FAILURES",
    "LOCKS",
    "PACKFILE",
    "PACKS",
    "SIGNED",
    "TEMPORARY",
    "JugDir",
    "cannot",
]

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from collections.abc import Callable
    from types import TracebackType

    from .atomic import atomic_file
    from .base import Name
    from .owned import OwnerFile
    from .publication import Check
    from .signing import Key, Signer

_LOCK = ".lock"
_ROOT = ""  # the root itself, among what is durable

_RULE = "which takes three characters or more, without '/': what is the hash of its task?"


class JugDir:
    """Paths of results, locks and temporary files below one directory."""

    def __init__(self, path: str | os.PathLike[str], fs: FileSystem | None = None) -> None:
        self.persistent = Persistent(fs or FileSystem())
        self.fs: FileSystem = self.persistent  # type: ignore[assignment]  # it has all calls
        self.root = self.fs.abspath(path)
        self._base = self.root.rstrip("/") + "/"
        # All stores of this process in one directory are one holder of locks.
        self.ownership: Ownership = ownership_of(self.fs, self.root, is_shared=fs is None)
        self.liveness = Liveness(self.fs)
        self._others = OtherNames(self.fs, self._base)
        self._durable: set[str] = set()
        self._is_ours = False
        #: What results are signed with, if they are.
        self.key: Key | None = None

    # Paths

    def path(self, directory: str, name: str = "") -> str:
        """The path of a directory directly below the root, or of a file in it."""
        return f"{self._base}{directory}/{name}" if name else self._base + directory

    def result(self, name: bytes) -> str:
        """The path of the result `name`."""
        text = name.decode("ascii")
        if not has_place(text):
            raise UnusableHashError(f"{text!r} is not the name of a result in a folder, {_RULE}")
        return f"{self._base}{text[:2]}/{text[2:]}"

    def signer(self, name: bytes) -> Signer | None:
        """What signs the result `name`; None if results are not signed."""
        return self.key.signer(name) if self.key else None

    def lock(self, name: Name) -> str:
        """The path of the lock `name`."""
        text = name if isinstance(name, str) else name.decode("ascii")
        if "/" in text:
            raise UnusableHashError(f"{text!r} is not the name of a lock in a folder, {_RULE}")
        return f"{self._base}{LOCKS}/{text}{_LOCK}"

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

    # Listing

    def names(self, directory: str = "") -> list[str]:
        """Everything in a directory below the root, or in the root itself; nothing if it does not exist."""
        try:
            return self.fs.listdir(self.path(directory) if directory else self.root)
        except FileNotFoundError:
            return []
        except NotADirectoryError:
            self.exists()
            return []  # a foreign file where a directory of ours would be

    def prefixes(self) -> list[str]:
        """The directories that hold results; links to elsewhere are none."""
        return [name for name in self.names() if is_prefix(name) and not self.fs.is_link(self.path(name))]

    def results(self, prefix: str) -> list[bytes]:
        """The names of the results in one of the :meth:`prefixes`."""
        return self._others.results(self.possible_results(prefix))

    def possible_results(self, prefix: str) -> list[bytes]:
        """The same, and what is named like a result but may be something else (:mod:`jug.backends.othernames`)."""
        return self._others.possible(prefix, self.names(prefix))

    def is_result(self, name: bytes) -> bool:
        """Whether a file that is named like the result `name` is one."""
        return self._others.is_result(name)

    def locks(self) -> list[bytes]:
        """The names of all locks of tasks."""
        return self._others.locks(self.names(LOCKS))

    def lock_numbers(self) -> dict[bytes, int]:
        """The same, and the number of the file that each is a name of."""
        try:
            numbers = self.fs.inodes(self.path(LOCKS))
        except OSError as error:
            if not self.is_missing(error):
                raise
            return {}
        return {name: numbers[name.decode() + _LOCK] for name in self._others.locks(numbers)}

    def possible_failures(self) -> list[bytes]:
        """The names of all tasks that may have a record of a failure; one that is no hash may be of another file."""
        return [name.encode() for name in self.names(FAILURES) if name.isascii()]

    def exists(self) -> bool:
        """True if the root is a directory, False if it is missing; an error if it is something else."""
        try:
            self.fs.close(self.open())
        except FileNotFoundError:
            return False
        except NotADirectoryError:
            raise StoreError(
                f"Cannot use the jugdir {self.root}: Not a directory (it is a file, or below one)"
            ) from None
        return True

    def revalidate(self, directory: str = "") -> bool:
        """Have NFS drop what it remembers of names missing in a directory (for half a minute, otherwise).

        False if there is no such directory.
        """
        try:
            self.fs.close(self.open(directory))
        except OSError as error:
            if not self.is_missing(error):
                raise
            return False
        return True

    def open(self, directory: str = "") -> int:
        """Open a directory below the root, or the root itself: that this is missing is not what NFS remembers."""
        return self.fs.open_dir(self.path(directory)) if directory else self._open(self.root)

    def _open(self, path: str) -> int:
        try:
            return self.fs.open_dir(path)
        except FileNotFoundError:
            if _parent(path) == path:
                raise
        # Another machine may have made it: asked of the directory that it would be in.
        try:
            self.fs.close(self._open(_parent(path)))
        except PermissionError:
            pass
        return self.fs.open_dir(path)

    def found(self, path: str) -> os.stat_result | None:
        """The attributes of a file; None if it is not there, as far as this machine knows."""
        with cannot("read", path):
            try:
                return self.fs.stat(path)
            except OSError as error:
                if not self.is_missing(error):
                    raise
        return None

    def is_missing(self, error: OSError) -> bool:
        """True if `error` says no more than that a file of ours is not there."""
        if error.errno == errno.ENOENT:
            return True
        return error.errno == errno.ENOTDIR and self.exists()

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
        if self.fs.is_link(_parent(path)):
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

    def publish(
        self,
        directory: str,
        target: str,
        write: Callable[[atomic_file], object],
        keep: bool = False,
        check: Check | None = None,
        patience: float | None = None,
    ) -> bool:
        """Have `write` write a file, and move it to `target`, which is in `directory`; again if that may help.

        False if `check`, asked when it is written, says that it may not be there; or, with `keep`, if there was
        something, which stays (where the file system has links). Room is waited for as long as `patience` says.
        """
        publication = Publication(self, directory, target, write, keep, check)
        return persist(self.fs, target, publication.attempt, publication.size, patience)

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
            missing.append(_parent(missing[-1]))
        # Each is durable before the next one is there: whoever finds that one need not look further up than one level.
        self._sync_above(_parent(missing[-1]))
        for path in reversed(missing[:-1]):
            self._sync_above(_parent(path))
            is_new = self._try_mkdir(path)
        if is_new:
            self._mark()

    def _sync_above(self, path: str) -> None:
        """Make the name of the directory `path` durable."""
        try:
            sync_directory(self.fs, _parent(path))
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
            if _parent(path) == path:
                raise
            return None
        return True


class cannot:
    """``with cannot("write", path):`` turns what the system says into one sentence for the user."""

    __slots__ = ("_doing", "_path")

    def __init__(self, doing: str, path: str) -> None:
        self._doing = doing
        self._path = path

    def __enter__(self) -> None:
        pass

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, OSError):
            raise StoreError(f"Cannot {self._doing} {self._path}: {error.strerror or error}") from error


def _parent(path: str) -> str:
    return path.rpartition("/")[0] or "/"
