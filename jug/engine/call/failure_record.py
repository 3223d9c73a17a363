"""What happened to a task, written down in the store for those who were not there: so far, how it failed last.

A record is a dict of plain values: ``task`` (its caption), ``call`` (in short), ``error`` (the last line of the
traceback), ``traceback``, ``host`` and ``pid`` of the worker, ``worker`` (a word that no other process has), ``run``
(in which the task is not tried again, see :mod:`jug.engine.run.failures`), ``time`` (seconds since the epoch, by the
clock of that host) and ``attempts`` (how often the task has failed, in all workers, since the record began). It does
not count once the task has a result.
"""

from __future__ import annotations

import os

from jug.errors import StoreError
from jug.task_parts.naming import caption_of
from jug.words.short import short_call

from .user_traceback import traceback_of_task

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from jug.backends.base import base_store
    from jug.task import Task

# Characters of a traceback: one with a matrix in its message must not fill the store.
_MOST = 20_000
_worker: tuple[int, str] = 0, ""


def this_worker() -> str:
    """A word for this process that no other has."""
    global _worker
    if _worker[0] != os.getpid():
        _worker = os.getpid(), os.urandom(8).hex()
    return _worker[1]


def record_failure(store: base_store, task: Task[Any], error: BaseException) -> None:
    """Write down that the task failed with `error`."""
    try:
        before = store.failure(task.hash()) or {}
        record = {**_record(task, error), "run": store.run_id(), "attempts": _attempts(before) + 1}
        store.record_failure(task.hash(), record)
    except StoreError:
        # The failure itself is told by the worker that had it; and a store that is really unusable will say so
        # as soon as it is needed.
        pass


def _attempts(record: dict[str, Any]) -> int:
    attempts = record.get("attempts")
    return attempts if isinstance(attempts, int) else 0


def _record(task: Task[Any], error: BaseException) -> dict[str, Any]:
    import time

    return {
        "task": caption_of(task),
        "call": short_call(task.name, task.args, task.kwargs),
        "error": _in_one_line(error),
        "traceback": _shortened(traceback_of_task(error)),
        "host": os.uname().nodename,
        "pid": os.getpid(),
        "worker": this_worker(),
        "time": time.time(),
    }


def _in_one_line(error: BaseException) -> str:
    import traceback

    text = "".join(traceback.format_exception_only(type(error), error))
    lines = [line for line in text.splitlines() if line.strip()]
    # Of a SyntaxError the last line; of a message of many lines the first.
    return (lines[-1] if isinstance(error, SyntaxError) else lines[0])[:500]


def _shortened(text: str) -> str:
    """Both ends of a long text."""
    if len(text) <= _MOST:
        return text
    return f"{text[: _MOST // 2]}\n... {len(text) - _MOST} characters ...\n{text[-_MOST // 2 :]}"
