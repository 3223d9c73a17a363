"""Tasks of classes that see to some things themselves, and tasks with a store of their own.

Most tasks are asked and run in bulk, by their hashes alone. Where a subclass of :class:`~jug.task.Task` overrides one
of these methods, its tasks are asked one by one, by that method:

``dependencies``
    what has to be finished before it runs, whatever its arguments are;
``can_run``
    whether it may run now: it says no, and is asked again later;
``lock``, ``unlock``, ``is_locked``, ``fail``, ``is_failed``
    who runs it;
``can_load``
    whether there is a result;
``load``, ``value``, ``result``
    the result, for those that need it;
``run``
    the work, and perhaps the storing of the result;
``invalidate``
    the removal of the result.

So it is with those whose attribute ``store`` is another than `Task.store`, be it that of a class or of one task: their
results and locks are there. All this is found out once per class. Ordinary tasks pay nothing.
"""

from __future__ import annotations

from jug.task import Task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

_LOCKING = ("lock", "unlock", "is_locked", "fail", "is_failed")


class Ways:
    """What the tasks of a class see to themselves."""

    __slots__ = ("any", "can_load", "can_run", "dependencies", "invalidate", "load", "locking", "run", "value")

    def __init__(self, kind: type[Any]) -> None:
        def overrides(*methods: str) -> bool:
            return any(getattr(kind, method, None) is not getattr(Task, method) for method in methods)

        self.dependencies = overrides("dependencies")
        self.can_run = overrides("can_run")
        self.locking = overrides(*_LOCKING)
        self.can_load = overrides("can_load")
        self.load = overrides("load")
        self.value = overrides("value", "result")
        self.run = overrides("run")
        self.invalidate = overrides("invalidate")
        self.any = overrides(*(name for name in self.__slots__ if name not in ("any", "locking")), "result", *_LOCKING)


NONE = Ways(Task)
_known: dict[type[Any], Ways] = {Task: NONE}


def ways_of(task: Any) -> Ways:
    """What this task sees to itself, as one of its class."""
    kind = type(task)
    ways = _known.get(kind)
    if ways is None:
        ways = _known[kind] = Ways(kind) if issubclass(kind, Task) else NONE
    return ways


def special_among(tasks: Sequence[Any]) -> frozenset[int]:
    """The numbers of the tasks that are to be asked one by one."""
    common = Task.store
    special = {n for n, task in enumerate(tasks) if task.store is not common and task.store is not None}
    kinds = {kind for kind in set(map(type, tasks)) if kind is not Task}
    if kinds:
        special.update(number for number, task in enumerate(tasks) if type(task) in kinds and ways_of(task).any)
    return frozenset(special)
