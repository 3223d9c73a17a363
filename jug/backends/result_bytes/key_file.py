"""The file with the key that results are signed with: it has to be a secret."""

from __future__ import annotations

import os
import stat

from jug.errors import UsageError

from .signature import Key

_LONGEST = 1 << 16
_HOW = "(umask 077; head -c 32 /dev/urandom > {path})"


def read_key(path: str) -> Key:
    """The key in the file `path`, in which ``~`` is the home directory.

    Raises
    ------
    UsageError
        The file cannot be read, others can read it or have it, or it holds no key.
    """
    if not path:
        raise UsageError("--sign-key '': the name of a file with a key is needed")
    place = os.path.expanduser(path)
    try:
        # (without waiting for somebody who writes into it, if it is a pipe)
        fd = os.open(place, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
        with open(fd, "rb") as stream:
            found = os.fstat(fd)
            why_not = _why_not(found)
            content = b"" if why_not else stream.read(_LONGEST + 1)
    except FileNotFoundError:
        raise UsageError(
            f"--sign-key {path!r}: there is no such file; make a key by {_HOW.format(path=path)}"
        ) from None
    except OSError as error:
        raise UsageError(f"--sign-key {path!r}: the file cannot be read: {error.strerror}") from error
    try:
        if why_not or len(content) > _LONGEST:
            raise ValueError(why_not or f"it holds more than {_LONGEST} bytes, and is no key")
        return Key(content)
    except ValueError as error:
        raise UsageError(f"--sign-key {path!r}: the file is not used: {error}") from None


def _why_not(found: os.stat_result) -> str:
    """Why a file is no secret of ours; '' if it is one."""
    if not stat.S_ISREG(found.st_mode):
        return "it is no ordinary file"
    if not hasattr(os, "geteuid"):  # a system without owners of this kind
        return ""
    if found.st_mode & (stat.S_IRWXG | stat.S_IRWXO):
        return f"others can use it, too (its mode is {stat.S_IMODE(found.st_mode):03o}; chmod 600 makes it a secret)"
    if os.geteuid() not in (0, found.st_uid) and found.st_uid != 0:
        return "it belongs to another user, who knows the key"
    return ""
