"""Reading the jugfile as a worker does: what it asks for and is damaged is set aside, and is computed again.

With ``bvalue``, a jugfile asks for results itself. Once a damaged one is set aside, the reading stops there as at any
result that is not there yet.
"""

from __future__ import annotations

from jug import task
from jug.errors import DamagedResultError

from .jugfile import JugfileRaised

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jug.engine.reporter import Reporter
    from jug.task import Task

    from .jugfile import Jugfile


def load_mending(jugfile: Jugfile, reporter: Reporter) -> dict[str, Any]:
    """As :meth:`Jugfile.load`, but results that turn out to be damaged are set aside."""
    seen: set[bytes] = set()
    while True:
        try:
            return jugfile.load()
        except JugfileRaised as raised:
            error = raised.error
            if not isinstance(error, DamagedResultError) or error.name is None or error.name in seen:
                raise
            seen.add(error.name)
            asker = _task_of(error.name)
            if asker is None or not _set_aside(asker, error, reporter):
                raise


def _task_of(name: bytes) -> Task[Any] | None:
    return next((each for each in task.alltasks if each.hash() == name), None)


def _set_aside(damaged: Task[Any], error: DamagedResultError, reporter: Reporter) -> bool:
    """Whether the result is not there any more, be it by us or by another worker."""
    store, name = damaged.require_store(), damaged.hash()
    lock = store.getlock(name)
    if lock.get():
        try:
            place = store.set_aside(name)
        finally:
            lock.release()
        if place is not None:
            reporter.damaged(damaged, error, place)
    return not store.can_load(name)
