"""From what the user calls the jugdir to a store.

A new kind of store is one line: :func:`register_scheme`.
"""

from __future__ import annotations

import os

from ..errors import UsageError
from .base import base_store
from .dict_store import dict_store
from .file_store import file_store

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORD = _LETTERS + "0123456789_+.-"

_schemes: dict[str, Callable[[str], base_store]] = {}


def register_scheme(scheme: str, factory: Callable[[str], base_store]) -> None:
    """Have ``select("<scheme>:...")`` call `factory` with that whole string; of two registrations, the later counts."""
    if not _is_scheme(scheme):
        raise UsageError(f"Not a name for a kind of store: {scheme!r}")
    _schemes[scheme] = factory


def select(jugdir: Any) -> base_store:
    """The store that `jugdir` names: a directory, or a URI such as ``dict_store:<file>``. A store is returned as is."""
    if hasattr(jugdir, "getlock"):
        return jugdir  # type: ignore[no-any-return]  # stores of third parties need not be ours by class
    if not isinstance(jugdir, (str, os.PathLike)):
        raise UsageError(f"A jugdir is a path or the URI of a store, not {jugdir!r}")
    name = os.fspath(jugdir)
    if not name:
        raise UsageError("The jugdir is empty: name a directory or the URI of a store")
    if name == "dict_store":
        return dict_store()
    scheme = name.partition(":")[0]
    if scheme != name and scheme in _schemes:
        return _schemes[scheme](name)
    if scheme != name and _is_scheme(scheme) and not os.path.exists(name):
        known = ", ".join(sorted(_schemes))
        raise UsageError(f"Unknown kind of store {scheme!r} in {name!r} (known: {known}); a directory is ./{name}")
    return file_store(name)


def _is_scheme(text: str) -> bool:
    # At least two letters: one is the drive of a path on Windows.
    return len(text) > 1 and text[0] in _LETTERS and not text.strip(_WORD)


register_scheme("dict_store", lambda uri: dict_store(uri.partition(":")[2] or None))
