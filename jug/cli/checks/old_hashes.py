"""Results that are not found any more, since another version of Python or numpy gives their tasks other hashes."""

from __future__ import annotations

from itertools import islice

from jug.engine.views.status import State
from jug.hashcheck.other_versions import hashes_of_others
from jug.words.nodes import ATOMS, Node, TaskNode, inside

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from jug.engine.graph import Graph
    from jug.engine.views.status import Status

_SOME = 200


def results_of_other_versions(graph: Graph, status: Status, store: Any) -> str:
    """A sentence about results of unfinished tasks under other hashes; empty if there are none.

    Nothing is computed if all results in the store are those of the tasks, or no task has an argument that could be
    concerned. Of those that have, some are tried first.
    """
    unfinished = [t for t, state in zip(graph.tasks, status.states, strict=False) if state != State.FINISHED]
    some = list(islice((t for t in unfinished if _may_be_concerned((t.args, t.kwargs))), _SOME))
    if not some:
        return ""
    names = set(store.list())
    if len(names) <= len(status.states) - len(unfinished):
        return ""
    if not _best(some, names)[0]:
        return ""
    number, changes = _best(unfinished, names)
    versions = " and ".join(change.version for change in changes)
    what = " and ".join(change.what for change in changes)
    have = "task has a result that was" if number == 1 else "tasks have results that were"
    return (
        f"{number} unfinished {have} stored with {versions} under another hash, since there are {what} among the "
        "arguments: go back to that version to use what is there, or pass plain values (x.item(), str(path)), whose "
        "hash is the same with all versions."
    )


def _may_be_concerned(root: Any) -> bool:
    """Whether there is anything in `root` but plain values, in what jug looks inside, and tasks."""
    stack = [root]
    opened: dict[int, Any] = {}
    while stack:
        obj = stack.pop()
        if type(obj) in ATOMS or isinstance(obj, TaskNode) or id(obj) in opened:
            continue
        opened[id(obj)] = obj
        items = obj.sources() if isinstance(obj, Node) else inside(obj)
        if items is None:
            return True
        stack += items
        stack += obj if type(obj) is dict else ()
    return False


def _best(tasks: Sequence[Any], names: set[bytes]) -> tuple[int, Sequence[Any]]:
    """The changes with which most of these tasks have a result, and how many have."""
    found = [(sum(digest in names for digest in hashes), changes) for changes, hashes in hashes_of_others(tasks)]
    return max(found, key=lambda one: one[0], default=(0, ()))
