"""Results of others that a worker comes across: it does not try to get their locks."""

from simulated import Events, FakeWorld

import jug.task
from jug import TaskGenerator
from jug.backends.file_store import file_store
from jug.engine.graph import Graph
from jug.engine.run.outcome import Ending
from jug.engine.run.scheduler import Scheduler
from jug.hooks import register_hook

actions = {}  # what functions do, by the value of their argument
runs = []


@TaskGenerator
def job(x):
    runs.append(x)
    actions.pop(x, lambda: None)()
    return x


class Claims(file_store):
    """A store that knows whose lock was wanted."""

    def __init__(self, path):
        super().__init__(path)
        self.wanted = []

    def getlock(self, name):
        self.wanted.append(name)
        return super().getlock(name)


def work(tmp_path, number, do):
    """Run so many tasks, of which the first does `do`, given a store and all tasks; returns what came of it."""
    runs.clear()
    tasks = [job(x) for x in range(number)]
    other, store = file_store(tmp_path), Claims(tmp_path)
    actions[0] = lambda: do(other, tasks)
    events = Events()
    outcome = Scheduler(Graph(jug.task.alltasks), store, None, events, None, FakeWorld()).run()
    assert outcome.ending is Ending.COMPLETE
    store.close()
    return store, tasks, events.events


def run_elsewhere(store, tasks):
    for task in tasks:
        lock = store.getlock(task.hash())
        assert lock.get()
        assert store.dump_soon(task.args[0], task.hash(), lock) is None
    store.flush()


def test_of_what_was_seen_no_lock_is_wanted(tmp_path):
    told = []
    register_hook("execute.task-loadable", lambda task: told.append(task.args[0]))
    store, tasks, events = work(tmp_path, 40, lambda other, tasks: run_elsewhere(other, tasks[10:]))
    # Which others have run is seen under the next lock, at the latest.
    assert len(store.wanted) <= 12 and set(store.wanted) >= {task.hash() for task in tasks[:10]}
    assert sorted(runs) == list(range(10)) and sorted(told) == list(range(10, 40))
    assert sorted(x for kind, x in events if kind == "loadable") == list(range(10, 40))
    assert [store.load(task.hash()) for task in tasks] == list(range(40))


def test_what_was_seen_and_is_gone_at_the_next_look_is_run(tmp_path):
    def remove(task):
        if task.args == (39,):  # all of them are known by now
            gone = file_store(tmp_path).remove_many([task.hash() for task in jug.task.alltasks[20:30]])
            removed.extend(gone)

    removed = []
    register_hook("execute.task-loadable", remove)
    store, tasks, _ = work(tmp_path, 40, lambda other, tasks: run_elsewhere(other, tasks[10:]))
    assert len(removed) == 10 and sorted(runs) == [*range(10), *range(20, 30)]
    assert [store.load(task.hash()) for task in tasks] == list(range(40))


class OnlyRefreshes:
    """All that the documentation asks of a listing."""

    def __init__(self, listing):
        self.refresh = listing.refresh


def test_a_listing_need_not_know_anything_in_passing(tmp_path):
    class Store(file_store):
        def listing(self):
            return OnlyRefreshes(super().listing())

    runs.clear()
    tasks, store = [job(x) for x in range(5)], Store(tmp_path)
    assert Scheduler(Graph(tasks), store).run().ending is Ending.COMPLETE
    store.close()
    assert sorted(runs) == list(range(5))
