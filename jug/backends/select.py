"""From what the user calls the jugdir to a store.

A new kind of store is one line: :func:`register_scheme`, or an entry point of an installed package (see
:mod:`jug.backends.plugins`). Of jug's own kinds, only the module of the one that is asked for is imported.
"""

from __future__ import annotations

import os
from importlib import import_module

from jug.errors import UsageError
from jug.words.config import expand_home

from .plugins import plugin, plugin_schemes
from .redis.address import masked
from .third_party import adapted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

    from .base import base_store

_LETTERS = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
_WORD = _LETTERS + "0123456789_+.-"

_schemes: dict[str, Callable[[str], base_store]] = {}


def register_scheme(scheme: str, factory: Callable[[str], base_store]) -> None:
    """Have ``select("<scheme>:...")`` call `factory` with that whole string; of two registrations, the later counts."""
    if not _is_scheme(scheme):
        raise UsageError(f"Not a name for a kind of store: {scheme!r}")
    _schemes[scheme] = factory


def select(jugdir: Any) -> base_store:
    """The store that `jugdir` names: a directory, or a URI such as ``dict_store:<file>``.

    A store is returned as it is, or as one with the whole interface if it is a third party's.
    """
    if hasattr(jugdir, "getlock"):
        return adapted(jugdir)
    if not isinstance(jugdir, (str, os.PathLike)):
        raise UsageError(f"A jugdir is a path or the URI of a store, not {jugdir!r}")
    name = expand_home(os.fspath(jugdir))
    if not name:
        raise UsageError("The jugdir is empty: name a directory or the URI of a store")
    if name == "dict_store":
        return _own("dict_store")()
    scheme = name.partition(":")[0]
    if scheme == name or not _is_scheme(scheme):
        return _own("file_store")(name)
    factory = _schemes.get(scheme)
    if factory is not None:
        return adapted(factory(name))
    if os.path.exists(name):
        return _own("file_store")(name)
    factory = plugin(scheme)
    if factory is None:
        known = ", ".join(sorted(_schemes.keys() | plugin_schemes()))
        shown = masked(name)
        raise UsageError(f"Unknown kind of store {scheme!r} in {shown!r} (known: {known}); a directory is ./{shown}")
    register_scheme(scheme, factory)
    return factory(name)


def _is_scheme(text: str) -> bool:
    # At least two letters: one is the drive of a path on Windows.
    return len(text) > 1 and text[0] in _LETTERS and not text.strip(_WORD)


def _own(kind: str, module: str | None = None) -> Callable[..., base_store]:
    """The class `kind` of ours; its module, which usually has the same name, is imported when a store is wanted."""
    cls: Callable[..., base_store] = getattr(import_module(f"{__package__}.{module or kind}"), kind)
    return cls


def _keepalive(uri: str) -> base_store:
    directory = uri.partition(":")[2]
    if not directory:
        raise UsageError(f"No directory is named in {uri!r}")
    return _own("file_keepalive_store", "file_store")(directory)


register_scheme("dict_store", lambda uri: _own("dict_store")(uri.partition(":")[2] or None))
for _scheme in ("redis", "rediss", "unix", "redis+unix"):
    register_scheme(_scheme, lambda uri: _own("redis_store")(uri))
register_scheme("file_keepalive", _keepalive)
