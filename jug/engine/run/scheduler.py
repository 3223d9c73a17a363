"""A worker's loop: decide, claim, run, commit, until there is nothing left that it could do.

Workers share nothing but the store. What each knows is its :class:`~jug.engine.run.plan.Plan`, brought up to date by
bulk looks at the store: at the start, when it meets another worker (a lock is taken, a task turns out to be finished),
and while it waits. What concerns the others is in :mod:`jug.engine.run.peers`.
"""

from __future__ import annotations

from jug.engine.call.debugger import post_mortem
from jug.engine.call.failure_record import record_failure
from jug.engine.call.hook import EXECUTED, LOADABLE, STARTS, call_hook, call_hooks
from jug.engine.call.memory import Memory
from jug.engine.call.signals import GRACE, Interrupted, Interrupts, may_be_by_a_signal
from jug.engine.call.surroundings import Surroundings
from jug.engine.overrides.differences import plan_of, run, store_of
from jug.engine.reporter import Reporter
from jug.errors import DamagedResultError, NoRoomError, StopWorker, StoreError
from jug.hooks import needs_result

from .backoff import Backoff
from .failures import Failures
from .lookahead import Lookahead
from .lost_results import Losses
from .outcome import Ending, Outcome
from .peers import Peers
from .pending_results import Results
from .plan import BUSY, DONE, READY, WAITING
from .refresh import Refresh
from .settings import Settings as Settings
from .settings import World as World

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable
    from typing import Any

    from jug.backends.base import base_lock, base_store
    from jug.engine.graph import Graph
    from jug.task import Task
    from jug.words.nodes import TaskNode


_ENDS_THE_WORKER = (Interrupted, KeyboardInterrupt, StopWorker, StoreError)


