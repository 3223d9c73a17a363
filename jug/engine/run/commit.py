"""Committing a result: once this is done, it is in the store, and whoever asks finds it."""

from __future__ import annotations

from jug.errors import JugError, UnstorableError
from jug.task_parts.scripts import MAIN, remember
from jug.words.nodes import Node, direct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jug.backends.base import base_lock, base_store
    from jug.task import Task


def commit(store: base_store, task: Task[Any], result: Any, lock: base_lock, soon: bool = False) -> bool | None:
    """Store the result of the task, which was computed under `lock`; or, if `soon`, have it wait, perhaps, for others.

    False if the lock was lost meanwhile, and the result of another worker is there instead; None if it waits, and the
    store has the lock.

    Raises
    ------
    UnstorableError
        It cannot be pickled, or is itself a task. This is the fault of the task.
    StoreError
        The store cannot be written.
    """
    if isinstance(result, Node):
        raise UnstorableError(_holds_tasks(result))
    try:
        kept = (store.dump_soon if soon else store.dump_locked)(result, task.hash(), lock)
    except JugError:
        raise
    except Exception as error:  # whatever the pickling of the user's objects raises
        if direct((result,)):
            raise UnstorableError(_holds_tasks(result)) from error
        kind, why = type(result).__name__, f"{type(error).__name__}: {error}"
        raise UnstorableError(f"The result (of type {kind!r}) cannot be stored: {why}") from error
    if task.name.startswith(MAIN):
        remember(task)
    return kept


def _holds_tasks(result: Any) -> str:
    kind, task = type(result).__name__, direct((result,))[0]
    return (
        f"The result (of type {kind!r}) holds {task.label()}, and a task made by another one is never executed: "
        "call the undecorated function (its attribute 'f'), or see CompoundTaskGenerator"
    )
