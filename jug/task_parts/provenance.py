"""Questions about where a result comes from: what it depends on, in which order, and what was computed with what.

(Import these from :mod:`jug.task`.)
"""

from __future__ import annotations

from itertools import chain

from jug.words import mappings
from jug.words.nodes import Node, TaskNode, direct_tasks, post_order

from .tasklet import Tasklet

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any


def recursive_dependencies(t: Any, max_level: int | None = -1) -> Iterator[TaskNode]:
    """Iterate over all tasks below the task (or tasklet) `t`: each once, nearest first.

    Parameters
    ----------
    max_level : int, optional
        How many levels of tasks to go down; None, or a negative number, for all.
    """
    if max_level is None:
        max_level = -1
    seen = {id(t)}
    level = [t]
    while level and max_level != 0:
        found = chain.from_iterable(direct_tasks(node.sources()) for node in level)
        level = list({id(task): task for task in found if id(task) not in seen}.values())
        seen.update(map(id, level))
        yield from level
        max_level -= 1


def topological_sort(tasks: list[Any]) -> None:
    """Sort the list in place, so that each task comes after all those that it depends on."""
    wanted = {id(t) for t in tasks}
    tasks[:] = [node for node in post_order(tasks) if id(node) in wanted]


def describe(t: Any) -> Any:
    """How `t` was computed: nested dicts of names, arguments and facts about the stored results.

    A task gives ``{'name': ..., 'args': [...], 'kwargs': {...}, 'meta': {...}}`` (empty entries are left out);
    tasklets, lists, tuples and dicts are described by their parts; anything else is itself. Descriptions are shared
    where tasks are.
    """
    memo: dict[int, Any] = {}
    stack: list[tuple[Any, bool]] = [(t, False)]
    while stack:
        obj, parts_are_done = stack.pop()
        if id(obj) in memo:
            continue
        parts = _parts(obj)
        if parts_are_done or not parts:
            memo[id(obj)] = _described(obj, memo)
        else:
            stack.append((obj, True))
            stack.extend((part, False) for part in parts)
    return memo[id(t)]


def _parts(obj: Any) -> list[Any]:
    kind = type(obj)
    if isinstance(obj, TaskNode):
        task: Any = obj
        return [*task.args, *task.kwargs.values()]
    if isinstance(obj, Tasklet):
        return [obj.base]
    if kind is dict or mappings.is_mapping(obj):
        return list(obj.values())
    return list(obj) if kind is list or kind is tuple else []


def _described(obj: Any, memo: dict[int, Any]) -> Any:
    """The description of `obj`, from those of its parts in `memo`."""
    kind = type(obj)
    if isinstance(obj, Node):
        return _task_described(obj, memo) if isinstance(obj, TaskNode) else _tasklet_described(obj, memo)
    if kind is dict or mappings.is_mapping(obj):
        return {key: memo[id(val)] for key, val in obj.items()}
    if kind is list or kind is tuple:
        return kind([memo[id(elem)] for elem in obj])
    return obj


def _tasklet_described(tasklet: Any, memo: dict[int, Any]) -> dict[str, Any]:
    return {"name": "tasklet", "operation": repr(tasklet.f), "base": memo[id(tasklet.base)]}


def _task_described(task: Any, memo: dict[int, Any]) -> dict[str, Any]:
    description: dict[str, Any] = {"name": task.name}
    if task.args:
        description["args"] = [memo[id(arg)] for arg in task.args]
    if task.kwargs:
        description["kwargs"] = {key: memo[id(val)] for key, val in task.kwargs.items()}
    meta = None if task.store is None else task.store.metadata(task)
    if meta:
        description["meta"] = dict(meta)
    return description
