"""The tree of files below a jugdir, to be looked at: paths, names, what is there.

Nothing here knows what results or locks mean, and nothing is changed. Names of another shape than ours are not seen at
all.
"""

from __future__ import annotations

import errno

from jug.backends.system.sentences import cannot
from jug.errors import StoreError, UnusableHashError

from .names import FAILURES, LOCK, LOCKS, has_place, is_prefix
from .other_names import OtherNames

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os

    from jug.backends.base import Name
    from jug.backends.system.filesystem import FileSystem

_RULE = "which takes three characters or more, without '/': what is the hash of its task?"


class Tree:
    """The directory `path` and what is below it.

    Attributes
    ----------
    fs : FileSystem
    root : str
        The path from the root of the file system.
    """

    def __init__(self, path: str | os.PathLike[str], fs: FileSystem) -> None:
        self.fs = fs
        self.root = fs.abspath(path)
        self._base = self.root.rstrip("/") + "/"
        self._others = OtherNames(fs, self._base)

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

    def lock(self, name: Name) -> str:
        """The path of the lock `name`."""
        text = name if isinstance(name, str) else name.decode("ascii")
        if "/" in text:
            raise UnusableHashError(f"{text!r} is not the name of a lock in a folder, {_RULE}")
        return f"{self._base}{LOCKS}/{text}{LOCK}"

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
        """The same, and what is named like a result but may be something else
        (:mod:`jug.backends.file.other_names`)."""
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
        return {name: numbers[name.decode() + LOCK] for name in self._others.locks(numbers)}

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
            if parent_of(path) == path:
                raise
        # Another machine may have made it: asked of the directory that it would be in.
        try:
            self.fs.close(self._open(parent_of(path)))
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


def parent_of(path: str) -> str:
    return path.rpartition("/")[0] or "/"
