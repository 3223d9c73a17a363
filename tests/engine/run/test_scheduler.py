"""A worker among others: decide, claim, run, commit."""

import random
import sys
import threading
import time

import pytest
import simulated
from simulated import Events, FakeWorld

import jug.task
from jug import Task, TaskGenerator, value
from jug.backends.dict_store import dict_store
from jug.backends.file_store import file_store
from jug.engine.call.signals import Interrupted
from jug.engine.graph import Graph
from jug.engine.run.outcome import Ending
from jug.engine.run.scheduler import Scheduler, Settings, World
from jug.errors import StopWorker, StoreError, UnstorableError
from jug.hooks import register_hook
from jug.io import NoLoad

actions = {}  # what functions do in addition, by the value of their first argument
ran = []


@pytest.fixture(autouse=True)
def nothing_ran():
    ran.clear()
    actions.clear()


def worker(store, world=None, selected=None, **settings):
    """A worker that knows all tasks of the moment."""
    tasks = jug.task.alltasks
    numbers = None if selected is None else [tasks.index(task) for task in selected]
    return simulated.worker(tasks, store, world, numbers, **settings)


@TaskGenerator
def job(x, *needs, **more):
    ran.append(x)
    return actions.get(x, lambda: x)()


def fails(message="no good"):
    raise ValueError(message)


def in_store(store, task):
    return store.can_load(task.hash())


# By itself


def test_everything_runs_once_after_what_it_needs(store):
    a = job("a")
    b, c = job("b", a), job("c", a)
    d = job("d", [b, {"k": c[0]}])
    scheduler = worker(store)
    outcome = scheduler.run()
    assert (outcome.ending, outcome.exit_code, outcome.progress) == (Ending.COMPLETE, 0, True)
    assert sorted(ran) == ["a", "b", "c", "d"] and ran[0] == "a" and ran[-1] == "d"
    assert scheduler.reporter.of("executed") == scheduler.reporter.of("started")
    assert value(d) == "d"
    assert list(store.listlocks()) == [] and scheduler.world.naps == []


def test_what_is_finished_is_found_and_told_once(store):
    told = []
    register_hook("execute.task-loadable", lambda t: told.append(t))
    a, b = job("a"), job("b")
    a.run()
    ran.clear()
    scheduler = worker(store)
    outcome = scheduler.run()
    assert ran == ["b"] and told == [a] and scheduler.reporter.of("loadable") == ["a"]
    assert outcome.progress
    outcome = worker(store).run()
    assert not outcome.progress and outcome.exit_code == 0 and b.can_load()


def test_no_tasks_is_complete(store):
    assert worker(store).run().exit_code == 0


def test_tasks_made_twice_run_once(store):
    users = [job("u", job("a")), job("v", job("a"))]
    assert worker(store).run().exit_code == 0
    assert sorted(ran) == ["a", "u", "v"] and all(in_store(store, user) for user in users)


def test_a_lock_is_taken_before_the_result_is_looked_for(store):
    a = job("a")
    calls = []
    get, can_load = dict_store.getlock, dict_store.can_load

    class Watched(dict_store):
        def getlock(self, name):
            calls.append("lock")
            return get(self, name)

        def can_load(self, name):
            calls.append("look")
            return can_load(self, name)

    watched = Watched()
    worker(watched).run()
    assert calls == ["lock", "look"] and in_store(watched, a)


def test_hooks_are_called_in_order(store):
    calls = []
    for name in ("execute.task-pre-execute", "execute.task-executed1"):
        register_hook(name, lambda t, name=name: calls.append((name, t.args[0], in_store(store, t))))
    job("b", job("a"))
    worker(store).run()
    assert calls == [
        ("execute.task-pre-execute", "a", False),
        ("execute.task-executed1", "a", True),
        ("execute.task-pre-execute", "b", False),
        ("execute.task-executed1", "b", True),
    ]


def test_settings_have_names():
    assert Settings(keep_going=True).keep_going
    with pytest.raises(TypeError, match="keep_on"):
        Settings(keep_on=True)


