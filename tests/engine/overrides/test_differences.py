"""Tasks of classes that see to some things themselves, and tasks with a store of their own."""

import pytest
from simulated import FakeWorld, worker

import jug.task
from jug import Task, bvalue, value
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.barrier import BarrierError, barrier
from jug.engine.graph import Graph
from jug.engine.overrides.differences import store_of
from jug.engine.run.outcome import Ending
from jug.engine.run.scheduler import Scheduler
from jug.engine.views.live_status import LiveStatus
from jug.engine.views.removal import Cleanup, Invalidation
from jug.engine.views.status import State, Status

ran = []
calls = []
flags = set()


@pytest.fixture(autouse=True)
def nothing_happened():
    for each in (ran, calls, flags):
        each.clear()


def job(x, *needs):
    ran.append(x)
    return x


def fails(x):
    raise ValueError(x)


def sets(flag):
    flags.add(flag)


def states(store):
    graph = Graph(jug.task.alltasks)
    live = LiveStatus(graph, store)
    live.look()
    now = Status(graph, store).states
    assert live.states == now
    return [State(state).name for state in now]


def run(store, world=None, **settings):
    return worker(jug.task.alltasks, store, world, **settings).run()


# What it needs


class After(Task):
    """Needs what is in `needs`, too."""

    needs = ()

    def dependencies(self):
        yield from super().dependencies()
        yield from self.needs


def test_a_dependency_that_is_no_argument_is_waited_for(store):
    after = After(job, "after")
    last = Task(job, "last")
    after.needs = (last,)
    assert states(store) == ["WAITING", "READY"]
    assert not after.can_run()
    assert run(store).ending is Ending.COMPLETE
    assert ran == ["last", "after"]


def test_it_may_be_a_tasklet_of_a_task(store):
    after = After(job, "after")
    after.needs = [Task(job, "last")["x"]]
    assert states(store) == ["WAITING", "READY"]


def test_it_goes_with_what_it_needs_when_that_is_invalidated(store):
    after, last = After(job, "after"), Task(job, "last")
    after.needs = (last,)
    run(store)
    graph = Graph(jug.task.alltasks)
    plan = Invalidation(graph, store, [1])
    assert (len(plan), plan.remove(), plan.left()) == (2, 2, 0)


def test_a_copy_of_its_dependency_does_as_well(store):
    after = After(job, "after")
    Task(job, "last")
    after.needs = (Task.unregistered(job, "last"),)
    assert run(store).ending is Ending.COMPLETE
    assert ran == ["last", "after"]


# Whether it may run


class Gated(Task):
    def can_run(self):
        calls.append("can_run")
        return "go" in flags and super().can_run()


def test_a_task_that_may_not_run_is_left_and_not_called_complete(store):
    Gated(job, "gated")
    Task(job, "other")
    outcome = run(store, nr_wait_cycles=2)
    assert (ran, outcome.ending) == (["other"], Ending.GAVE_UP)
    assert outcome.left == {"running": 0, "ready": 0, "waiting": 1, "failed": 0}
    assert states(store) == ["WAITING", "FINISHED"]
    flags.add("go")
    assert states(store) == ["READY", "FINISHED"]


def test_it_is_asked_again_after_each_pause(store):
    Gated(job, "gated")
    world = FakeWorld(lambda: None, lambda: None, lambda: flags.add("go"))
    assert run(store, world).ending is Ending.COMPLETE
    assert (ran, len(world.naps)) == (["gated"], 3)
    assert len(calls) < 12


def test_it_runs_without_a_pause_once_another_task_made_way(store):
    Gated(job, "gated")
    Task(sets, "go")
    world = FakeWorld()
    assert run(store, world).ending is Ending.COMPLETE
    assert (ran, world.naps) == (["gated"], [])


def test_it_is_not_asked_before_its_dependencies_are_there(store):
    Gated(job, "gated", Task(job, "needed"))
    flags.add("go")
    assert states(store) == ["READY", "WAITING"]
    assert calls == []
    assert run(store).ending is Ending.COMPLETE


def test_a_failure_elsewhere_does_not_end_the_waiting_for_it(store):
    Gated(job, "gated")
    Task(fails, 1)
    world = FakeWorld(lambda: flags.add("go"))
    outcome = run(store, world, keep_going=True)
    assert (ran, outcome.ending) == (["gated"], Ending.FAILED)


# Who runs it


class Locking(Task):
    """Locks, unless somebody else has the one seat; says so."""

    def lock(self):
        calls.append("lock")
        return "busy" not in flags and super().lock()

    def unlock(self):
        calls.append("unlock")
        super().unlock()

    def fail(self):
        calls.append("fail")
        return super().fail()


