"""What becomes of results: stored at once, or after a wait in which those of other short tasks join them.

To make a result durable takes longer than a short task, and about as long for many results as for one. So the store may
have a result wait (:meth:`~jug.backends.base.base_store.dump_soon`): for some hundredths of a second at most, and only
while tasks follow that are expected to be short, as those of the same name were. Before one that may take long, before
the worker looks at the store or pauses, and at its end, what waits is stored. Only then it is told that a task was
executed. (If a task turns out to be long, others do not wait for its end: see
:mod:`jug.backends.file.prefetch.watch_flush`.)

**Order.** No result, and no failure, becomes durable before what it was computed from. What waits is an *input* of a
task that reads it: as one of its arguments, or since its function asks for the value. Before the result of a task that
has inputs is stored, what waits is, unless the result is to wait with them. To know what each task has read itself is
enough. For say that B was computed from A by way of others, B is about to be stored, and A waits. Follow the way from A
to B as long as all results on it wait. The next one does not, but had the last of these for an input: so that was
stored before it, and does not wait.

**Overtaken.** When what waits is stored, another worker may turn out to have taken over a task (this one was held up
for longer than its lease), so that its result counts. Then nothing that was computed from ours is stored: such tasks
run again, with the result from the store. And ours is forgotten, wherever it is in memory.
"""

from __future__ import annotations

from jug.backends.inputs import Inputs
from jug.errors import NoRoomError, StoreError
from jug.words import nodes

from .commit import commit
from .plan import DONE, MINE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable
    from typing import Any

    from jug.backends.base import base_lock, base_store
    from jug.engine.call.memory import Memory
    from jug.engine.reporter import Reporter

    from .plan import Plan

#: Seconds that a short task takes, at most.
SHORT = 0.01
#: Seconds that a result waits.
LONGEST = 0.04


class _Waiting(Inputs):
    """Nodes of `results` that wait. (One for each short task in a chain: what is not asked for is not made.)"""

    __slots__ = ("_nodes", "_results")

    def __init__(self, results: Results, nodes: set[int]) -> None:
        self._results = results
        self._nodes = nodes

    @property
    def names(self) -> Collection[bytes]:
        return self._results.names(self._nodes)

    def settle(self) -> bool:
        return self._results.are_settled(self._nodes)


class Results:
    """The results of one worker, by node of `plan`; `clock` tells seconds; `groups`: whether any may wait."""

    def __init__(
        self,
        plan: Plan,
        store: base_store,
        memory: Memory,
        reporter: Reporter,
        clock: Callable[[], float],
        groups: bool = True,
    ) -> None:
        self._plan = plan
        self._graph = plan.graph
        self._store = store
        self._memory = memory
        self._reporter = reporter
        self._clock = clock
        self._groups = groups
        self._has_order = getattr(store, "minds_inputs", False)
        #: By name of tasks, how many seconds the last one took, if it was short (and results may wait).
        self.short: dict[str, float] = {}
        self._waiting: dict[int, float] = {}  # nodes, and how long each took
        self._since = 0.0

    def before(self, node: int) -> None:
        """The node is about to be run: store what would have to wait for it, if it may take long.

        Then another one may have to be run before, as the plan knows.
        """
        if self._waiting:
            if self._graph.tasks[node].name not in self.short or node in self._graph.special:
                self.flush()
            else:
                nodes.reads = []

    def store(self, node: int, result: Any, seconds: float, lock: base_lock) -> bool:
        """Store the result, for which the function took so long; True if it waits, and the store has the lock.

        The plan knows then whether the node is done, or to be run again.
        """
        task = self._graph.tasks[node]
        is_short = self._groups and seconds < SHORT
        if is_short:
            self.short[task.name] = seconds
        else:
            self.short.pop(task.name, None)
        inputs = self._inputs(node) if self._waiting else set()
        if inputs and is_short and self._has_order:
            lock.inputs = _Waiting(self, inputs)
        elif inputs and not self.are_settled(inputs):
            self._again(node)
            return False
        is_stored = commit(self._store, task, result, lock, soon=is_short)
        if is_stored is None:
            if not self._waiting:
                self._since = self._clock()
            self._waiting[node] = seconds
            self._plan.done(node, by_me=True)
        elif is_stored:
            self._plan.done(node, by_me=True)
            self._tell(node, seconds, is_overtaken=False)
        elif inputs and not self.are_settled(inputs):
            self._again(node)
        else:
            self._tell(node, seconds, is_overtaken=True)
        return is_stored is None

    def settle(self, node: int) -> bool:
        """Store what the node was computed from; False if it is to be run again, since another's result counts."""
        inputs = self._inputs(node) if self._waiting else set()
        if inputs and not self.are_settled(inputs):
            self._again(node)
            return False
        return True

    def after(self, now: bool) -> None:
        """A node was run: store what waits if it has done so for long enough, or if it is wanted `now`."""
        if self._waiting and (now or self._clock() - self._since >= LONGEST):
            self.flush()

    def flush(self) -> None:
        """Store what waits."""
        nodes.reads = None
        if self._waiting:
            waiting, self._waiting = self._waiting, {}
            names = self._store.flush()
            overtaken = {node for node in waiting if self._graph.hash(node) in names} if names else set()
            for node, seconds in waiting.items():
                if node in overtaken and not overtaken.isdisjoint(self._graph.dependencies(node)):
                    self._again(node)
                else:
                    self._tell(node, seconds, node in overtaken)

    def _inputs(self, node: int) -> set[int]:
        """The nodes that wait and that it was computed from."""
        read, nodes.reads = nodes.reads, None
        needed = self._graph.dependencies(node)
        if not read and not needed:
            return set()  # as for most tasks
        waiting, index = self._waiting, self._graph.index
        inputs = {node for node in needed if node in waiting}
        for task in read or ():
            node = index.get(task.hash(), -1)
            if node in waiting:
                inputs.add(node)
        return inputs

    def names(self, inputs: Iterable[int]) -> Collection[bytes]:
        """The names of these nodes."""
        return [*map(self._graph.hash, inputs)]

    def are_settled(self, inputs: Iterable[int]) -> bool:
        """Store what waits; False if another's result counts of one of the inputs."""
        try:
            self.flush()
        except NoRoomError as error:  # which would be taken for a failure of the task at hand
            raise StoreError(str(error)) from error
        return all(self._plan.state[node] == DONE for node in inputs)

    def _tell(self, node: int, seconds: float, is_overtaken: bool) -> None:
        """A result is there, for good: ours, or that of another worker who has run the task, too."""
        task = self._graph.tasks[node]
        if is_overtaken:
            self._reporter.overtaken(task)
            self._again(node)
        else:
            self._reporter.executed(task, seconds)

    def _again(self, node: int) -> None:
        """Our result does not count: forget it, and have another look at the node."""
        self._memory.forget(node)
        if self._plan.state[node] == MINE:
            self._plan.freed(node)
        else:
            self._plan.vanished(node)
