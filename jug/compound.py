"""Compound tasks: a piece of a jugfile that disappears from it once its result is known.

The function of a compound builds tasks and returns one (or a list of them, ...). While its result is not in the store
the function is called when the jugfile is read, and a task that only fetches the result is added; afterwards the
function is not called any more, and the inner tasks do not exist. The hash is in both cases that of ``Task(f, *args,
**kwargs)``.
"""

from __future__ import annotations

from functools import update_wrapper

from .task import Task, TaskGenerator
from .task_parts.naming import applies

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, ParamSpec, TypeVar

    P = ParamSpec("P")
    R = TypeVar("R")


@applies(lambda task: getattr(task, "compound", ()))
def compound_task_execute(x: Any, h: bytes) -> Any:
    """The value of the inner task `x`, under the hash `h` of the compound."""
    return x


class _Unfinished(Task["Any"]):
    """The task that fetches the result of a compound."""

    __slots__ = ("compound",)
    compound: tuple[Any, ...]

    def __jug_hash__(self) -> bytes:
        return self.args[1]  # type: ignore[no-any-return]


def CompoundTask(f: Callable[..., Any], /, *args: Any, **kwargs: Any) -> Task[Any]:
    """The task of the compound ``f(*args, **kwargs)``, where `f` returns a task."""
    if isinstance(f, TaskGenerator):
        return f(*args, **kwargs)  # one task is a compound of itself
    whole: Task[Any] = Task.unregistered(f, *args, **kwargs)
    if whole.store is not None and whole.can_load():
        whole.register()
        return whole
    unfinished = _Unfinished(compound_task_execute, f(*args, **kwargs), whole.hash())
    unfinished.compound = (whole.f,)  # by whose name it is found, as it will be when it is finished
    return unfinished


def CompoundTaskGenerator(f: Callable[P, Task[R]]) -> Callable[P, Task[R]]:
    """Decorator: calling the decorated function gives ``CompoundTask(f, *args, **kwargs)``. It has `f` as ``f``."""

    def compound(*args: P.args, **kwargs: P.kwargs) -> Task[R]:
        return CompoundTask(f, *args, **kwargs)

    vars(compound)["f"] = f  # as that of a TaskGenerator
    return update_wrapper(compound, f)
