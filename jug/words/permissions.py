"""Whose files are obeyed: what another user has written may make jug run what he likes."""

from __future__ import annotations

import os
import stat

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_ROOT = 0


def why_not_to_obey(path: str, here: str) -> str:
    """Why the configuration file `path` is not to be obeyed by whoever works in the directory `here`; '' if it may be.

    It must belong to us or to root, and not be writable by everybody. In the directory `here` itself, the file may also
    belong to the owner of the directory: whoever works there runs his jugfile, too.
    """
    if not hasattr(os, "geteuid"):  # a system without owners of this kind
        return ""
    try:
        owners = {os.lstat(path).st_uid, os.stat(path).st_uid}  # of a link, and of what it leads to
        mode = os.stat(path).st_mode
        trusted = {*_us(), *_owner_of_own(here)} if os.path.dirname(path) == here else set(_us())
    except OSError:
        return ""  # whoever reads it will say what is wrong
    others = sorted(owners - trusted)
    if others:
        return f"it belongs to another user ({_name_of(others[0])})"
    return "it can be written by everybody" if mode & stat.S_IWOTH else ""


def who_else_can_write(directory: str | os.PathLike[str]) -> str:
    """Who can put files of his own into a directory of results, if that is worth a warning; '' otherwise.

    Segments share directories on purpose, and so do colleagues. But nobody lets everybody write on purpose (that others
    may not remove files, the sticky bit, does not help: a new file is enough), and where everybody can make
    directories, as in ``/tmp``, one of another user may have been put there to be found.
    """
    if not hasattr(os, "geteuid"):
        return ""
    try:
        found = os.stat(directory)
        above = os.stat(os.path.join(directory, os.pardir))
    except OSError:
        return ""
    if found.st_mode & stat.S_IWOTH:
        return "everybody"
    if found.st_uid not in _us() and above.st_mode & stat.S_IWOTH:
        return f"another user ({_name_of(found.st_uid)}), to whom it belongs,"
    return ""


def _us() -> Iterator[int]:
    """Whose files are as good as our own."""
    yield _ROOT
    yield os.geteuid()
    caller = os.environ.get("SUDO_UID", "")
    if os.geteuid() == _ROOT and caller.isdecimal():
        yield int(caller)


def _owner_of_own(directory: str) -> Iterator[int]:
    """The owner of a directory in which not everybody can put files."""
    found = os.stat(directory)
    if not found.st_mode & stat.S_IWOTH:
        yield found.st_uid


def _name_of(user: int) -> str:
    import pwd

    try:
        return pwd.getpwuid(user).pw_name
    except KeyError:
        return f"number {user}"