def test_the_world_by_default_is_the_real_one():
    world = World()
    assert 0 <= world.chance() < 1
    before = world.clock()
    world.sleep(0.001)
    assert world.clock() > before


# Failures


def test_the_first_failure_ends_the_worker(store):
    actions["a"] = fails
    a, b = job("a"), job("b")
    scheduler = worker(store)
    outcome = scheduler.run()
    assert (outcome.ending, outcome.exit_code, outcome.failures) == (Ending.FAILED, 1, [a])
    assert ran == ["a"] and not in_store(store, b)
    assert [str(error) for error in scheduler.reporter.errors] == ["no good"]
    assert list(store.listlocks()) == []


def test_keep_going_runs_what_does_not_need_the_failure(store):
    actions["a"] = fails
    a = job("a")
    waits = job("w", a)
    b = job("b")
    outcome = worker(store, keep_going=True).run()
    assert sorted(ran) == ["a", "b"] and outcome.exit_code == 1 and outcome.failures == [a]
    assert outcome.left == {"running": 0, "ready": 0, "waiting": 1, "failed": 1}
    assert in_store(store, b) and not in_store(store, waits) and list(store.listlocks()) == []


def test_keep_failed_leaves_the_lock(store):
    actions["a"] = fails
    a = job("a")
    worker(store, keep_failed=True, keep_going=True).run()
    assert a.is_failed()

    job("b")
    second = worker(store)
    outcome = second.run()
    assert ran == ["a", "b"]  # and not "a" again
    assert (outcome.ending, outcome.exit_code, outcome.failures) == (Ending.FAILED, 1, [])
    assert second.world.naps == []  # it leaves at once: nothing can be expected to happen


@pytest.mark.parametrize("code", [None, 0, 3, "goodbye"])
def test_sys_exit_in_a_task_fails_the_task(store, code):
    actions["a"] = lambda: sys.exit(code)
    a = job("a")
    b = job("b")
    outcome = worker(store, keep_going=True).run()
    assert outcome.failures == [a] and outcome.exit_code == 1 and in_store(store, b)


def test_a_result_that_cannot_be_pickled_fails_its_task_only(store):
    actions["a"] = threading.Lock
    a = job("a")
    b = job("b")
    scheduler = worker(store, keep_going=True)
    outcome = scheduler.run()
    assert outcome.failures == [a] and in_store(store, b) and not in_store(store, a)
    (error,) = scheduler.reporter.errors
    assert isinstance(error, UnstorableError) and "lock" in str(error)
    assert not a.is_loaded() and list(store.listlocks()) == []


def test_debug_checks_fail_the_task(store):
    actions["a"] = lambda: job("inner").name
    a = job("a")
    scheduler = worker(store, debug=True)
    assert scheduler.run().failures == [a]
    assert "created a task" in str(scheduler.reporter.errors[0])


def test_a_damaged_result_is_set_aside_and_computed_again(tmp_path):
    Task.store = store = file_store(tmp_path / "jugdir")
    a = job("a")
    b, c = job("b", a), job("c")
    a.run()
    a.unload()
    digest = a.hash().decode()
    (tmp_path / "jugdir" / digest[:2] / digest[2:]).write_bytes(b"garbage")
    ran.clear()
    scheduler = worker(store, keep_going=True)
    outcome = scheduler.run()
    assert not outcome.failures and in_store(store, b) and in_store(store, c) and sorted(ran) == ["a", "b", "c"]
    (aside,) = (tmp_path / "jugdir" / "corrupt").iterdir()
    assert aside.name.startswith(f"{digest}.") and aside.read_bytes() == b"garbage"
    assert scheduler.reporter.of("damaged") == ["a"]
    assert list(store.listlocks()) == []


