"""The modules that a jugfile imports, when it is read more than once.

A module is run only by its first import. If it creates tasks while it is imported, these have to be there again when
the jugfile is read again: they are kept here. And if a barrier stops the jugfile in the middle of an import, Python
forgets the module at hand, but not others that belong to it: they are forgotten as well before the next reading, so
that this imports a whole again. Until then the module stays: what is defined in it is found when it is pickled.
"""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from types import FunctionType, ModuleType

from jug import task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from importlib.machinery import ModuleSpec
    from typing import Any

_of_jugfiles: dict[str, Imports] = {}


def imports_of(path: str) -> Imports:
    """What is known in this process of the imports of the jugfile `path`."""
    return _of_jugfiles.setdefault(os.path.abspath(path), Imports())


class Imports:
    """What happened while modules were imported by one jugfile."""

    def __init__(self) -> None:
        self._tasks: dict[str, tuple[ModuleType, list[task.Task[Any]]]] = {}
        self._imported: list[str] = []
        self._failed: dict[str, ModuleType] = {}
        #: All tasks that the last reading made among those of others.
        self.made: list[task.Task[Any]] = []

    def tasks(self) -> list[task.Task[Any]]:
        """The tasks that were created while modules, which are still there, were imported; each once."""
        kept: dict[int, task.Task[Any]] = {}
        for name, (module, tasks) in self._tasks.items():
            if sys.modules.get(name) is module:
                kept.update((id(t), t) for t in tasks)
        return list(kept.values())

    @contextmanager
    def watched(self) -> Iterator[None]:
        """Watch the imports until the end of the block."""
        from importlib.machinery import PathFinder

        self.forget_half_imported()
        self._imported.clear()
        place = sys.meta_path.index(PathFinder) if PathFinder in sys.meta_path else len(sys.meta_path)
        sys.meta_path.insert(place, self)
        try:
            yield
        finally:
            sys.meta_path.remove(self)

    def find_spec(self, name: str, path: Sequence[str] | None, target: ModuleType | None = None) -> ModuleSpec | None:
        """Find a module as always; that this is called makes its import known."""
        from importlib.machinery import PathFinder, SourceFileLoader

        spec = PathFinder.find_spec(name, path, target)
        if spec is not None and type(spec.loader) is SourceFileLoader:
            # Each module has a loader of its own; it is as it was once the module has been run.
            vars(spec.loader)["exec_module"] = self._watching(spec.loader)
        return spec

    def _watching(self, loader: Any) -> Callable[[ModuleType], None]:
        def exec_module(module: ModuleType) -> None:
            del loader.exec_module
            before = len(task.alltasks)
            try:
                loader.exec_module(module)
            except BaseException:
                self._failed[module.__name__] = module
                raise
            self._imported.append(module.__name__)
            if len(task.alltasks) > before:
                self._tasks[module.__name__] = module, task.alltasks[before:]

        return exec_module

    def keep_half_imported(self) -> None:
        """Until the next reading, have modules whose import was stopped be found."""
        for name, module in self._failed.items():
            sys.modules.setdefault(name, module)

    def forget_half_imported(self) -> None:
        """Have modules whose import was stopped, and what belongs to them, be imported again."""
        for name, module in self._failed.items():
            if sys.modules.get(name) is module:
                del sys.modules[name]
        gone = {name for name in self._failed if name not in sys.modules}
        self._failed.clear()
        found = gone
        while found:
            found = {name for name in self._imported if name in sys.modules and _belongs_to(name, gone)}
            for name in found:
                del sys.modules[name]
            gone |= found


def _belongs_to(name: str, gone: set[str]) -> bool:
    """Whether a module is a part of one that is gone, or holds on to something from it."""
    held = list(vars(sys.modules[name]).values())
    homes = {each.__name__ for each in held if isinstance(each, ModuleType)}
    homes |= {each.__module__ for each in held if isinstance(each, (type, FunctionType, task.TaskGenerator))}
    return name.rpartition(".")[0] in gone or not homes.isdisjoint(gone)
