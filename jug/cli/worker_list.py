"""``jug status --workers``: who is at work, since when, and what everybody is running."""

from __future__ import annotations

from jug.engine.views.worker_list import holders
from jug.words.plain import plain_line
from jug.words.short import local_time, number_of, short_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jug.backends.base import LockDetails, WorkerDetails, base_store
    from jug.engine.graph import Graph
    from jug.engine.views.status import Status
    from jug.engine.views.worker_list import Holder

_HEADINGS = ("Worker", "User", "Started", "Last sign of life", "Running", "Since")
_LONGEST_CALL = 80


def workers_table(graph: Graph, status: Status, store: base_store) -> str:
    """A line for each worker, and for each further task that it holds."""
    found = holders(store.workers(), status.locks)
    if not found:
        return "No worker is known to be at work."
    rows = [_HEADINGS]
    for holder in found:
        tasks: list[tuple[str, str]] = [(_called(graph, name), _time(lock.since)) for name, lock in holder.locks]
        first, *more = tasks or [("-", "-")]
        if holder.claimed:
            more.append((f"(and {holder.claimed} claimed)", ""))
        rows.append((*_who(holder), *first))
        rows += [("", "", "", "", *task) for task in more]
    return "\n".join([*_aligned(rows), _in_short(found)])


def workers_in_short(status: Status, store: base_store) -> str:
    """How many there are, in a sentence."""
    return _in_short(holders(store.workers(), status.locks))


def who_is(details: WorkerDetails | LockDetails) -> str:
    """A worker as it is written everywhere: host and process."""
    return plain_line(f"{details.host or '?'}:{details.pid or '?'}") if details.host or details.pid else "(not known)"


def _who(holder: Holder) -> tuple[str, str, str, str]:
    who = holder.details
    return who_is(who), plain_line(who.user) or "?", _time(who.since), _sign_of_life(holder)


def _sign_of_life(holder: Holder) -> str:
    when = _time(holder.details.sign)
    return f"{when} (gone)" if holder.is_gone else when


def _called(graph: Graph, name: bytes) -> str:
    """The call of the task, or its name where the arguments are not known."""
    node = graph.index.get(name)
    if node is None:
        return "(no task of the jugfile)"
    task: Any = graph.tasks[node]
    call = short_call(task.name, task.args, task.kwargs) if hasattr(task, "args") else task.name
    return call if len(call) <= _LONGEST_CALL else f"{call[: _LONGEST_CALL - 3]}..."


def _time(seconds: float | None) -> str:
    return "?" if seconds is None else local_time(seconds)


def _aligned(rows: Sequence[tuple[str, ...]]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return ["  ".join(map(str.ljust, row, widths)).rstrip() for row in rows]


def _in_short(found: Sequence[Holder]) -> str:
    known = [holder for holder in found if holder.details.host or holder.details.pid]
    gone = sum(holder.is_gone for holder in known)
    idle = sum(not (holder.is_gone or holder.locks) for holder in known)
    at_work = len(known) - gone
    words = [number_of(at_work, "worker")]
    words += [f"{idle} of them without a task"] if idle else []
    words += [f"{gone} gone"] if gone else []
    return ", ".join(words) + "."
