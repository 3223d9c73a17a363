"""One file that is to be in the jugdir: an attempt to write it, which may be made again with another temporary file.

A worker may be stopped between any two calls, for longer than its lease, and go on when others have its claims. So what
was computed under a claim is published in this order: *write* the temporary file, which names its owner; *check* that
the owner is there still, and has the claim; *rename*. Any failure starts again with another file, and so at another
check. Whoever takes a claim away does it in this order: end the owner, whose checks fail from then on; remove its
temporary files; only then take its claims, or give them back (:mod:`jug.backends.file.owner.recovery`).

So if a check says yes, the owner was there, and its temporary file had been there before. Either this has its place
before the files of the owner are removed; then whoever gets the claim, later, looks for a result, and finds it. Or it
is removed; then the rename fails, and the next check says no. No clock is asked, and how long either takes at any step
is of no importance.
"""

from __future__ import annotations

import errno

from jug.backends.system.atomic import atomic_file
from jug.backends.system.retry import persist

from .names import TEMPORARY
from .owner.owner_file import NO_LINKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .directory import JugDir
    from .owner.owner_file import OwnerFile

    #: Told by whom the file was written, it says whether the claims for it are still his.
    Check = Callable[[OwnerFile], bool]


def publish(
    jugdir: JugDir,
    target: tuple[str, str],
    write: Callable[[atomic_file], object],
    *,
    keep: bool = False,
    check: Check | None = None,
    patience: float | None = None,
) -> bool:
    """Have `write` write a file, and move it to `target`, a directory and a path in it; again if that may help.

    False if `check`, asked when it is written, says that it may not be there; or, with `keep`, if there was
    something, which stays (where the file system has links). Room is waited for as long as `patience` says.
    """
    directory, path = target
    publication = Publication(jugdir, directory, path, write, keep, check)
    return persist(jugdir.fs, path, publication.attempt, publication.size, patience)


class Publication:
    """See :func:`publish`."""

    def __init__(
        self,
        jugdir: JugDir,
        directory: str,
        target: str,
        write: Callable[[Any], object],
        keep: bool = False,
        check: Check | None = None,
    ) -> None:
        self._dir = jugdir
        self._directory = directory
        self._target = target
        self._write = write
        self._keep = keep
        self._check = check
        self._sizes = [0]

    def attempt(self) -> bool:
        """Write the file; False if another one is there, and was kept, or if it may not be there. An ``OSError`` may be
        one that passes."""
        self._dir.ensure(self._directory)
        owner = self._dir.owner_file()
        stream = atomic_file(self._dir.fs, owner.passing("r"), self._target, self._prepare)
        stream.keeps = self._keep and owner.has_links
        if self._check is not None:
            stream.check = lambda: self._is_still(owner)
        try:
            with stream:
                self._write(stream)
        except OSError as error:
            raise self._judged(error, owner, stream.keeps) from error
        finally:
            self._sizes.append(stream.size)
        return not stream.has_kept

    def size(self) -> int:
        """How many bytes are to be written."""
        return max(self._sizes) or _size_of(self._write)

    def _is_still(self, owner: OwnerFile) -> bool:
        assert self._check is not None
        if not owner.is_there(self._dir.ownership.is_coherent):
            raise FileNotFoundError(errno.ENOENT, "the owner file was removed", owner.path)
        return self._check(owner)

    def _prepare(self) -> None:
        self._dir.prepare(self._directory)
        self._dir.prepare(TEMPORARY)

    def _judged(self, error: OSError, owner: OwnerFile, with_link: bool) -> OSError:
        """The error, or one that passes if the next attempt will be another."""
        if isinstance(error, FileNotFoundError):
            # Removed by somebody who took us for dead, since we slept for so long.
            self._dir.ownership.is_there()
            return OSError(errno.ESTALE, error.strerror)
        if with_link and error.errno in NO_LINKS:
            owner.has_links = False
            return OSError(errno.EAGAIN, error.strerror)
        return error


def _size_of(write: Callable[[Any], object]) -> int:
    """How many bytes it writes."""
    sizes: list[int] = []

    class Counter:
        def write(self, data: bytes | memoryview) -> None:
            sizes.append(len(data))

    write(Counter())
    return sum(sizes)
