"""The order in which results become durable: never one before those that it was computed from.

Otherwise, after a crash, these are computed again, perhaps to other values (random numbers, the time of day), and what
is stored goes with results that nobody has. A worker may compute from results of its own that wait to be stored still
(:meth:`~jug.backends.base.base_store.dump_soon`); then it says so on the lock, by :class:`Inputs`. A store that has
results wait, and sets ``minds_inputs``, promises:

* what waits becomes durable all at once, or in the order in which it came;
* before it makes a result durable that is not to wait, it calls :meth:`Inputs.settle`, and stores nothing if that is
  False;
* ``dump``, by which tasks that run others (as CachedFunction does) store results, has all that waits stored before;
* if one of them is not stored since another's result counts, neither is what was computed from it. ``dump_soon`` and
  ``flush`` tell of it as of what was lost with its lock: the worker computes it again, from the other's result.

For a store that does not promise this, the worker has all that waits stored before each result that was computed from
it. What a worker computes from nothing that waits needs no care: what it reads from the store is durable.
"""

from __future__ import annotations

from abc import ABC, abstractmethod

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection
    from typing import Protocol

    class Claiming(Protocol):
        """A lock: :class:`jug.backends.base.base_lock`."""

        inputs: Inputs | None


class Inputs(ABC):
    """Results that wait, or did so until a moment ago, and that another was computed from."""

    __slots__ = ()

    @property
    @abstractmethod
    def names(self) -> Collection[bytes]:
        """Of these results, one at least."""

    @abstractmethod
    def settle(self) -> bool:
        """Have the worker flush the store; False if one of them turns out not to count.

        Then what was computed from them must not be stored. Raises ``StoreError``.
        """


def are_settled(lock: Claiming) -> bool:
    """Make durable what that was computed from which `lock` is for; False if it must not be stored."""
    inputs = _of(lock)
    return inputs is None or inputs.settle()


def are_among(lock: Claiming, names: Collection[bytes]) -> bool:
    """Whether what the lock is for was computed from one of the results `names`."""
    inputs = _of(lock)
    return inputs is not None and any(name in names for name in inputs.names)


def _of(lock: Claiming) -> Inputs | None:
    return getattr(lock, "inputs", None)  # those of third parties need not have it