def test_a_damaged_result_whose_task_somebody_has_locked_stays_until_the_lock_is_free(tmp_path):
    Task.store = store = file_store(tmp_path / "jugdir")
    a = job("a")
    b = job("b", a)
    a.run()
    a.unload()
    digest = a.hash().decode()
    path = tmp_path / "jugdir" / digest[:2] / digest[2:]
    path.write_bytes(b"garbage")
    lock = store.getlock(a.hash())
    assert lock.get()
    seen = []

    def end_of_the_other():
        seen.append(path.read_bytes())
        lock.release()

    ran.clear()
    outcome = worker(store, FakeWorld(end_of_the_other)).run()
    assert not outcome.failures and ran == ["a", "b"] and in_store(store, b)
    assert seen == [b"garbage"]
    assert len(list((tmp_path / "jugdir" / "corrupt").iterdir())) == 1


class Unloadable:
    def __reduce__(self):
        return int, ("no number",)  # a ValueError when it is unpickled


def test_a_whole_result_that_cannot_be_unpickled_fails_what_needs_it(tmp_path):
    Task.store = store = file_store(tmp_path / "jugdir")
    actions["a"] = Unloadable
    a = job("a")
    b = job("b", a)
    store.dump(Unloadable(), a.hash())
    scheduler = worker(store)
    assert scheduler.run().failures == [b]
    assert "no number" in str(scheduler.reporter.errors[0])
    assert in_store(store, a) and not (tmp_path / "jugdir" / "corrupt").exists()


def test_a_result_that_is_listed_but_never_there_fails_what_needs_it(store, monkeypatch):
    a = job("a")
    b = job("b", a)
    a.run()
    a.unload()

    def load(self, name):
        raise KeyError(name)  # as the user's own unpickling might

    monkeypatch.setattr(dict_store, "load", load)
    assert worker(store).run().failures == [b]


class Broken(dict_store):
    """Fails in one operation."""

    operation = ""

    def dump(self, obj, name):
        if self.operation == "dump":
            raise StoreError("disk full")
        super().dump(obj, name)

    def can_load(self, name):
        if self.operation == "can_load":
            raise StoreError("disk gone")
        return super().can_load(name)

    def load(self, name):
        if self.operation == "load":
            raise StoreError("disk unreadable")
        return super().load(name)


@pytest.mark.parametrize("operation", ["dump", "can_load", "load"])
def test_errors_of_the_store_end_the_worker_and_release_the_lock(operation):
    Task.store = store = Broken()
    a = job("a")
    job("b", a)
    a.run()
    a.unload()
    store.operation = operation
    with pytest.raises(StoreError, match="disk"):
        worker(store, keep_going=True, keep_failed=True).run()
    assert list(store.listlocks()) == []


def test_errors_of_arguments_fail_the_task_and_release_the_lock(store):
    class Odd:
        def __jug_hash__(self):
            return b"odd"

        def __jug_value__(self):
            raise LookupError("odd")

    a = job("a", Odd())
    assert worker(store).run().failures == [a]
    assert list(store.listlocks()) == []


# Hooks that stop the worker


@pytest.mark.parametrize("hook", ["execute.task-pre-execute", "execute.task-executed1"])
@pytest.mark.parametrize("stop", [StopWorker("enough"), SystemExit(0), SystemExit("enough")])
def test_a_hook_stops_the_worker(store, hook, stop):
    def raise_it(task):
        raise stop

    register_hook(hook, raise_it)
    a, _ = job("a"), job("b")
    outcome = worker(store, keep_failed=True).run()
    status = 1 if stop.code == "enough" else 3  # (as Python has it)
    assert (outcome.ending, outcome.exit_code, outcome.failures) == (Ending.STOPPED, status, [])
    assert outcome.cause.code == stop.code
    assert in_store(store, a) == (hook == "execute.task-executed1")
    assert list(store.listlocks()) == []
    assert "enough" in outcome.sentence() or type(stop) is SystemExit


def test_a_hook_that_stops_after_the_last_task_changes_nothing(store):
    register_hook("execute.task-executed1", lambda t: (_ for _ in ()).throw(StopWorker("enough")))
    job("a")
    outcome = worker(store).run()
    assert (outcome.ending, outcome.exit_code) == (Ending.COMPLETE, 0)


