"""Points of a jugfile that need results: what comes after them depends on what the results are.

At such a point the jugfile is simply not read any further, until the results are there. ``jug execute`` runs what it
has seen so far and then reads the jugfile again.
"""

from __future__ import annotations

from . import task as _task
from .backends.third_party import adapted
from .errors import NotFinishedError
from .task_parts.naming import caption_of
from .task_parts.overrides import special_among
from .words.nodes import tasks_to_load, value

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any, TypeVar, overload

    from .task_parts.tasklet import Result

    T = TypeVar("T")


class BarrierError(Exception):
    """Stops the reading of a jugfile: a result that is needed from here on is not there yet.

    Attributes
    ----------
    needs : frozenset of bytes, or None
        The hashes of the tasks whose results are needed; None: all tasks so far.
    """

    def __init__(self, message: str = "", needs: frozenset[bytes] | None = None) -> None:
        super().__init__(message)
        self.needs = needs


def barrier() -> None:
    """Go on only if all tasks created so far have results; otherwise the jugfile is not read any further.

    Raises
    ------
    BarrierError
        A task has no result yet (whoever reads the jugfile handles this).
    NoStoreError
        The script does not run under jug.
    """
    _require(_task.alltasks, all_tasks=True)


if TYPE_CHECKING:

    @overload
    def bvalue(t: Result[T]) -> T: ...
    @overload
    def bvalue(t: Any) -> Any: ...


def bvalue(t: Any) -> Any:
    """``value(t)``, after a barrier that waits for `t` alone.

    Raises
    ------
    BarrierError
        A result that `t` needs is not there yet.
    """
    tasks: list[Any] = tasks_to_load((t,))
    _require(tasks, all_tasks=False)
    try:
        return value(t)
    except NotFinishedError as error:  # it was removed just now
        raise BarrierError(str(error), frozenset(task.hash() for task in tasks)) from None


def _require(tasks: Sequence[Any], all_tasks: bool) -> None:
    """Raise BarrierError unless all of `tasks` have results."""
    if not tasks:
        return
    missing = _first_missing(tasks)
    if missing is not None:
        needs = None if all_tasks else frozenset(task.hash() for task in tasks)
        raise BarrierError(f"{caption_of(missing)} has no result yet", needs)


def _first_missing(tasks: Sequence[Any]) -> Any:
    """A task that has no result, or None if all have."""
    special = special_among(tasks)
    ordinary = [task for number, task in enumerate(tasks) if number not in special] if special else tasks
    if ordinary:
        store = ordinary[0].require_store()
        asked = store if hasattr(store, "first_missing") else adapted(store)
        name = asked.first_missing([task.hash() for task in ordinary])
        if name is not None:
            return next(task for task in ordinary if task.hash() == name)
    return next((tasks[number] for number in sorted(special) if not tasks[number].can_load()), None)
