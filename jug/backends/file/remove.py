"""Removing a jugdir: all that jug made in it, and nothing else."""

from __future__ import annotations

from itertools import chain

from jug.backends.system.sentences import cannot

from .directory import JugDir
from .failures import FailureRecords
from .names import (
    ALL_SEALED,
    CORRUPT,
    FAILURES,
    HEX,
    LOCKS,
    PACKFILE,
    PACKS,
    SIGNED,
    TEMPORARY,
    is_hash,
    is_segment,
    is_temporary,
)
from .pack.pack_lock import PACK_LOCK
from .quarantine import is_corrupt

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


def demolish(path: str) -> None:
    """Remove all that jug made in the directory `path`, and those of its directories that are empty then.

    Raises
    ------
    UsageError
        What looks like results in it is somebody else's.
    """
    jugdir = JugDir(path)
    with cannot("list", jugdir.root):
        jugdir.require_ours()
    with cannot("remove", jugdir.root):
        results = {prefix: jugdir.results(prefix) for prefix in jugdir.prefixes()}
        prefixes = [prefix for prefix, names in results.items() if names or not prefix.strip(HEX)]
        for file in (*map(jugdir.result, chain.from_iterable(results.values())), *_files(jugdir)):
            jugdir.unlink(file)
        directories = [*prefixes, LOCKS, PACKS, TEMPORARY, FAILURES, CORRUPT]
        for directory in (*map(jugdir.path, directories), jugdir.root):
            try:
                jugdir.fs.rmdir(directory)
            except OSError:
                pass  # what is in it is not ours


def _files(jugdir: JugDir) -> Iterator[str]:
    yield from map(jugdir.lock, [*jugdir.locks(), PACK_LOCK.encode()])
    # A file that is called like a hash is ours, whatever is left of what it said; others show by what they say.
    for name in {*filter(is_hash, jugdir.possible_failures()), *FailureRecords(jugdir).all()}:
        yield jugdir.path(FAILURES, name.decode())
    for pack in (name for name in jugdir.names(PACKS) if name == PACKFILE or is_segment(name)):
        yield jugdir.path(PACKS, pack)
    for temporary in filter(is_temporary, jugdir.names(TEMPORARY)):
        yield jugdir.path(TEMPORARY, temporary)
    for corrupt in filter(is_corrupt, jugdir.names(CORRUPT)):
        yield jugdir.path(CORRUPT, corrupt)
    yield from map(jugdir.path, [ALL_SEALED, SIGNED])