def test_a_worker_stopped_at_a_barrier_is_not_complete(store):
    register_hook("execute.task-executed1", lambda t: (_ for _ in ()).throw(StopWorker("enough")))
    a = job("a")
    scheduler = worker(store)
    scheduler.reload_when = {a.hash()}
    assert scheduler.run().exit_code == 3


# Others hold locks


def test_a_task_that_is_busy_elsewhere_and_freed_is_run(store):
    a = job("a")
    other = store.getlock(a.hash())
    other.get()
    scheduler = worker(store, FakeWorld(lambda: None, other.release))
    outcome = scheduler.run()
    assert outcome.exit_code == 0 and ran == ["a"]
    assert scheduler.reporter.events[0] == ("waiting", 1, 0)
    assert len(scheduler.world.naps) == 2


def test_a_task_that_is_busy_elsewhere_and_finished_is_not_run(store):
    a = job("a")
    b = job("b", a)
    other = store.getlock(a.hash())
    other.get()

    def finish():
        store.dump("result", a.hash())
        other.release()

    scheduler = worker(store, FakeWorld(finish))
    assert scheduler.run().exit_code == 0
    assert ran == ["b"] and scheduler.reporter.of("loadable") == ["a"] and in_store(store, b)


def test_a_task_that_is_busy_elsewhere_and_fails_ends_the_wait(store):
    a = job("a")
    job("b", a)
    other = store.getlock(a.hash())
    other.get()
    scheduler = worker(store, FakeWorld(lambda: None, other.fail))
    outcome = scheduler.run()
    assert (outcome.ending, outcome.exit_code, ran) == (Ending.FAILED, 1, [])
    assert outcome.left == {"running": 0, "ready": 0, "waiting": 1, "failed": 1}
    assert len(scheduler.world.naps) == 2


def test_a_failed_lock_that_is_removed_lets_the_task_run(store):
    a, b = job("a"), job("b")
    failed, busy = store.getlock(a.hash()), store.getlock(b.hash())
    failed.get()
    failed.fail()
    busy.get()
    world = FakeWorld(lambda: None, lambda: store.remove_lock(a.hash()), busy.release)
    assert worker(store, world).run().exit_code == 0
    assert sorted(ran) == ["a", "b"]


def test_patience_ends(store):
    a = job("a")
    store.getlock(a.hash()).get()
    scheduler = worker(store, wait_cycle_time=2, nr_wait_cycles=5)
    outcome = scheduler.run()
    assert (outcome.ending, outcome.exit_code, ran) == (Ending.GAVE_UP, 3, [])
    assert sum(scheduler.world.naps) == pytest.approx(10)
    assert outcome.left["running"] == 1 and "10 s" in outcome.sentence()


def test_pauses_back_off_and_start_over_after_progress(store):
    tasks = [job(i) for i in range(2)]
    locks = [store.getlock(task.hash()) for task in tasks]
    for lock in locks:
        lock.get()
    nothing = [lambda: None] * 20
    world = FakeWorld(*nothing, locks[0].release, *nothing, locks[1].release)
    assert worker(store, world, wait_cycle_time=3).run().exit_code == 0
    expected = [min(0.003 * 1.5**k, 3) for k in range(21)]
    assert world.naps == pytest.approx(expected * 2)


def test_progress_of_others_keeps_a_worker_waiting(store):
    tasks = [job(i) for i in range(100)]
    locks = [store.getlock(task.hash()) for task in tasks]
    for lock in locks:
        lock.get()

    def finish_one():
        lock, task = locks.pop(), tasks.pop()
        store.dump(None, task.hash())
        lock.release()

    world = FakeWorld(*[finish_one] * 100)
    assert worker(store, world, wait_cycle_time=0.01, nr_wait_cycles=2).run().exit_code == 0
    assert world.now > 5 * 2 * 0.01 and ran == []