class Scheduler:
    """Runs the tasks of a graph. :meth:`run` is the loop; then follow its steps in their order.

    Parameters
    ----------
    graph : Graph
    store : base_store
    settings : Settings
    reporter : Reporter
    selected : iterable of int, optional
        The nodes to run; all by default.
    world : World
    """

    def __init__(
        self,
        graph: Graph,
        store: base_store,
        settings: Settings | None = None,
        reporter: Reporter | None = None,
        selected: Iterable[int] | None = None,
        world: World | None = None,
    ) -> None:
        self.graph = graph
        self.store = store = store_of(graph, store)
        self.settings = settings or Settings()
        self.reporter = reporter or Reporter()
        self.world = world or World()
        self.plan = plan_of(graph, selected)
        self.failures: list[Task[Any]] = []
        #: Hashes of tasks that failed in an earlier pass of this worker: they are not run again.
        self.failed_before: Collection[bytes] = ()
        #: What failed in this run, since before an earlier pass of this worker.
        self.remembered: Failures | None = None
        #: Hashes of tasks that were finished in an earlier pass: finding them again is not told again.
        self.known_before: Collection[bytes] = ()
        #: If set: the hashes of what the jugfile waits for; once they are there it should be read again.
        self.reload_when: Collection[bytes] | None = None
        self._listing = store.listing()
        self._knows = getattr(self._listing, "knows", lambda name: False)  # (a store need not have it)
        self._memory = Memory(self.plan, store, self.settings.aggressive_unload)
        self._interrupts = Interrupts()
        self._cause: BaseException | None = None
        self._committed: set[bytes] = set()  # what this worker stored, or saw, since its last look
        self._losses = Losses(graph, store, self.reporter)
        self._results = Results(self.plan, store, self._memory, self.reporter, self.world.clock, self.settings.groups)
        self._foresight = Lookahead(self.plan, self._results.short, self._knows)
        self._progress = False
        self._looks = Refresh(self.world.clock)
        self._patience = Backoff(
            self.settings.wait_cycle_time, self.settings.nr_wait_cycles, self.world.clock, self._sleep
        )

    def run(self) -> Outcome:
        """Work until everything selected is finished or nothing more can be done.

        Raises
        ------
        Interrupted
            A signal came; all locks have been released.
        StoreError
            The store cannot be used.
        """
        with self._interrupts:
            try:
                self._begin()
                with self._foresight.told_to(self.store):
                    self._loop()
            except StoreError:
                self._interrupts.check()  # a signal may be why nobody waited for the store
                raise
            except StopWorker as stop:
                self._ending = Ending.STOPPED if self._is_anything_left() else Ending.COMPLETE
                self._reason, self._cause = f"Stopped, because {stop}.", stop
            finally:
                self._results.flush()
        # What failed here may have been run by another worker since, and well.
        failures = [task for task in self.failures if self.plan.state[self.graph.index[task.hash()]] != DONE]
        outcome = Outcome(self._ending, self._reason, failures, self.plan.numbers_left(), self._progress)
        outcome.elsewhere = [self.graph.tasks[node] for node in self._others.failed()]
        outcome.holders = self._others.holders()
        outcome.cause = self._cause
        return outcome

    def _loop(self) -> None:
        while (node := self._decide()) is not None:
            self._results.before(node)
            lock = self._claim(node) if self.plan.state[node] == READY else None
            if lock is not None and self._execute(node, lock):
                self._record(node)

    def _begin(self) -> None:
        self._ending, self._reason = Ending.COMPLETE, ""
        self._surroundings = Surroundings()
        failures = self.remembered or Failures(self.store)
        self._others = Peers(self.plan, self.store, failures)
        if self.settings.retry_failed:
            failures.retry(self.store, map(self.graph.hash, self.plan.chosen()))
        for name in self.failed_before:
            if name in self.graph.index:
                self.plan.failed(self.graph.index[name])
        self._look()
        self._progress = False  # what was there before is none
        if next(iter(self.store.listlocks()), None) is not None:  # others are at work: begin somewhere else
            self.plan.jump(self.world.chance())

    def _is_anything_left(self) -> bool:
        """Whether a worker that is stopped would have more to do; somebody may have removed results meanwhile."""
        if not self.plan.unfinished():
            try:
                self._look()
            except StopWorker:
                pass  # once more
        return self.reload_when is not None or bool(self.plan.unfinished())

    def finished(self) -> set[bytes]:
        """The hashes of all tasks that are finished, as far as this worker knows."""
        return {self.graph.hash(node) for node, state in enumerate(self.plan.state) if state == DONE}

    # Decide

    def _decide(self) -> int | None:
        """The next node to run; waits for one if need be. None: it is time to end, and `_ending` says why."""
        while True:
            self._interrupts.check()
            if self.failures and not self.settings.keep_going:
                return self._end(Ending.FAILED)
            node = self._take()
            if node is None:
                self._look()
                node = self._take()
            if node is not None:
                return node
            ending = self._nothing_ready()
            if ending is not None:
                return self._end(ending)

    def _take(self) -> int | None:
        """The next node, but for those that others have run, as was seen in passing."""
        seen = []
        while (node := self.plan.take()) is not None and self._knows(self.graph.hash(node)):
            seen.append(node)
        if seen:
            self._committed.update(map(self.graph.hash, seen))  # the next look may not tell if they vanish
            self._found(seen)
        return node

    def _end(self, ending: Ending) -> int | None:
        self._ending = ending
        if ending is Ending.GAVE_UP:
            self._reason = f"Nothing could be run for {self._patience.limit:g} s (see --nr-wait-cycles)."
        return None

    def _nothing_ready(self) -> Ending | None:
        """Why to end now that nothing is ready; None after a pause in which something may have become so."""
        if self.reload_when is None:
            if not self.plan.unfinished():
                return Ending.COMPLETE
        elif all(self._is_done(name) for name in self.reload_when):
            return Ending.RELOAD
        if self.plan.only_failures_left():
            return Ending.FAILED
        self.reporter.waiting(self.plan.left[BUSY], self.plan.left[WAITING])
        return None if self._patience.wait(at_least=self._looks.cost) else Ending.GAVE_UP

    def _is_done(self, name: bytes) -> bool:
        node = self.graph.index.get(name)
        return self.store.can_load(name) if node is None else self.plan.state[node] == DONE

    def _sleep(self, seconds: float) -> None:
        if self._others:
            self.store.wait_for_holders(seconds, self._nap)
            self._others.paused()
        else:
            self._nap(seconds)

    def _nap(self, seconds: float) -> None:
        with self._interrupts.allowed():
            self.world.sleep(seconds)

    # Look: what have others done?

    def _look(self) -> None:
        """Bring the plan up to date."""
        self._looks.begin()
        self._results.flush()
        appeared, vanished = self._listing.refresh()
        index = self.graph.index
        for name in vanished:
            if name in index:
                self.plan.vanished(index[name])
        for name in self._committed - appeared:  # stored and removed between two looks: no listing had it
            if not self.store.can_load(name):
                self.plan.vanished(index[name])
        self._committed.clear()
        # Gone and back between two looks: both listings have it.
        back = {name for name in self._losses.take() - appeared - vanished if self.store.can_load(name)}
        self._found(self.graph.numbers(appeared | back if back else appeared))
        self._others.look()
        self._memory.sweep()
        self._looks.end()

    def _found(self, nodes: Collection[int]) -> None:
        """The nodes have results that this worker did not compute (or it knows already)."""
        self._others.forget(nodes)
        new = self.plan.done_all(nodes)
        if not new:
            return
        self._progress = True
        self._patience.reset()
        tasks = [self.graph.tasks[node] for node in new if self.plan.to_run[node]]
        if self.known_before:
            tasks = [task for task in tasks if task.hash() not in self.known_before]
        self.reporter.loadable(tasks)
        # Only now: a hook may end the worker, which is complete if these were the last.
        call_hooks(LOADABLE, tasks)

    # Claim

    def _claim(self, node: int) -> base_lock | None:
        """Take the lock of the node; None if another worker has it, or has failed with or finished the task."""
        start = self.world.clock()
        lock = self._others.claim(node)
        if lock is not None:
            self._patience.reset()
            return lock
        if self.plan.state[node] == READY:
            self._looks.in_vain(start)
            self._found([node])
        self._sidestep()
        return None

    def _sidestep(self) -> None:
        """Another worker is working here: learn what it has done, and go on somewhere else."""
        if self._looks.is_due():
            self._look()
        self.plan.jump(self.world.chance())

    # Run and commit

    def _execute(self, node: int, lock: base_lock) -> bool:
        """Run the task of the node and store its result; the lock is released in any case. True on success."""
        task = self.graph.tasks[node]
        self.plan.mine(node)
        keep_lock = False
        inputs: list[TaskNode] = []
        try:
            inputs = self._memory.inputs(node)
            self._memory.load(inputs)
            call_hook(STARTS, task)
            self.reporter.started(task)
            keep_lock = self._compute(node, lock)
        except BaseException as error:  # noqa: BLE001  (whatever the function of the task raises)
            if not self._is_failure(node, error):
                return False
            # First of all: others are to know why they find the lock as it will be.
            record_failure(self.store, task, error)
            keep_lock = self.settings.keep_failed and lock.fail()
            self._failed(node, error)
            return False
        finally:
            if not keep_lock:
                lock.release()
            self._memory.drop(node, inputs)
        return self.plan.state[node] == DONE

    def _compute(self, node: int, lock: base_lock) -> bool:
        """Call the task's function, and see to its result; True if this waits, and the store has the lock."""
        start = self.world.clock()
        with self._interrupts.allowed(), self._surroundings:
            result = run(self.graph.tasks[node], self.settings.debug)
        return self._results.store(node, result, self.world.clock() - start, lock)

    def _record(self, node: int) -> None:
        self._progress = True
        self._committed.add(self.graph.hash(node))
        self._results.after(now=needs_result(EXECUTED))
        if self.plan.state[node] == DONE:
            call_hook(EXECUTED, self.graph.tasks[node])

    def _is_failure(self, node: int, error: BaseException) -> bool:
        """False if the task is to be run again; raises `error` if it is the worker's end and not the task's."""
        if isinstance(error, _ENDS_THE_WORKER) and not isinstance(error, (DamagedResultError, NoRoomError)):
            self.plan.freed(node)
            raise error
        self._interrupts.check()  # a function may have made another error of the signal
        if may_be_by_a_signal(error):
            self._nap(GRACE)
        lost = self._losses.lost(node, error)
        if lost is None:
            return self._results.settle(node)  # sys.exit() in a task is a failure of that task, too
        self.plan.vanished(lost)
        self.plan.freed(node)
        self._look()  # where one result got lost there may be more
        return False

    def _failed(self, node: int, error: BaseException) -> None:
        task = self.graph.tasks[node]
        self.plan.failed(node)
        self.failures.append(task)
        self._cause = None if self.settings.keep_going else error  # (which keeps all that the task had in memory)
        self.reporter.failed(task, error)
        if self.settings.pdb:
            post_mortem(error)