@pytest.mark.parametrize("opens", [dict_store, lambda: file_store("jugdir")], ids=["dict", "file"])
def test_it_is_locked_and_unlocked_by_its_own_methods(opens, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    store = Task.store = opens()
    for number in range(1, 6):
        Locking(job, number)
        Task(job, -number)
    assert run(store).ending is Ending.COMPLETE
    assert sorted(ran) == [-5, -4, -3, -2, -1, 1, 2, 3, 4, 5]
    assert calls == ["lock", "unlock"] * 5
    assert list(store.listlocks()) == []
    store.close()


def test_a_lock_of_its_own_that_is_not_to_be_had_is_tried_after_pauses(store):
    flags.add("busy")
    Locking(job, 1)
    world = FakeWorld(lambda: None, lambda: flags.clear())
    assert run(store, world).ending is Ending.COMPLETE
    assert (ran, len(world.naps)) == ([1], 2)
    assert len(calls) < 8


def test_a_failure_is_marked_by_its_own_method(store):
    failing = Locking(fails, 1)
    assert run(store, keep_failed=True).ending is Ending.FAILED
    assert calls == ["lock", "fail"]
    assert failing.is_failed()
    assert states(store) == ["FAILED"]
    plan = Cleanup(Graph(jug.task.alltasks), store).add_locks(failed_only=True)
    assert plan.locks == [failing.hash()]


def test_where_it_is_locked_elsewhere_is_for_it_to_say(store):
    class Elsewhere(Task):
        def is_locked(self):
            return True

    Elsewhere(job, 1)
    assert states(store) == ["RUNNING"]


def test_unlocking_leaves_the_lock_of_another_worker_alone(store):
    task, same = Task(job, 1), Task(job, 1)
    assert task.lock()
    assert not same.lock()
    same.unlock()
    assert task.is_locked()


# Whether there is a result


class WithFile(Task):
    """Has a result if there is one, and the file that it wrote."""

    def can_load(self, store=None):
        return "file" in flags and super().can_load(store)


def test_whether_there_is_a_result_is_for_it_to_say(store):
    made = WithFile(sets, "file")
    Task(job, "user", made)
    assert run(store).ending is Ending.COMPLETE
    assert states(store) == ["FINISHED", "FINISHED"]
    flags.clear()
    assert states(store) == ["READY", "FINISHED"]
    with pytest.raises(BarrierError):
        barrier()
    assert run(store).ending is Ending.COMPLETE
    assert flags == {"file"}
    barrier()


def test_one_that_never_has_a_result_fails_and_is_not_run_for_ever(store):
    WithFile(job, 1)
    outcome = run(store)
    assert (ran, outcome.ending) == ([1], Ending.FAILED)


class Outside(Task):
    """Keeps its result elsewhere."""

    kept = None  # a dict, of one test

    def run(self, debug_mode=False):
        result = self.f(*value(self.args))
        self.kept[self.args] = f"kept {result}"
        return result

    def can_load(self, store=None):
        return self.args in self.kept

    def load(self):
        self._result = self.kept[self.args]

    def invalidate(self):
        calls.append("invalidate")
        del self.kept[self.args]


def test_one_that_keeps_its_result_elsewhere_is_asked_for_it(store, monkeypatch):
    monkeypatch.setattr(Outside, "kept", {})
    user = Task(job, Outside(job, 1))
    assert run(store).ending is Ending.COMPLETE
    assert ran == [1, "kept 1"]
    user.unload()
    assert user.value() == "kept 1"
    plan = Invalidation(Graph(jug.task.alltasks), store, [0])
    assert plan.remove() == 2
    assert (calls, Outside.kept, list(store.list())) == (["invalidate"], {}, [])


def test_one_that_stores_its_result_itself_is_not_stored_again(store):
    class Squeezed(Task):
        def run(self, *args, **kwargs):
            result = super().run(*args, **{**kwargs, "save": False})
            self.store.dump(f"squeezed {result}", self.hash())
            return result

    squeezed = Squeezed(job, 1)
    assert run(store).ending is Ending.COMPLETE
    assert store.load(squeezed.hash()) == "squeezed 1"


def test_a_run_that_only_adds_something_is_stored_as_usual(store):
    class Noted(Task):
        def run(self, *args, **kwargs):
            calls.append("run")
            return super().run(*args, **kwargs)

    noted = Noted(job, 1)
    assert run(store).ending is Ending.COMPLETE
    assert (calls, store.load(noted.hash()), list(store.listlocks())) == (["run"], 1, [])


def test_a_value_of_its_own_is_what_others_get(store):
    class Doubled(Task):
        def value(self):
            return 2 * super().value()

    Task(job, Doubled(job, 1))
    assert run(store).ending is Ending.COMPLETE
    assert ran == [1, 2]


def test_a_property_result_of_its_own_is_what_others_get(store):
    class Doubled(Task):
        @property
        def result(self):
            return 2 * super().result

    doubled = Doubled(job, 1)
    Task(job, doubled)
    assert run(store).ending is Ending.COMPLETE
    assert ran == [1, 2] and value([doubled]) == [2]


# Where its result is


class Fast(Task):
    store = None  # a test puts one in


@pytest.fixture
def own(monkeypatch):
    own = dict_store()
    monkeypatch.setattr(Fast, "store", own)
    return own


def test_the_store_of_a_class_has_its_results_and_locks(store, own):
    fast, user = Fast(job, 1), Task(sum, [Fast(job, 1), 2])
    assert states(store) == ["READY", "WAITING"]
    assert run(store).ending is Ending.COMPLETE
    assert (list(own.list()), list(store.list())) == ([fast.hash()], [user.hash()])
    assert {key for key in store.counts if fast.hash() in key and not key.startswith(b"exists")} == set()
    assert states(store) == ["FINISHED", "FINISHED"]
    barrier()
    assert bvalue(user) == 3
    own.remove(fast.hash())
    with pytest.raises(BarrierError, match="job has no result yet"):
        barrier()
    with pytest.raises(BarrierError):
        bvalue(fast)
    assert states(store) == ["READY", "FINISHED"]


def test_the_store_of_one_task_is_its_own(store):
    own = dict_store()
    tasks = [Task(job, number) for number in range(4)]
    tasks[2].store = own
    assert run(store).ending is Ending.COMPLETE
    assert list(own.list()) == [tasks[2].hash()]
    assert len(list(store.list())) == 3
    assert states(store) == ["FINISHED"] * 4


def test_its_locks_are_seen_and_removed_there(store, own):
    fast = Fast(job, 1)
    assert fast.lock()
    assert states(store) == ["RUNNING"]
    assert fast.fail()
    assert states(store) == ["FAILED"]
    assert run(store, retry_failed=True).ending is Ending.COMPLETE
    assert list(own.listlocks()) == []


def test_invalidating_removes_there_and_leaves_what_is_no_task_s(store, own):
    fast, user = Fast(job, 1), Task(sum, [Fast(job, 1), 2])
    own.dump("of somebody else", b"f" * 40)
    run(store)
    graph = Graph(jug.task.alltasks)
    plan = Invalidation(graph, store, [0])
    assert (len(plan), plan.remove(), plan.left()) == (2, 2, 0)
    run(store)
    own.dump("not needed", user.hash())
    assert Cleanup(graph, store).add_unused(keep_locks=False).results == []
    assert store_of(graph, store).cleanup(graph.tasks) == 0
    assert sorted(own.list()) == sorted([fast.hash(), user.hash(), b"f" * 40])


def test_a_store_that_is_no_class_of_ours_does_as_well(store, own):
    class Plain:
        def __init__(self, store):
            for name in ("dump", "load", "can_load", "list", "listlocks", "remove", "remove_locks", "getlock", "close"):
                setattr(self, name, getattr(store, name))

    one = Fast(job, 1)
    one.store = Plain(own)
    assert run(store).ending is Ending.COMPLETE
    assert list(own.list()) == [one.hash()]


def test_results_of_both_stores_come_in_the_order_asked_for(store, own):
    tasks = [kind(job, number) for number in range(6) for kind in (Task, Fast)]
    tasks[1::2] = [Fast(job, -number) for number in range(1, 7)]
    jug.task.alltasks[:] = tasks
    run(store)
    names = [task.hash() for task in tasks]
    found = list(store_of(Graph(tasks), store).load_many(names))
    assert found == [(task.hash(), task.args[0]) for task in tasks]


def test_ordinary_tasks_have_the_store_itself(store):
    tasks = [Task(job, number) for number in range(3)]
    graph = Graph(tasks)
    assert graph.special == frozenset()
    assert store_of(graph, store) is store
    assert Scheduler(graph, store).store is store


class OwnHash(Task):
    """An identity of its own, and nothing else."""

    def __jug_hash__(self):
        return f"job-{self.args[0]}"


class OwnName(Task):
    """Stored under another name than its identity."""

    def hash(self):
        return b"own-%d" % self.args[0]


def test_a_name_of_its_own_is_the_one_that_counts(store):
    user = Task(sum, [OwnName(job, 1), 1])
    assert user.hash()  # for which the identity of the other is computed, and kept
    assert run(store).ending is Ending.COMPLETE
    assert set(store.list()) == {b"own-1", user.hash()}
    assert states(store) == ["FINISHED", "FINISHED"]
    assert run(store).ending is Ending.COMPLETE
    assert ran == [1]


def test_an_identity_of_its_own_asks_nothing_one_by_one(store):
    task = OwnHash(job, 1)
    user = Task(sum, [task, 1])
    assert Graph([task, user]).special == frozenset()
    assert task.hash() == b"job-1"
    assert run(store).ending is Ending.COMPLETE
    assert states(store) == ["FINISHED", "FINISHED"]
    assert user.value() == 2
