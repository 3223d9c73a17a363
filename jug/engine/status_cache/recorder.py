"""What a jugfile looks at while it is read: files, directories, modules, variables of the environment.

The interpreter tells (audit events, a finder of modules) which files are opened for reading, which directories are
listed and which modules are looked for, and their state is noted *before* the jugfile sees it: what changes in the
meantime then counts as changed. Not seen is what no event tells: attributes of files (``os.path.exists``), and what
other programs, the network, C libraries and clocks say.
"""

from __future__ import annotations

import os
import sys
from _thread import get_ident

from .fingerprint import (
    find,
    installed_modules,
    is_foreign,
    is_searched_for_users_modules,
    list_directory,
    modules_among,
    own_modules,
    source_of,
    stamp,
    state_of_file,
    times,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from types import TracebackType
    from typing import Any

    from .fingerprint import FileState


class Watch:
    """Context in which a jugfile is read; :meth:`facts` tells afterwards what that depended on.

    Parameters
    ----------
    ignored : iterable of str
        Paths that come and go without a meaning, such as the jugdir.
    """

    def __init__(self, ignored: Iterable[str] = ()) -> None:
        self._ignored = frozenset(map(os.path.abspath, ignored))
        self._files: dict[str, FileState] = {}
        self._times: dict[str, list[int] | None] = {}
        self._listings: dict[str, list[str] | None] = {}
        self._globs: dict[tuple[str, bool], list[str]] = {}
        self._places: dict[str, list[str]] = {}  # where modules are looked for, and all that there was
        self._roots: set[str] = set()  # those that are not inside packages
        self._packages: dict[str, list[str]] = {}  # the user's, and where they are
        self._looked_for: set[str] = set()
        self._environment = dict(os.environ)
        self._variables: set[str] = set()
        self._busy: set[int] = set()  # threads whose events are our own

    def __enter__(self) -> Watch:
        for path in own_modules():
            self.note_file(path)
        _start(self)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _stop()

    def paused(self) -> Paused:
        """Context in which nothing that this thread does is noted."""
        return Paused(self._busy)

    # What is seen

    def note_file(self, path: str) -> None:
        """The content of a file is going to be used."""
        path = source_of(os.path.abspath(path))
        if path not in self._files and path not in self._ignored and not is_foreign(path) and not os.path.isdir(path):
            self._files[path] = state_of_file(path)

    def note_times(self, path: str) -> None:
        """The modification time and the size of a file are going to be used."""
        self._times.setdefault(os.path.abspath(path), times(path))

    def note_directory(self, path: str) -> None:
        """The names in a directory are going to be used."""
        path = os.path.abspath(path)
        if path not in self._listings and not is_foreign(path + os.sep):
            self._listings[path] = list_directory(path, self._ignored)

    def note_glob(self, pattern: str, recursive: bool) -> None:
        """What a pattern finds is going to be used."""
        glob = (os.path.join(os.getcwd(), pattern), recursive)
        if glob not in self._globs:
            self._globs[glob] = find(*glob, self._ignored)

    def note_module(self, name: str, places: Iterable[Any]) -> None:
        """A module is going to be looked for in these places."""
        self._looked_for.add(name)
        found = [os.path.abspath(place) for place in places if isinstance(place, str)]
        package = name.rpartition(".")[0]
        if package:
            found = self._packages[package] = [place for place in found if not is_foreign(place + os.sep)]
        else:
            found = [place for place in found if is_searched_for_users_modules(place)]
            self._roots.update(found)
        for place in found:
            if place not in self._places:
                self._places[place] = list_directory(place) or []

    def note_variable(self, name: str) -> None:
        """A variable of the environment is asked for."""
        self._variables.add(name)

    def note_environment(self) -> None:
        """All variables of the environment are asked for."""
        self._variables.update(self._environment.keys() - {"_"})  # that one names the command

    # What it comes to

    def facts(self) -> dict[str, Any]:
        """Everything that was noted; see :func:`jug.engine.status_cache.fingerprint.is_unchanged`."""
        for path in own_modules():
            self.note_file(path)
        top = {name.partition(".")[0] for name in (*sys.modules, *self._looked_for)}
        return {
            "environment": {name: self._environment.get(name) for name in self._variables},
            "files": self._files,
            "installed": {path: stamp(path) for path in installed_modules()},
            "times": self._times,
            "ignored": sorted(self._ignored),
            "listings": self._listings,
            "globs": [[*glob, found] for glob, found in self._globs.items()],
            "names": sorted(top),
            "places": {place: modules_among(self._places[place], top) for place in self._roots},
            "packages": self._package_facts(),
        }

    def _package_facts(self) -> list[list[Any]]:
        """For each place of a package of the user: which modules were looked for there, and what there was."""
        names: dict[str, set[str]] = {package: set() for package in self._packages}
        for module in (*sys.modules, *self._looked_for):
            package, _, name = module.rpartition(".")
            if package in names:
                names[package].add(name)
        return [
            [place, sorted(names[package]), modules_among(self._places[place], names[package])]
            for package, places in self._packages.items()
            for place in places
        ]


class Paused:
    """Context in which the events of this thread are our own."""

    __slots__ = ("_busy", "_was_busy")

    def __init__(self, busy: set[int]) -> None:
        self._busy = busy

    def __enter__(self) -> None:
        self._was_busy = get_ident() in self._busy
        self._busy.add(get_ident())

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if not self._was_busy:
            self._busy.discard(get_ident())


# How the interpreter tells. An audit hook stays for ever: there is one, which does nothing most of the time.

_IMPORTERS = ("<frozen importlib", os.path.join(os.path.dirname(os.__file__), "importlib", ""))
_watch: Watch | None = None
_hooked = False
_Environment: Any = type(os.environ)


def _active() -> Watch | None:
    """The watch, if this thread is to be watched now."""
    return None if _watch is None or get_ident() in _watch._busy else _watch


def _start(watch: Watch) -> None:
    global _watch, _hooked
    _watch = watch
    sys.meta_path.insert(0, _finder)
    if type(os.environ) is _Environment:
        os.environ.__class__ = _WatchedEnvironment
    if not _hooked:
        _hooked = True
        sys.addaudithook(_hook)


def _stop() -> None:
    global _watch
    _watch = None
    if _finder in sys.meta_path:
        sys.meta_path.remove(_finder)
    if type(os.environ) is _WatchedEnvironment:
        os.environ.__class__ = _Environment


def _hook(event: str, args: tuple[Any, ...]) -> None:
    handler = _HANDLERS.get(event)
    if handler is None or (watch := _active()) is None:
        return
    with watch.paused():
        handler(watch, *args)


def _opened(watch: Watch, path: Any, mode: Any, flags: Any) -> None:
    if isinstance(path, (str, bytes)) and not (isinstance(flags, int) and flags & os.O_WRONLY):
        watch.note_file(os.fsdecode(path))


def _listed(watch: Watch, path: Any = None) -> None:
    caller = sys._getframe(2).f_code.co_filename
    if caller.startswith(_IMPORTERS) or caller == _glob_file():
        return  # noted as a module that is looked for, and as a pattern
    if path is None or isinstance(path, (str, bytes)):
        watch.note_directory(os.fsdecode(path or "."))


def _glob_file() -> str | None:
    return getattr(sys.modules.get("glob"), "__file__", None)


def _globbed(watch: Watch, pattern: Any, recursive: Any, root: Any, directory: Any) -> None:
    if isinstance(pattern, (str, bytes)) and directory is None:
        watch.note_glob(os.path.join(os.fsdecode(root or ""), os.fsdecode(pattern)), bool(recursive))


_HANDLERS: dict[str, Callable[..., None]] = {
    "open": _opened,
    "jug.timed_path": lambda watch, path: watch.note_times(os.fsdecode(path)),
    "os.listdir": _listed,
    "os.scandir": _listed,
    "glob.glob/2": _globbed,
}


class _Finder:
    """Finds no module, but learns which ones are looked for."""

    def find_spec(self, name: str, path: Iterable[Any] | None = None, target: Any = None) -> None:
        watch = _active()
        if watch is not None:
            with watch.paused():
                watch.note_module(name, sys.path if path is None else path)


_finder: Any = _Finder()


class _WatchedEnvironment(_Environment):  # type: ignore[misc]
    """The environment, telling the watch what it is asked for."""

    def __getitem__(self, key: str) -> str:
        watch = _active()
        if watch is not None:
            watch.note_variable(key)
        return super().__getitem__(key)  # type: ignore[no-any-return]

    def __iter__(self) -> Iterator[str]:
        watch = _active()
        if watch is not None:
            watch.note_environment()
        return super().__iter__()  # type: ignore[no-any-return]