def test_a_worker_that_starts_among_others_starts_somewhere_else(store):
    tasks = [job(i) for i in range(10)]
    lock = store.getlock(tasks[0].hash())
    lock.get()
    actions[9] = lock.release
    assert worker(store, FakeWorld(lambda: None, chance=0.5)).run().exit_code == 0
    assert ran[0] == 5


def test_alone_the_order_is_that_of_the_jugfile(store):
    for i in range(10):
        job(i)
    worker(store, FakeWorld(chance=0.5)).run()
    assert ran == list(range(10))


# Results that vanish


def test_a_result_removed_before_it_is_needed_is_computed_again(store):
    a = job("a")
    b = job("b")
    job("c", a, b)
    a.run()
    a.unload()
    ran.clear()
    actions["b"] = a.invalidate
    assert worker(store).run().exit_code == 0
    assert ran == ["b", "a", "c"]


def test_a_result_removed_between_claim_and_load_is_computed_again(store, monkeypatch):
    a = job("a")
    b = job("b", a)
    a.run()
    a.unload()
    ran.clear()
    can_load = dict_store.can_load

    def remove_then_look(self, name):
        if name == b.hash():
            self.store.pop(b"result:" + a.hash(), None)
            monkeypatch.setattr(dict_store, "can_load", can_load)
        return can_load(self, name)

    monkeypatch.setattr(dict_store, "can_load", remove_then_look)
    assert worker(store).run().exit_code == 0
    assert ran == ["a", "b"] and list(store.listlocks()) == []


def test_own_results_removed_by_others_are_computed_again_before_the_end(store):
    a = job("a")
    job("b", a)
    actions["b"] = lambda: store.remove(a.hash())
    assert worker(store).run().exit_code == 0
    assert ran == ["a", "b", "a"] and in_store(store, a)


def test_results_invalidated_while_waiting_are_computed_again(store):
    a, b = job("a"), job("b")
    a.run()
    ran.clear()
    lock = store.getlock(b.hash())
    lock.get()
    assert worker(store, FakeWorld(a.invalidate, lock.release)).run().exit_code == 0
    assert sorted(ran) == ["a", "b"]


# Selections


def test_only_the_selection_runs_and_others_results_are_used(store):
    a = job("a")
    b = job("b", a)
    lock = store.getlock(a.hash())
    lock.get()
    scheduler = worker(store, FakeWorld(lambda: store.dump(1, a.hash())), selected=[b])
    assert scheduler.run().exit_code == 0
    assert ran == ["b"]


def test_a_selection_that_waits_for_others_gives_up(store):
    a = job("a")
    b = job("b", a)
    outcome = worker(store, selected=[b]).run()
    assert (outcome.exit_code, ran, outcome.left["waiting"]) == (3, [], 1)


def test_a_finished_selection_is_complete(store):
    a = job("a")
    job("b", a)
    assert worker(store, selected=[a]).run().exit_code == 0
    assert ran == ["a"]


# Memory and loading


def test_a_large_fan_in_is_loaded_once(store, monkeypatch):
    parts = [job(i) for i in range(200)]
    job("sum", parts, parts[3])
    for part in parts:
        part.run()
        part.unload()
    asked = []
    load_many = dict_store.load_many
    monkeypatch.setattr(dict_store, "load_many", lambda self, names: asked.append(len(names)) or load_many(self, names))
    assert worker(store).run().exit_code == 0
    assert asked == [200]
    assert not any(part.is_loaded() for part in parts)


@pytest.mark.parametrize("aggressive", [False, True])
def test_results_are_dropped_when_no_ready_task_needs_them(store, aggressive):
    a = job("a")
    chain = [job(0, a)]
    for i in range(1, 5):
        chain.append(job(i, chain[-1], a))
    loaded = []
    register_hook("execute.task-pre-execute", lambda t: loaded.append(sum(x.is_loaded() for x in [a, *chain])))
    assert worker(store, aggressive_unload=aggressive).run().exit_code == 0
    assert max(loaded) <= 2
    assert not any(task.is_loaded() for task in [a, *chain])


