"""What other workers do, as far as it concerns this one: which tasks they hold, and which failed with them.

A lock is always taken before the store is asked whether the result exists, and whether the task has failed: that order
makes a task run once, and one that fails run once in a run. Nodes that are in other hands are watched, and come back
when their locks are gone or have been left behind.
"""

from __future__ import annotations

from .plan import BUSY, FAILED, READY

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from jug.backends.base import LockDetails, base_lock, base_store

    from .failures import Failures
    from .plan import Plan


class Peers:
    """The other workers, seen through the store.

    Parameters
    ----------
    plan : Plan
        Brought up to date by what is learnt.
    store : base_store
    failures : Failures
    """

    def __init__(self, plan: Plan, store: base_store, failures: Failures) -> None:
        self._plan = plan
        self._hash = plan.graph.hash
        self._store = store
        self._failures = failures
        self._watched: set[int] = set()  # nodes that are locked, or failed, elsewhere
        self._vain: set[int] = set()  # nodes whose locks were not to be had since the last pause
        self._failed: set[bytes] = set()  # what has failed in this run, by the last look
        self._locks: Mapping[bytes, LockDetails] = {}

    def __bool__(self) -> bool:
        """Whether anything is in other hands."""
        return bool(self._watched)

    # One node

    def claim(self, node: int) -> base_lock | None:
        """Take the lock of the node; None if it is not to be run now.

        Another worker has it, or has failed with it, which the plan knows then; or the node, which is READY still, has
        a result.
        """
        self._failures.join()
        name = self._hash(node)
        lock = self._store.getlock(name)
        if not lock.get():
            self._watched.add(node)
            self._vain.add(node)
            if lock.is_failed():
                self._plan.failed(node)
            else:
                self._plan.busy(node)
            return None
        is_mine = False
        try:
            is_mine = not self._store.can_load(name) and not self._has_failed(node)
        finally:
            if not is_mine:
                lock.release()
        return lock if is_mine else None

    def _has_failed(self, node: int) -> bool:
        """Whether a worker of this run has failed with it; perhaps a moment ago, after the last look."""
        name = self._hash(node)
        if not self._failures.has(name):
            return False
        self._failed.add(name)
        self._watched.add(node)
        self._plan.failed(node)
        return True

    def forget(self, nodes: Iterable[int]) -> None:
        """They have results."""
        self._watched.difference_update(nodes)

    def paused(self) -> None:
        """There was a pause: what was not to be had may be tried again."""
        self._vain.clear()

    # All of them

    def look(self) -> None:
        """Which nodes have been freed or left behind, which have failed, which does somebody try again?"""
        # Locks first: who fails writes that down, and releases the lock then.
        self._locks = self._store.lock_details() if self._watched else {}
        self._failed = self._failures.names()
        for node in list(self._watched):
            self._look_at(node)
        self._plan.ask_again()
        index, state = self._plan.graph.index, self._plan.state
        for name in self._failed:
            node = index.get(name, -1)
            if node >= 0 and state[node] == READY:
                self._plan.failed(node)
                self._watched.add(node)

    def _look_at(self, node: int) -> None:
        name = self._hash(node)
        lock = self._locks.get(name)
        # One who is gone may have left a lock that we cannot take over at this moment: not again before a pause.
        is_held = lock is not None and (not lock.abandoned or node in self._vain)
        if not is_held and name not in self._failed:
            self._watched.discard(node)
            self._plan.freed(node)
        elif is_held and lock is not None and not lock.failed:
            self._plan.busy(node)
        else:
            self._plan.failed(node)

    # The end

    def failed(self) -> list[int]:
        """The nodes with which other workers of this run have failed."""
        state = self._plan.state
        return sorted(n for n in self._watched if state[n] == FAILED and self._hash(n) in self._failed)

    def holders(self) -> list[LockDetails]:
        """Who has the nodes that this worker would run, by the last look."""
        busy = (self._hash(node) for node in self._watched if self._plan.state[node] == BUSY)
        return [self._locks[name] for name in busy if name in self._locks]
