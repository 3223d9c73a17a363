"""The modules that ``import jug`` alone is enough for, such as ``jug.utils``: they are imported when they are used."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_MODULES = {
    **{name: f"jug.{name}" for name in ("hooks", "jug", "options", "utils")},
    **{name: f"jug.backends.{name}" for name in ("dict_store", "file_store", "redis_store")},
}


def __getattr__(name: str) -> ModuleType:
    if name not in _MODULES:
        raise AttributeError(f"module 'jug' has no attribute {name!r}")
    return importlib.import_module(_MODULES[name])
