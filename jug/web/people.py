"""Who works at what, and what went wrong: the parts of a snapshot that speak of single tasks.

Records of failures and the texts in locks were written by others: whatever they hold, what is made of them here has
the types that the documentation promises, and a bounded size.
"""

from __future__ import annotations

from heapq import nlargest

from ..engine.status import State
from ..short import short_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from ..backends.base import LockDetails
    from ..engine.livestatus import LiveStatus

    Record = dict[str, Any]

MOST_FAILURES = 100
MOST_TASKS_RUNNING = 500
_BETWEEN_TASKS = 15.0  # seconds
_LINE, _TEXT = 500, 50_000  # characters


class Workers:
    """The processes that hold locks, or did a short while ago: between two short tasks a worker holds none."""

    def __init__(self) -> None:
        self._last_seen: dict[tuple[str, int], float] = {}

    def seen(self, status: LiveStatus, now: float) -> dict[str, Any]:
        """Those that are active, and the tasks that they run; the longest first."""
        held = [(name, lock) for name, lock in status.locks.items() if not lock.failed and not status.is_finished(name)]
        held.sort(key=lambda item: item[1].since or 0.0)
        self._last_seen.update(((lock.host, lock.pid), now) for _, lock in held if lock.host)
        self._last_seen = {who: when for who, when in self._last_seen.items() if now - when < _BETWEEN_TASKS}
        # Of those who do not say who they are, it is only known that they are there.
        number = len(self._last_seen) + sum(not lock.host for _, lock in held)
        return {"count": number, "list": self._grouped(status, held[:MOST_TASKS_RUNNING])}

    def _grouped(self, status: LiveStatus, held: list[tuple[bytes, LockDetails]]) -> list[Record]:
        groups: dict[tuple[Any, ...], Record] = {}
        for name, lock in held:
            key = (lock.host, lock.pid) if lock.host else (name,)
            groups.setdefault(key, _worker(lock.host, lock.pid))["tasks"].append(_running(status, name, lock))
        for who in sorted(self._last_seen)[: MOST_TASKS_RUNNING - len(groups)]:
            groups.setdefault(who, _worker(*who))
        return list(groups.values())


def _worker(host: str, pid: int) -> Record:
    return {"host": _line(host), "pid": pid, "tasks": []}


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
        name = tasks[index[item[1]]].name
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
    return task.name, short_call(task.name, task.args, task.kwargs)[:_LINE]


def _hash(name: bytes) -> str:
    return name.decode("ascii", "replace")


def _line(text: object, most: int = _LINE) -> str:
    return text[:most] if isinstance(text, str) else ""


def _number(value: object) -> float | None:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return float(value) if is_number and abs(value) < 1e15 else None  # type: ignore[arg-type]  # nor inf, nor nan
