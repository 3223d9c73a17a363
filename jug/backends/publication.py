"""One file that is to be in the jugdir: an attempt to write it, which may be made again with another temporary file."""

from __future__ import annotations

import errno

from .atomic import atomic_file
from .directories import TEMPORARY
from .owned import NO_LINKS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .jugdir import JugDir
    from .owned import OwnerFile


class Publication:
    """See :meth:`jug.backends.jugdir.JugDir.publish`."""

    def __init__(
        self,
        jugdir: JugDir,
        directory: str,
        target: str,
        write: Callable[[Any], object],
        keep: Callable[[], bool] | None,
    ) -> None:
        self._dir = jugdir
        self._directory = directory
        self._target = target
        self._write = write
        self._keep = keep
        self._sizes = [0]

    def attempt(self) -> bool:
        """Write the file; False if another one is there, and was kept. An ``OSError`` may be one that passes."""
        self._dir.ensure(self._directory)
        owner = self._dir.owner_file()
        stream = atomic_file(self._dir.fs, owner.passing("r"), self._target, self._prepare)
        stream.keeps = self._keep is not None and owner.has_links
        try:
            with stream:
                self._write(stream)
                if self._keep is not None and not owner.has_links and self._keep():
                    raise _Kept
        except _Kept:
            return False
        except OSError as error:
            raise self._judged(error, owner, stream.keeps) from error
        finally:
            self._sizes.append(stream.size)
        return not stream.has_kept

    def size(self) -> int:
        """How many bytes are to be written."""
        return max(self._sizes) or _size_of(self._write)

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


class _Kept(Exception):
    """The file is not to be written."""


def _size_of(write: Callable[[Any], object]) -> int:
    """How many bytes it writes."""
    sizes: list[int] = []

    class Counter:
        def write(self, data: bytes | memoryview) -> None:
            sizes.append(len(data))

    write(Counter())
    return sum(sizes)
