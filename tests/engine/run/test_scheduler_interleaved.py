"""Several workers on one store, switched at every question that one of them asks."""

import random
import threading

import pytest
from simulated import FakeWorld, RecordingStore, finish, names_of_locks, worker

from jug import Task
from jug.errors import StopWorker

ran = []


@pytest.fixture(autouse=True)
def nothing_ran():
    ran.clear()


def work(x, *needs):
    ran.append(x)
    return x


def tasks():
    """What each worker makes of the jugfile: task objects of its own. 0 and 1, then 2 of both, 3 of 0, 4 of 2 and 3."""
    zero, one = (Task.unregistered(work, i) for i in range(2))
    two, three = Task.unregistered(work, 2, zero, one), Task.unregistered(work, 3, zero)
    return [zero, one, two, three, Task.unregistered(work, 4, [two, three])]


def run_with(intervention):
    """Run a worker; `intervention` is called with its store and the number of each question before it is asked."""
    ran.clear()
    store = RecordingStore()
    first = worker(tasks(), store)
    store.before = lambda operation, name: intervention(store, len(store.log))
    outcome = first.run()
    store.before = lambda operation, name: None
    return outcome, store


def number_of_questions():
    """How many questions a worker asks that is alone."""
    _, store = run_with(lambda store, number: None)
    return len(store.log)


class StopsAfter(RecordingStore):
    """The view of a worker that ends after so many results."""

    def __init__(self, shared, results):
        super().__init__(shared)
        self.results = results

    def tell(self, operation, name=None):
        pass  # the log is that of the first worker

    def dump(self, object, name):
        super().dump(object, name)
        self.results -= 1
        if not self.results:
            raise StopWorker("it stored enough")


@pytest.mark.parametrize("results", [1, 2, 3, 5])
def test_another_worker_at_any_step_runs_nothing_twice(results):
    for step in range(number_of_questions()):
        used = []

        def other(store, number, step=step, used=used):
            if number >= step and not used:
                used.append(number)
                worker(tasks(), StopsAfter(store, results), nr_wait_cycles=0).run()

        outcome, store = run_with(other)
        assert used == [step]
        assert outcome.exit_code == 0, step
        assert sorted(ran) == [0, 1, 2, 3, 4], step
        assert names_of_locks(store) == set()


@pytest.mark.parametrize("victim", range(5))
def test_a_result_removed_at_any_step_is_there_again_if_the_worker_looked_once_more(victim):
    for step in range(number_of_questions()):
        removed = []

        def remove(store, number, step=step, removed=removed):
            name = tasks()[victim].hash()
            if number >= step and not removed and store.store.pop(b"result:" + name, None):
                removed.append(number)

        outcome, store = run_with(remove)
        assert outcome.exit_code == 0
        assert names_of_locks(store) == set()
        assert {ran.count(x) for x in range(5) if x != victim} == {1}
        if removed and any(operation == "list" for operation, _ in store.log[removed[0] :]):
            assert ran.count(victim) == 2, step
            assert b"result:" + tasks()[victim].hash() in store.store


class Baton:
    """Lets one of the threads go on at a time; which one, chance decides at every step."""

    def __init__(self, seed):
        self._chance = random.Random(seed)
        self._turns = {}
        self._begin = threading.Event()

    def run(self, functions):
        """Run the functions, each in a thread of its own, to their ends."""
        threads = [threading.Thread(target=self._run, args=(function,)) for function in functions]
        for thread in threads:
            self._turns[thread] = threading.Semaphore(0)
        for thread in threads:
            thread.start()
        self._next().release()
        for thread in threads:
            thread.join()

    def _run(self, function):
        self._turns[threading.current_thread()].acquire()
        try:
            function()
        finally:
            del self._turns[threading.current_thread()]
            if self._turns:
                self._next().release()

    def _next(self):
        return self._chance.choice(list(self._turns.values()))

    def step(self, *ignored):
        """Perhaps another thread goes on here."""
        mine, chosen = self._turns[threading.current_thread()], self._next()
        if chosen is not mine:
            chosen.release()
            mine.acquire()


@pytest.mark.parametrize("seed", range(30))
def test_three_workers_switched_by_chance_run_nothing_twice(seed):
    baton, store, codes = Baton(seed), RecordingStore(), []

    def one_worker():
        mine = RecordingStore(store)
        mine.before = baton.step
        world = FakeWorld(*[baton.step] * 10_000)
        codes.append(worker(tasks(), mine, world).run().exit_code)

    baton.run([one_worker] * 3)
    assert codes == [0, 0, 0]
    assert sorted(ran) == [0, 1, 2, 3, 4]
    assert names_of_locks(store) == set()


@pytest.mark.parametrize("selected", [None, [1]])
def test_a_result_that_was_gone_when_it_was_loaded_and_is_back_at_the_next_look(selected):
    """Two looks that both see it do not tell that it was gone: the worker must not wait for it to appear."""
    zero = Task(work, 0)
    one = Task(work, 1, zero)
    store = RecordingStore()
    finish(store, zero)
    removed = []

    def gone_for_a_moment(operation, name):
        if operation == "load" and name == zero.hash() and not removed:
            removed.append(store.store.pop(b"result:" + zero.hash()))
        elif operation == "list" and removed:
            finish(store, zero)

    store.before = gone_for_a_moment
    assert worker([zero, one], store, selected=selected).run().exit_code == 0
    assert 1 in ran
