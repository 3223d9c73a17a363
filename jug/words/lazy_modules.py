"""The modules that importing a package alone is enough for, such as ``jug.utils``: they are imported when used."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from types import ModuleType


def _of(package: str, **modules: str) -> Callable[[str], ModuleType]:
    """The ``__getattr__`` of a package that has these `modules`, given by name as seen from there."""

    def __getattr__(name: str) -> ModuleType:
        if name not in modules:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return importlib.import_module(modules[name], package)

    return __getattr__


_stores = ("dict_store", "file_store", "redis_store")

of_jug = _of(
    "jug",
    **{name: f".{name}" for name in ("hooks", "jug", "jug_version", "options", "utils")},
    **{name: f".backends.{name}" for name in _stores},
)
of_backends = _of("jug.backends", **{name: f".{name}" for name in ("encode", *_stores)})
of_hooks = _of("jug.hooks", **{name: f".{name}" for name in ("execution", "exit_checks", "register")})
