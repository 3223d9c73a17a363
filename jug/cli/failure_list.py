"""``jug status --failures``: what failed, with which arguments, where, how often, and why."""

from __future__ import annotations

from jug.engine.views.status import State
from jug.words.short import local_time, number_of, short_call

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from jug.backends.base import base_store
    from jug.engine.graph import Graph
    from jug.engine.views.status import Status

    _Record = dict[str, Any]


def failures_text(graph: Graph, status: Status, store: base_store, short: bool = False) -> str:
    """A part for each failed task, in the order of the jugfile; if `short`, a line."""
    records = store.failures()
    parts = [_part(graph, node, records.get(graph.hash(node), {}), short) for node in _failed(graph, status)]
    if not parts:
        return "No task has failed."
    return ("\n" if short else "\n\n").join(parts)


def _failed(graph: Graph, status: Status) -> Iterator[int]:
    return (node for node in range(graph.listed) if status.states[node] == State.FAILED)


def _part(graph: Graph, node: int, record: _Record, short: bool) -> str:
    call = _called(graph.tasks[node])
    if not record:
        return f"{call}: it is marked as failed, and nobody wrote down why."
    if short:
        return f"{call}: {_word(record, 'error')}"
    lines = [f"{call} (task {graph.hash(node).decode()})", f"    {_circumstances(record)}"]
    return "\n".join([*lines, _word(record, "traceback").rstrip("\n") or _word(record, "error")])


def _circumstances(record: _Record) -> str:
    time, attempts = record.get("time"), record.get("attempts")
    when = local_time(time) if isinstance(time, (int, float)) else "?"
    where = f"{_word(record, 'host') or '?'}:{record.get('pid') or '?'}"
    often = f", the last of {number_of(attempts, 'time')}" if isinstance(attempts, int) and attempts > 1 else ""
    return f"failed on {where} at {when}{often}"


def _called(task: Any) -> str:
    return short_call(task.name, task.args, task.kwargs) if hasattr(task, "args") else task.name


def _word(record: _Record, field: str) -> str:
    value = record.get(field)
    return value if isinstance(value, str) else ""
