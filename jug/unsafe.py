"""Tools that weaken what the hash of a task promises: use them only if you know why."""

from __future__ import annotations

from .words.nodes import value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class NoHash:
    """An argument whose value reaches the function, but has no part in the hash of the task.

    If the value changes, results are *not* computed again. Meant for what cannot change them, such as the number of
    threads to use.
    """

    def __init__(self, obj: Any) -> None:
        self.obj = obj

    def __jug_hash__(self) -> bytes:
        return b"nohash"

    def __jug_dependencies__(self) -> tuple[Any, ...]:
        return (self.obj,)

    def __jug_value__(self) -> Any:
        return value(self.obj)
