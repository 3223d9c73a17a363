"""What has failed in this run: it is not tried again in it, neither here nor by other workers, unless told.

Workers that are at work at the same time are of one run (``base_store.run_id``), but for those who begin at the very
same moment. A failure counts if it is recorded as one of this run, or of somebody's who is at work, or if it came after
this worker began, whoever had it. What failed before a new run began is tried again: the code may have been mended. So
is what this very process had failed with before, when it is told to work anew.
"""

from __future__ import annotations

from jug.engine.call.failure_record import this_worker

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

    from jug.backends.base import base_store

    _Record = dict[str, Any]


class Failures:
    """The failures that count for a worker that begins now.

    Attributes
    ----------
    store : base_store
    """

    def __init__(self, store: base_store) -> None:
        self.store = store
        self._before = {name: _mark(record) for name, record in store.failures().items()}
        self._to_retry: set[bytes] | None = None
        self._runs: set[str] = set()

    def join(self) -> None:
        """Be of the run of those who are at work; before the first lock, so that those who come later join this one."""
        if not self._runs:
            at_work = {worker.run for worker in self.store.workers() if not worker.gone}
            self._runs = {self.store.run_id(), *at_work} - {""}

    def has(self, name: bytes) -> bool:
        """Whether the task has failed in this run; asked under its lock, this is the truth."""
        record = self.store.failure(name)
        return record is not None and self._counts(name, record)

    def names(self) -> set[bytes]:
        """All tasks that have failed in this run."""
        return {name for name, record in self.store.failures().items() if self._counts(name, record)}

    def retry(self, store: base_store, names: Iterable[bytes]) -> None:
        """Forget that these tasks failed before this worker began, and unlock them; once for each of them.

        Their locks are in `store`.
        """
        if self._to_retry is None:
            kept = (name for name, failed in store.lock_states().items() if failed)
            self._to_retry = {*self._before, *kept}
        chosen = [name for name in names if name in self._to_retry]
        self._to_retry.difference_update(chosen)
        for name in chosen:
            store.remove_lock(name, failed_only=True)
        records = self.store.failures() if chosen else {}
        self.store.remove_failures([name for name in chosen if name in records and self._is_old(name, records[name])])

    def _counts(self, name: bytes, record: _Record) -> bool:
        if not self._is_old(name, record):
            return True
        if record.get("worker") == this_worker() or not record.get("run"):
            return False
        self.join()
        return record["run"] in self._runs

    def _is_old(self, name: bytes, record: _Record) -> bool:
        return self._before.get(name) == _mark(record)


def _mark(record: _Record) -> tuple[Any, ...]:
    """What tells one failure of a task from another."""
    return tuple(record.get(field) for field in ("time", "host", "pid", "attempts"))
