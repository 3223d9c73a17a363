"""What tells whether the files, directories, modules and variables that a jugfile saw are still the same.

:class:`jug.engine.status_cache.recorder.Watch` collects such facts while a jugfile is read; here is what they look like
(as JSON can hold them) and how they are compared with the world of later.

A small file is known by a digest of its content, so that neither an edit within one tick of the clock nor one that
keeps time and size goes unnoticed, and that a file which is only touched, or changed and changed back, is the same.
"""

from __future__ import annotations

import os
import sys
from hashlib import blake2b
from stat import S_ISREG
from time import time_ns

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator
    from typing import Any, TypeAlias

    # Digest of a small file; stamp of a large one, empty if it proves nothing; None: no such file.
    FileState: TypeAlias = str | list[int] | None

_JUG = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))) + os.sep
# The standard library is known by the version of Python.
_STANDARD = (os.path.dirname(os.__file__) + os.sep, os.path.dirname(os.path.realpath(os.__file__)) + os.sep)
_INSTALLED = (f"{os.sep}site-packages{os.sep}", f"{os.sep}dist-packages{os.sep}")
_NOT_FILES = ("/proc/", "/sys/", "/dev/")
_SMALL = 1 << 22
_SETTLED_NS = 3_000_000_000


def is_unchanged(facts: dict[str, Any]) -> bool:
    """Whether the world is still as it was noted."""
    ignored, names = frozenset(facts["ignored"]), frozenset(facts["names"])
    return (
        all(os.environ.get(name) == text for name, text in facts["environment"].items())
        and all(found != [] and stamp(path) == found for path, found in facts["installed"].items())
        and all(found != [] and state_of_file(path) == found for path, found in facts["files"].items())
        and all(times(path) == found for path, found in facts["times"].items())
        and all(modules_among(list_directory(place), names) == found for place, found in facts["places"].items())
        and all(modules_among(list_directory(place), asked) == found for place, asked, found in facts["packages"])
        and all(list_directory(path, ignored) == found for path, found in facts["listings"].items())
        and all(find(pattern, recursive, ignored) == found for pattern, recursive, found in facts["globs"])
    )


# Files


def state_of_file(path: str) -> FileState:
    """What tells one content of a file from another."""
    try:
        # Opening, unlike asking for attributes, has a file server asked for what is new.
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except (OSError, ValueError):
        return stamp(path)
    try:
        return _state_of_open(fd)
    except OSError:
        return []
    finally:
        os.close(fd)


def _state_of_open(fd: int) -> FileState:
    st = os.fstat(fd)
    if S_ISREG(st.st_mode) and st.st_size <= _SMALL:
        with open(fd, "rb", closefd=False) as stream:
            return blake2b(stream.read(), digest_size=16).hexdigest()
    # A large file that has just been written can be written again without a trace in its times.
    return [] if time_ns() - st.st_ctime_ns < _SETTLED_NS else _stamp_of(st)


def times(path: str) -> list[int] | None:
    """What ``timed_path`` looks at."""
    try:
        st = os.stat(path)
    except OSError:
        return None
    return [int(st.st_mtime), st.st_size]


def stamp(path: str) -> list[int]:
    """What the directory says of a file; empty if there is none."""
    try:
        return _stamp_of(os.stat(path))
    except (OSError, ValueError):
        return []


def _stamp_of(st: os.stat_result) -> list[int]:
    return [st.st_mtime_ns, st.st_ctime_ns, st.st_size, st.st_ino]


# Directories


def list_directory(path: str, ignored: Collection[str] = ()) -> list[str] | None:
    """The names in a directory, in a fixed order, without paths in `ignored`; None if it cannot be listed."""
    try:
        return sorted(n for n in os.listdir(path) if n != "__pycache__" and os.path.join(path, n) not in ignored)
    except OSError:
        return None


def find(pattern: str, recursive: bool, ignored: Collection[str] = ()) -> list[str]:
    """What ``glob`` finds, in a fixed order, without paths in `ignored`."""
    from glob import glob

    return sorted(path for path in glob(pattern, recursive=recursive) if path not in ignored)


# Modules


def modules_among(entries: Iterable[str] | None, names: Collection[str]) -> list[str]:
    """The entries of a directory that could be taken for a module of one of the `names`."""
    return [entry for entry in entries or () if entry.partition(".")[0] in names and _may_be_module(entry)]


def _may_be_module(entry: str) -> bool:
    return "." not in entry or entry.endswith((".py", ".pyc", ".so", ".pyd"))


def own_modules() -> set[str]:
    """The files of the modules of the user that are loaded now."""
    return {file for file in _module_files() if not is_foreign(file)}


def installed_modules() -> set[str]:
    """The files of the modules from installed packages, jug's own among them, that are loaded now."""
    return {file for file in _module_files() if _is_installed(file)}


def _module_files() -> Iterator[str]:
    for module in list(sys.modules.values()):
        # Not getattr(): some packages put objects there that import things when they are asked.
        file = getattr(module, "__dict__", {}).get("__file__")
        if isinstance(file, str):
            yield os.path.abspath(file)


def source_of(path: str) -> str:
    """The source of a compiled module in a ``__pycache__``; other paths are returned as they are."""
    if not path.endswith(".pyc"):
        return path
    from importlib.util import source_from_cache

    try:
        return source_from_cache(path)
    except (ValueError, NotImplementedError):
        return path


def is_foreign(path: str) -> bool:
    """True if a path is not the user's: changes there are noticed in another way, or have no meaning."""
    return path.startswith((*_NOT_FILES, *_STANDARD)) or _is_installed(path)


def _is_installed(path: str) -> bool:
    return path.startswith(_JUG) or any(part in path for part in _INSTALLED)


def is_searched_for_users_modules(path: str) -> bool:
    """Whether a file in this directory may come to hide a module that is found elsewhere."""
    return not (path + os.sep).startswith((*_NOT_FILES, _JUG)) and path + os.sep not in _STANDARD
