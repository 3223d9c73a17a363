"""What failed in a run is not tried again in it: which failures count, and what other workers make of them."""

import pytest
import simulated
from simulated import FakeWorld

import jug.task
from jug import TaskGenerator
from jug.backends.dict_store import dict_store
from jug.engine.run.failures import Failures
from jug.engine.run.outcome import Ending

NAMES = [b"%040x" % number for number in range(4)]
ran = []


@TaskGenerator
def job(x, *needs):
    ran.append(x)
    if x == "bad":
        raise ValueError(x)
    return x


@pytest.fixture(autouse=True)
def nothing_ran():
    ran.clear()


class Shared(dict_store):
    """The view that one of several workers has of the store `base`, in the run `run`."""

    def __init__(self, base=None, run="this"):
        super().__init__()
        self.run = run
        if base is not None:
            self.store = base.store

    def run_id(self):
        return self.run


def record(run="this", time=1.0, worker="w1"):
    return {"task": "t", "run": run, "time": time, "worker": worker, "host": "h", "pid": 1, "attempts": 1}


def worker(store, world=None, **settings):
    return simulated.worker(jug.task.alltasks, store, world, **settings)


# Which failures count


def test_those_of_this_run_count_and_those_of_earlier_ones_do_not():
    store = Shared()
    store.record_failure(NAMES[0], record("this"))
    store.record_failure(NAMES[1], record("earlier"))
    store.record_failure(NAMES[2], {"task": "written by another release"})
    failures = Failures(store)
    assert failures.names() == {NAMES[0]}
    assert [failures.has(name) for name in NAMES] == [True, False, False, False]


def test_what_comes_later_counts_whatever_run_it_says():
    store = Shared()
    store.record_failure(NAMES[0], record("earlier"))
    failures = Failures(store)
    store.record_failure(NAMES[0], record("another", time=2.0))
    store.record_failure(NAMES[1], {"task": "written by another release"})
    assert failures.names() == {NAMES[0], NAMES[1]}


def test_what_is_forgotten_does_not_count_any_more():
    store = Shared()
    store.record_failure(NAMES[0], record())
    failures = Failures(store)
    store.remove_failures([NAMES[0]])
    assert failures.names() == set() and not failures.has(NAMES[0])


def test_a_process_that_is_told_to_work_anew_tries_again_what_it_failed_with(store):
    job("bad")
    assert worker(store).run().exit_code == 1
    assert worker(store).run().exit_code == 1
    assert ran == ["bad", "bad"]


def test_a_worker_joins_its_run_before_its_first_lock_and_not_without_need():
    asked = []

    class Told(Shared):
        def run_id(self):
            asked.append("run")
            return super().run_id()

        def getlock(self, name):
            asked.append("lock")
            return super().getlock(name)

    failures = Failures(Told())
    assert failures.names() == set() and not failures.has(NAMES[0])
    assert asked == []
    job("one"), job("two")
    assert worker(Told()).run().exit_code == 0
    assert asked == ["run", "lock", "lock"]


def test_failures_of_those_who_began_at_the_same_moment_count_too():
    store = simulated.Leases()
    store.known += [simulated.at_work("w2", "h", 2, run="other"), simulated.at_work("w3", "h", 3, run="old", gone=True)]
    store.record_failure(NAMES[0], record("other"))
    store.record_failure(NAMES[1], record("old"))
    assert Failures(store).names() == {NAMES[0]}


# Trying again


def test_what_failed_before_is_forgotten_once_with_the_locks_that_were_kept():
    store = Shared()
    for name in NAMES[:3]:
        store.record_failure(name, record())
    for name in NAMES[1:]:
        assert store.getlock(name).get() and store.getlock(name).fail()
    failures = Failures(store)
    failures.retry(store, NAMES[:2])
    assert failures.names() == {NAMES[2]}
    assert store.lock_states() == {NAMES[2]: True, NAMES[3]: True}
    store.record_failure(NAMES[0], record(time=2.0))
    failures.retry(store, NAMES)
    assert failures.names() == {NAMES[0]}
    assert store.lock_states() == {}


def test_what_failed_again_meanwhile_is_not_forgotten():
    store = Shared()
    store.record_failure(NAMES[0], record())
    failures = Failures(store)
    store.record_failure(NAMES[0], record(time=2.0))
    failures.retry(store, NAMES)
    assert failures.names() == {NAMES[0]}


def test_locks_of_workers_are_left_alone_when_failures_are_forgotten():
    store = Shared()
    store.record_failure(NAMES[0], record())
    assert store.getlock(NAMES[0]).get()
    Failures(store).retry(store, NAMES)
    assert store.lock_states() == {NAMES[0]: False}


# Workers


