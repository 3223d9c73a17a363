"""Kinds of stores that other packages bring along.

Such a package has an entry point in the group ``jug.backends``: its name is a scheme of URIs, and it names a function
that makes a store from the whole URI. They are looked for only when a scheme is asked for that is not known otherwise.
"""

from __future__ import annotations

from jug.errors import JugError, StoreError, UsageError

from .third_party import adapted, missing_in

TYPE_CHECKING = False
if TYPE_CHECKING:
    from importlib.metadata import EntryPoint
    from typing import Any

    from .base import base_store

GROUP = "jug.backends"


class Plugin:
    """The factory that an entry point names."""

    def __init__(self, point: EntryPoint) -> None:
        package = f" of the package {point.dist.name!r}" if point.dist else ""
        self._description = f"the entry point {point.name!r} = {point.value!r}{package}"
        try:
            self._factory: Any = point.load()
        except Exception as error:
            raise self._broken(f"cannot be loaded: {type(error).__name__}: {error}") from error
        if not callable(self._factory):
            raise self._broken("is no function that makes a store from a URI")

    def __call__(self, uri: str) -> base_store:
        try:
            store = self._factory(uri)
        except JugError:
            raise
        except Exception as error:
            raise self._broken(f"cannot make a store from {uri!r}: {type(error).__name__}: {error}") from error
        missing = missing_in(store)
        if missing:
            raise self._broken(f"makes a {type(store).__name__!r}, which is no store: it has no {missing[0]!r}")
        return adapted(store)

    def _broken(self, what: str) -> StoreError:
        return StoreError(f"A kind of store is broken: {self._description} {what}")


def plugin(scheme: str) -> Plugin | None:
    """What an installed package brings along for `scheme`; None if none does."""
    points = {point.value: point for point in _entry_points() if point.name == scheme}
    if len(points) > 1:
        values = " and ".join(repr(value) for value in sorted(points))
        raise UsageError(f"Several installed packages bring along the kind of store {scheme!r}: {values}")
    return next(map(Plugin, points.values()), None)


def plugin_schemes() -> set[str]:
    """The schemes that installed packages bring along."""
    return {point.name for point in _entry_points()}


def _entry_points() -> list[EntryPoint]:
    from importlib.metadata import entry_points  # late: it takes as long as all of jug

    return [*entry_points(group=GROUP)]
