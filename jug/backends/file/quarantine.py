"""Damaged results: told from whole ones, and set aside so that their tasks run again."""

from __future__ import annotations

from jug.backends.result_bytes.result_file import check_result
from jug.backends.result_bytes.signature import Unsigned
from jug.backends.system.filesystem import look, sync_directory
from jug.backends.system.sentences import cannot

from .names import ALL_SEALED, CORRUPT, PACKFILE, is_hash, is_segment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from .directory import JugDir


def empty_is_none(jugdir: JugDir) -> Callable[[], bool]:
    """Whether an empty file can be an old release's None.

    Not where this release made the jugdir: then an empty file is what is left of a result. (An old release that works
    there, too, has each None that others need computed again; until its `cleanup` removes our mark.)
    """
    return lambda: look(jugdir.fs, jugdir.path(ALL_SEALED)) is None


def set_aside(jugdir: JugDir, name: bytes) -> str | None:
    """Move the file of the result `name` to where nobody takes it for one, if it is damaged; returns its new path.

    Whoever calls this holds the lock of the task: nobody is about to write the result, or to set it aside.
    """
    path = jugdir.result(name)
    with cannot("set aside the damaged result", path):
        if not _is_damaged(jugdir, name):
            return None
        place = place_for(jugdir, name.decode())
        jugdir.fs.rename(path, place)
        sync_directory(jugdir.fs, jugdir.path(CORRUPT))
        sync_directory(jugdir.fs, jugdir.path(name[:2].decode()))
    return place


def place_for(jugdir: JugDir, name: str) -> str:
    """A path at which nothing is, in the directory of what was set aside, which is made."""
    jugdir.ensure(CORRUPT)
    moment = int(jugdir.fs.now())
    while look(jugdir.fs, place := jugdir.path(CORRUPT, f"{name}.{moment}")) is not None:
        moment += 1
    return place


def is_corrupt(name: str) -> bool:
    """True for the name of a result, or a pack, that was set aside."""
    what, _, moment = name.partition(".")
    is_ours = what == PACKFILE or is_segment(what) or is_hash(what.encode("ascii", "replace"))
    return is_ours and moment.isascii() and moment.isdecimal()


def _is_damaged(jugdir: JugDir, name: bytes) -> bool:
    try:
        fd = jugdir.fs.open_read(jugdir.result(name))
    except OSError as error:
        if not jugdir.is_missing(error):
            raise
        return False  # gone meanwhile
    try:
        check_result(jugdir.fs, fd, empty_is_none(jugdir), jugdir.signer(name))
    except ValueError:
        return True
    except Unsigned:
        pass  # whether it is to be trusted is for the user to say
    return False
