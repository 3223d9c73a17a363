"""The modules that ``import jug`` alone is enough for, such as ``jug.utils``: they are imported when they are used."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType

_NAMES = frozenset(["hooks", "jug", "options", "utils"])


def __getattr__(name: str) -> ModuleType:
    if name not in _NAMES:
        raise AttributeError(f"module 'jug' has no attribute {name!r}")
    return importlib.import_module(f"jug.{name}")
