"""Who works at what, and what went wrong: the parts of a snapshot that speak of single tasks.

Records of failures and the texts in locks were written by others: whatever they hold, what is made of them here has
the types that the documentation promises, and a bounded size.
"""

from __future__ import annotations

from heapq import nlargest

from jug.backends.base import WorkerDetails
from jug.engine.views.status import State
from jug.engine.views.worker_list import Holder, holders
from jug.task_parts.naming import caption_of
from jug.words.plain import plain
from jug.words.short import short_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from jug.backends.base import LockDetails
    from jug.engine.views.live_status import LiveStatus

    Record = dict[str, Any]
    _Process = tuple[str, int]

MOST_FAILURES = 100
MOST_TASKS_RUNNING = 500
_BETWEEN_TASKS = 15.0  # seconds
_LINE, _TEXT = 500, 50_000  # characters


class Workers:
    """Those that are at work, and those that are gone and have left tasks behind.

    Where a store does not tell of its workers, they are known by their locks, and remembered for a short while: between
    two short tasks a worker holds none.
    """

    def __init__(self) -> None:
        self._last_seen: dict[_Process, float] = {}

    def seen(self, status: LiveStatus, now: float, workers: Iterable[WorkerDetails] = ()) -> dict[str, Any]:
        """How many are at work, and what they run; the longest first, and those that are gone last."""
        held = {name: lock for name, lock in status.locks.items() if not status.is_finished(name)}
        found = [one for holder in holders(workers, held) for one in _each_by_itself(holder)]
        at_work = sorted((one for one in found if not one.is_gone), key=_since_when)
        gone = [one for one in found if one.is_gone and one.locks]
        # Those who have a name are told of as long as they are there, with locks or without.
        nameless = {_process(one) for one in at_work if one.locks and not one.details.worker}
        between = self._between({_process(one) for one in found}, nameless, now)
        listed = [*at_work, *between, *gone]
        return {"count": len(at_work) + len(between), "list": _described(status, listed)}

    def _between(self, found: set[_Process], running: set[_Process], now: float) -> list[Holder]:
        """Those that ran a task a moment ago, and hold none now."""
        self._last_seen.update((who, now) for who in running if who[0])
        self._last_seen = {who: when for who, when in self._last_seen.items() if now - when < _BETWEEN_TASKS}
        missing = sorted(who for who in self._last_seen if who not in found)
        return [Holder(WorkerDetails("", *who), is_known=False) for who in missing]


def _process(holder: Holder) -> _Process:
    return holder.details.host, holder.details.pid


def _each_by_itself(holder: Holder) -> Iterator[Holder]:
    """Of those who do not say who they are, it is only known that they are there: each lock may be another's."""
    if holder.details.host:
        yield holder
        return
    for lock in holder.locks:
        one = Holder(holder.details, is_known=False)
        one.locks.append(lock)
        yield one


def _since_when(holder: Holder) -> tuple[bool, float]:
    return not holder.locks, holder.locks[0][1].since or 0.0 if holder.locks else 0.0


def _described(status: LiveStatus, listed: list[Holder]) -> list[Record]:
    """As many of them as a page can show."""
    workers: list[Record] = []
    left = MOST_TASKS_RUNNING
    for holder in listed:
        if left <= 0:
            break
        tasks = [_running(status, name, lock) for name, lock in holder.locks[:left]]
        workers.append({**_worker(holder), "tasks": tasks})
        left -= len(tasks) or 1
    return workers


def _worker(holder: Holder) -> Record:
    who = holder.details
    return {
        "host": _line(who.host),
        "pid": who.pid,
        "user": _line(who.user),
        "since": _number(who.since),
        "gone": holder.is_gone,
    }


def _running(status: LiveStatus, name: bytes, lock: LockDetails) -> Record:
    task_name, call = _called(status, name)
    return {"task": _hash(name), "name": task_name, "call": call, "since": _number(lock.since)}


def failures(status: LiveStatus, records: Mapping[bytes, Record]) -> dict[str, Any]:
    """The tasks that failed; of many, the last one of each name and the last ones of all."""
    names = map(status.graph.hash, status.nodes(State.FAILED))
    failed = [(_number(records.get(name, {}).get("time")) or 0.0, name) for name in names]
    shown = failed
    if len(failed) > MOST_FAILURES:
        shown = _chosen(status, failed)
    shown = sorted(shown, reverse=True)
    return {"count": len(failed), "list": [failure(status, name, records.get(name)) for _, name in shown]}


def failure(status: LiveStatus, name: bytes, record: Record | None) -> Record:
    """One of them, without its traceback."""
    task_name, call = _called(status, name)
    told = as_record(record or {})
    del told["traceback"]
    lock = status.locks.get(name)
    is_kept = lock is not None and lock.failed
    return {"task": _hash(name), "name": task_name, **told, "call": told["call"] or call, "locked": is_kept}


def as_record(record: Record) -> Record:
    """What a record of a failure says, whatever is missing or strange in it."""
    return {
        "call": _line(record.get("call")),
        "error": _line(record.get("error")),
        "traceback": _line(record.get("traceback"), _TEXT),
        "host": _line(record.get("host")),
        "pid": int(_number(record.get("pid")) or 0),
        "time": _number(record.get("time")),
        "attempts": int(_number(record.get("attempts")) or 0),
    }


def _chosen(status: LiveStatus, failed: list[tuple[float, bytes]]) -> list[tuple[float, bytes]]:
    tasks, index = status.graph.tasks, status.graph.index
    last: dict[str, tuple[float, bytes]] = {}
    for item in failed:
        name = caption_of(tasks[index[item[1]]])
        last[name] = max(last.get(name, item), item)
    chosen = dict.fromkeys(nlargest(MOST_FAILURES, last.values()))
    for item in nlargest(MOST_FAILURES, failed):
        if len(chosen) < MOST_FAILURES:
            chosen[item] = None
    return list(chosen)


def _called(status: LiveStatus, name: bytes) -> tuple[str, str]:
    """The name of the task and its call in short; both are empty if this jugfile has no such task."""
    node = status.graph.index.get(name)
    if node is None:
        return "", ""
    task = status.graph.tasks[node]
    return caption_of(task), short_call(task.name, task.args, task.kwargs)[:_LINE]


def _hash(name: bytes) -> str:
    return name.decode("ascii", "replace")


def _line(text: object, most: int = _LINE) -> str:
    """Text of others, which is nothing else, has no halves of characters and is not too long."""
    return plain(text)[:most] if isinstance(text, str) else ""


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e15 else None  # type: ignore[arg-type]  # nor inf, nor nan
