"""``jug check --verify`` and ``--sign``: every result is read, and judged; none is unpickled.

A store may hold hundreds of thousands of results, and a broken disk may have damaged them all: what is wrong is told
of the first ones, and counted of all.
"""

from __future__ import annotations

from collections import Counter

from jug import task
from jug.backends.result_bytes import verdict
from jug.engine.graph import Graph
from jug.engine.overrides.differences import store_of
from jug.engine.views.status import finished_nodes
from jug.errors import EXIT_FAILED, EXIT_OK, UsageError
from jug.words.config import tell
from jug.words.plain import plain_line
from jug.words.short import number_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from typing import Any

    from jug.backends.result_bytes.verdict import Verdict
    from jug.words.config import Options

_TOLD = 20
_WRONG = (verdict.DAMAGED, verdict.UNSIGNED, verdict.UNREADABLE, verdict.LOCKED)
# What is said of one result after its path, and of many after their number.
_OF_ONE = {
    verdict.DAMAGED: " is damaged: {why}",
    verdict.UNSIGNED: " is not signed",
    verdict.UNREADABLE: " cannot be read: {why}",
    verdict.LOCKED: " was not signed: its task is locked",
}
_OF_MANY = {
    verdict.WHOLE: "{} whole",
    verdict.OLD: "{} without a checksum (written by jug 2.7)",
    verdict.EMPTY: "{} empty (None, written by jug 2.7)",
    verdict.DAMAGED: "{} damaged",
    verdict.UNSIGNED: "{} not signed",
    verdict.UNREADABLE: "{} that cannot be read",
    verdict.LOCKED: "{} not signed (locked)",
}


def verify(options: Options, store: Any) -> int:
    """Read the results of all tasks, and say which are damaged; nothing is changed."""
    graph = Graph(task.alltasks)
    store, there = store_of(graph, store), finished_nodes(graph, store)
    names = [graph.hash(node) for node in range(len(graph))]
    found = [(_verdict(store, name), node) for node, name in enumerate(names) if there[node]]
    _tell(options, [(one, _whose(graph, node)) for one, node in found if one.kind in _WRONG])
    missing = len(names) - len(found)
    without = f" {number_of(missing, 'task has', 'tasks have')} no result." if missing else ""
    tell(options, f"{_count([one for one, _ in found])}.{without}")
    return EXIT_FAILED if any(one.kind in _WRONG for one, _ in found) else EXIT_OK


def sign(options: Options, store: Any) -> int:
    """Sign all results in the store that are whole; say which are not."""
    if not options.sign_key:
        raise UsageError("To sign results, a key is needed (--sign-key FILE)")
    done = store.sign()
    _tell(options, [(one, "") for one in done.left])
    more = f"; left: {', '.join(_kinds(done.left))}" if done.left else ""
    tell(options, f"{number_of(done.signed, 'result')} signed{more}.")
    return EXIT_FAILED if done.left else EXIT_OK


def _whose(graph: Graph, node: int) -> str:
    return f" ({graph.tasks[node].label()}, task {graph.hash(node).decode()})"


def _verdict(store: Any, name: bytes) -> Verdict:
    found: Verdict | None = store.verify(name)
    if found is None:
        raise UsageError("Results in a store of this kind cannot be verified (only in a folder)")
    return found


def _tell(options: Options, wrong: Sequence[tuple[Verdict, str]]) -> None:
    if options.short:
        return
    told = len(wrong) if options.verbose in ("info", "debug") else _TOLD
    for found, whose in wrong[:told]:
        tell(options, plain_line(f"{found.path}{whose}{_OF_ONE[found.kind].format(why=found.why)}"))
    if len(wrong) > told:
        tell(options, f"... and {len(wrong) - told} more (--verbose info tells all)")


def _count(found: Sequence[Verdict]) -> str:
    number = number_of(len(found), "result")
    return f"{number}: {', '.join(_kinds(found))}" if found else number


def _kinds(found: Iterable[Verdict]) -> list[str]:
    counts = Counter(one.kind for one in found)
    return [text.format(counts[kind]) for kind, text in _OF_MANY.items() if counts[kind]]
