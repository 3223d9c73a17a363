"""Which results a store holds, for a process that looks at it again and again."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class Listing:
    """What results a store holds, looked at again and again by a process that waits.

    This implementation asks for everything each time, by `names`; stores that can tell what changed override
    :meth:`~jug.backends.base.base_store.listing`.
    """

    def __init__(self, names: Callable[[], Iterable[bytes]]) -> None:
        self._list = names
        self._names: frozenset[bytes] = frozenset()

    def refresh(self) -> tuple[set[bytes], set[bytes]]:
        """Look again: names that (appeared, vanished) since the last look; the first look returns all as appeared."""
        now = frozenset(self._list())
        appeared, vanished = set(now - self._names), set(self._names - now)
        self._names = now
        return appeared, vanished

    def knows(self, name: bytes) -> bool:
        """Whether the store has seen a result `name` in passing, perhaps since the last look; False says nothing.

        Nothing is asked for it. If the result is removed before the next look, that does not tell of it.
        """
        return False
