"""What is checked around the run of one task with ``--debug``: it is, and is given, the same before and after."""

from __future__ import annotations

from jug.errors import DebugCheckError
from jug.words.nodes import Node, tasks_to_load
from jug.words.places import ITEM, describe_place
from jug.words.short import number_of

from .arguments import WatchedTasks, changed, complaint, differ, mark, marks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from jug.words.places import Step

    from .arguments import Mark


class RunCheck:
    """Made before `task` is run; `tasks` are all that there are.

    Raises
    ------
    DebugCheckError
        The hash of an argument changes, or a result in memory was changed before.
    """

    def __init__(self, task: Any, tasks: list[Any]) -> None:
        self.task = task
        unstable = complaint(task, tasks)
        if unstable:
            raise DebugCheckError(unstable)
        made = tasks.made(task) if isinstance(tasks, WatchedTasks) else {}
        self._check_hash("since it was first asked for: its arguments were changed", made)
        self.number_of_tasks = len(tasks)
        self.arguments = marks(task)
        needs: list[Any] = [*tasks_to_load(task.sources())]
        self._check_memory(needs)
        self.inputs = [(needed, mark(needed.value(), True)) for needed in needs]

    def after(self, tasks: list[Any]) -> None:
        """The task has run: raise DebugCheckError if it has made others, or changed what it was given."""
        if len(tasks) > self.number_of_tasks:
            raise DebugCheckError(
                f"{self.task.name} created a task ({tasks[-1].name}) while it ran: this task is never executed"
            )
        self._check_hash("while it ran: its arguments were changed after it was made", self.arguments)
        self._check_inputs(tasks)

    def _check_hash(self, when: str, arguments_before: dict[int | str, Mark]) -> None:
        task = self.task
        known = task.hash()
        task._hash = None
        now, task._hash = task.hash(), known
        if now == known:
            return
        found = changed(task, arguments_before)
        # That something was filled in, as in a masked array that was printed, is no change of its value.
        if found or marks(task).keys() != arguments_before.keys():
            named = ", ".join(one.place for one in found)
            raise DebugCheckError(f"The hash of {task!s} changed {when}{f' ({named})' if named else ''}")

    def _check_memory(self, needs: list[Any]) -> None:
        """What has been loaded may have been changed by anybody: the jugfile, a hook, a function that has kept it."""
        wrong = [needed for needed in needs if needed.is_loaded() and _is_stored(needed) and not _is_as_stored(needed)]
        for needed in wrong:
            needed.unload()
        if wrong:
            raise DebugCheckError(
                f"The result of {wrong[0].name} in memory, given to {self.task.name} as {_place(self.task, wrong[0])}, "
                "is not the one in the store: the jugfile, a hook or a function that has kept it changed it in place, "
                "and other workers may get another one. Let that work on a copy (sorted(x) instead of x.sort(), "
                "copy.deepcopy(x))"
            )

    def _check_inputs(self, tasks: list[Any]) -> None:
        """Results stay in memory for other tasks: what is changed in one, these would see, if this worker runs them."""
        wrong = [needed for needed, before in self.inputs if _was_changed(needed.value(), before)]
        if not wrong:
            return
        # Others that were loaded may have parts in common with it.
        for other in (*wrong, *tasks):
            if other.is_loaded() and _is_stored(other):
                other.unload()
        first = wrong[0]
        more = f" (and those of {number_of(len(wrong) - 1, 'more task')})" if len(wrong) > 1 else ""
        raise DebugCheckError(
            f"{self.task.name} changed the result of {first.name}{more} while it ran, which it was given as "
            f"{_place(self.task, first)}: other tasks of this worker would get the changed one, and those of other "
            "workers would not. Let it work on a copy (sorted(x) instead of x.sort(), x + 1 instead of x += 1, "
            "copy.deepcopy(x))"
        )


def _is_stored(task: Any) -> bool:
    return task.store is not None and task.can_load()


def _is_as_stored(needed: Any) -> bool:
    in_memory = needed.value()
    before = mark(in_memory, True)
    try:
        stored = mark(_read(needed), True)
        # Where those differ that are read one after the other, nothing can be told.
        return not differ(stored, before) or differ(stored, mark(_read(needed), True))
    finally:
        needed.adopt(in_memory)


def _read(needed: Any) -> Any:
    needed.unload()
    return needed.value()


def _was_changed(result: Any, before: Mark) -> bool:
    now = mark(result, True)
    # Else, it is another one each time that it is looked at.
    return differ(now, before) and not differ(now, mark(result, True))


def _place(task: Any, needed: Any) -> str:
    """Where in the arguments of `task` the result of `needed` is."""
    for pairs in (enumerate(task.args), task.kwargs.items()):
        for argument, value in pairs:
            if needed in tasks_to_load((value,)):
                return describe_place(task.f, argument, list(_way(value, needed)))
    return "an argument"  # it changes what it depends on


def _way(obj: Any, needed: Any) -> Iterator[Step]:
    """The steps from `obj` to the first list, tuple or dict item that stands for the result of `needed`, or uses it."""
    while not isinstance(obj, Node) and (items := _items(obj)) is not None:
        step, obj = next((step, item) for step, item in items if needed in tasks_to_load((item,)))
        yield step


def _items(obj: Any) -> list[tuple[Step, Any]] | None:
    if type(obj) is dict:
        return [((ITEM, key), item) for key, item in obj.items()]
    if type(obj) is list or type(obj) is tuple:
        return [((ITEM, number), item) for number, item in enumerate(obj)]
    return None