def test_a_task_that_failed_in_another_worker_is_not_run_again():
    bad, good = job("bad"), job("good")
    job("needs bad", bad)
    store = Shared()
    store.record_failure(bad.hash(), record())
    outcome = worker(store).run()
    assert ran == ["good"] and store.can_load(good.hash())
    assert (outcome.ending, outcome.exit_code) == (Ending.FAILED, 1)
    assert outcome.sentence() == (
        f"1 task failed in another worker ({bad.name}). Tasks left: 1 waiting, 1 failed. "
        "'jug status --failures' shows why, and 'jug execute --retry-failed' tries again."
    )


def test_a_task_that_failed_in_an_earlier_run_is_tried_again():
    bad = job("bad")
    store = Shared()
    store.record_failure(bad.hash(), record("earlier"))
    assert worker(store).run().exit_code == 1
    assert ran == ["bad"]
    assert store.failure(bad.hash())["attempts"] == 2 and store.failure(bad.hash())["run"] == "this"


def test_a_failure_of_the_last_moment_is_seen_under_the_lock():
    """Another worker fails, and gives the lock back, between our last look and our claim."""
    bad = job("bad")

    class Late(Shared):
        def can_load(self, name):
            if name == bad.hash() and not self.failures():
                self.record_failure(name, record())
            return super().can_load(name)

    store = Late()
    outcome = worker(store).run()
    assert ran == [] and outcome.exit_code == 1 and outcome.elsewhere == [bad]
    assert store.lock_states() == {}


def test_a_task_that_fails_elsewhere_while_we_wait_for_it():
    bad = job("bad")
    store = Shared()
    lock = Shared(store).getlock(bad.hash())
    assert lock.get()

    def fails():
        store.record_failure(bad.hash(), record())
        lock.release()

    world = FakeWorld(lambda: None, fails)
    outcome = worker(store, world).run()
    assert (ran, outcome.exit_code, len(world.naps)) == ([], 1, 2)


def test_a_failure_that_somebody_forgets_is_tried_by_whoever_waits():
    bad, slow = job("bad"), job("slow")
    store = Shared()
    store.record_failure(bad.hash(), record())
    lock = Shared(store).getlock(slow.hash())
    assert lock.get()
    world = FakeWorld(lambda: ran.append("pause"), lambda: store.remove_failures([bad.hash()]))
    worker(store, world, nr_wait_cycles=3).run()
    assert ran == ["pause", "bad"]


def test_a_task_that_somebody_tries_again_is_waited_for():
    bad = job("bad")
    store = Shared()
    store.record_failure(bad.hash(), record())
    slow = job("slow")
    held = Shared(store).getlock(slow.hash())
    assert held.get()
    again = Shared(store).getlock(bad.hash())

    def succeeds():
        simulated.finish(store, bad)
        again.release()

    def ends():
        simulated.finish(store, slow)
        held.release()

    world = FakeWorld(again.get, ends, lambda: ran.append("waits"), succeeds)
    outcome = worker(store, world).run()
    assert ran == ["waits"] and outcome.exit_code == 0


def test_a_task_that_was_being_tried_again_by_a_worker_that_is_gone_has_failed_still():
    bad = job("bad")
    store = Shared()
    store.record_failure(bad.hash(), record())

    class Abandoned(Shared):
        def lock_details(self):
            details = super().lock_details()
            for lock in details.values():
                lock.abandoned = True
            return details

    view = Abandoned(store)
    assert view.getlock(bad.hash()).get()
    assert worker(view).run().exit_code == 1
    assert ran == []


def test_with_retry_failed_it_is_run_once_more():
    bad = job("bad")
    job("good")
    store = Shared()
    store.record_failure(bad.hash(), record())
    outcome = worker(store, retry_failed=True, keep_going=True).run()
    assert sorted(ran) == ["bad", "good"]
    assert outcome.failures == [bad] and outcome.elsewhere == []


def test_retry_failed_forgets_what_was_selected_only():
    bad, other = job("bad"), job("other")
    store = Shared()
    for task in (bad, other):
        store.record_failure(task.hash(), record())
    simulated.worker(jug.task.alltasks, store, selected=[1], retry_failed=True).run()
    assert ran == ["other"] and store.failure(bad.hash())["worker"] == "w1"


def test_a_store_that_keeps_no_records_has_each_worker_try_for_itself():
    class Forgetful(Shared):
        def record_failure(self, name, record):
            pass

    store = Forgetful()
    job("bad")
    assert worker(store).run().exit_code == 1
    assert worker(Forgetful(store)).run().exit_code == 1
    assert ran == ["bad", "bad"]


def test_many_failures_cost_one_question_a_look():
    asked = []

    class Asked(Shared):
        def failures(self):
            asked.append("all")
            return {name: {"run": "this"} for name in names}

        def failure(self, name):
            asked.append("one")

    names = [job(f"x{number}").hash() for number in range(1000)]
    assert len(worker(Asked()).run().elsewhere) == 1000
    assert set(asked) == {"all"} and len(asked) <= 4