def test_a_shared_result_is_loaded_once_unless_aggressive(store):
    for aggressive, times in ((False, 0), (True, 4)):
        a = job("a", aggressive)
        for i in range(4):
            job(i, a)
        assert worker(store, aggressive_unload=aggressive).run().exit_code == 0
        assert store.counts[b"load:" + a.hash()] == times


def test_results_kept_for_what_others_ran_are_dropped(store):
    a = job("a")
    users = [job("b", a), job("c", a)]
    for x in "bc":
        actions[x] = lambda: [store.dump("by another", user.hash()) for user in users]
    assert worker(store).run().exit_code == 0
    assert len(ran) == 2 and not a.is_loaded()


def test_no_load_is_not_loaded(store):
    big = job("big")
    job("small", NoLoad(big))
    worker(store).run()
    assert store.counts[b"load:" + big.hash()] == 0 and ran == ["big", "small"]


def test_the_store_is_not_asked_about_every_dependency(store):
    level = [job(i) for i in range(50)]
    for _ in range(4):
        level = [job(i, *level) for i in range(50)]
    store.counts.clear()
    worker(store).run()
    looks = sum(n for key, n in store.counts.items() if key.startswith(b"exists:"))
    assert len(ran) == 250 and looks == 250


# Two workers


def build():
    del jug.task.alltasks[:]
    first = [job(("first", i)) for i in range(6)]
    second = [job(("second", i), first[i], first[-1 - i]) for i in range(6)]
    return [*first, *second, job("last", second)]


def others_work_within(store, rng, depth):
    """Another worker runs a few tasks (and, within these, others do) while a task is at work."""
    if depth > 3 or rng.random() < 0.5:
        return
    left = rng.randrange(1, 6)

    class Limited(Events):
        def executed(self, task, seconds):
            nonlocal left
            left -= 1
            if not left:
                raise StopWorker("limit")

    actions["depth"] = depth + 1
    scheduler = Scheduler(Graph(build()), store, Settings(nr_wait_cycles=1), Limited(), None, FakeWorld())
    scheduler.world.chance = rng.random
    scheduler.run()
    actions["depth"] = depth


@pytest.mark.parametrize("seed", range(40))
def test_interleaved_workers_never_run_a_task_twice(store, seed, monkeypatch):
    rng = random.Random(seed)
    actions["depth"] = 0

    def work(x, *needs):
        ran.append(x)
        others_work_within(store, rng, actions["depth"])
        return x

    monkeypatch.setattr(job, "f", work)
    work.__name__ = "job"
    outcome = Scheduler(Graph(build()), store, Settings(), Events(), None, FakeWorld()).run()
    assert outcome.exit_code == 0
    assert len(ran) == len(set(ran)) == 13
    assert list(store.listlocks()) == []


def test_workers_in_threads_never_run_a_task_twice(store):
    for i in range(30):
        actions[i] = lambda: time.sleep(0.001)
    copies = []
    for _ in range(3):
        del jug.task.alltasks[:]
        level = [job(i) for i in range(30)]
        copies.append([*level, *(job(f"next {i}", level[i], level[-i]) for i in range(30))])
    outcomes, threads = [], []
    for tasks in copies:
        threads.append(threading.Thread(target=lambda tasks=tasks: outcomes.append(exit_code(tasks, store))))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [0, 0, 0] and len(ran) == len(set(ran)) == 60


def exit_code(tasks, store):
    settings = Settings(wait_cycle_time=0.01, nr_wait_cycles=10**4)
    return Scheduler(Graph(tasks), store, settings, Events()).run().exit_code


# Interruption (real signals: see test_interrupts)


def test_an_interrupted_task_is_given_back(store):
    def interrupted():
        raise Interrupted(15)

    actions["a"] = interrupted
    job("a")
    with pytest.raises(Interrupted):
        worker(store, keep_failed=True).run()
    assert list(store.listlocks()) == [] and list(store.list()) == []
