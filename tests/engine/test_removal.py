import pytest

from jug import Task
from jug.backends.base import LockDetails
from jug.backends.dict_store import dict_store
from jug.engine.graph import Graph
from jug.engine.removal import Cleanup, Invalidation


def f(*args):
    return args


def g(*args):
    return args


@pytest.fixture
def diamond(store):
    """Two tasks that need the first, one that needs both, and one apart; the last but one has no result."""
    first = Task(f, 1)
    left, right = Task(g, first), Task(f, first[0])
    tasks = [first, left, right, Task(g, left, right), Task(f, 2)]
    for number in (0, 1, 2, 4):
        store.dump(number, tasks[number].hash())
    return store, Graph(tasks)


def test_what_was_chosen_is_told_from_what_depends_on_it(diamond):
    store, graph = diamond
    plan = Invalidation(graph, store, [0])
    assert plan.selected == {f"{__name__}.f": 1}
    assert plan.dependent == {f"{__name__}.f": 1, f"{__name__}.g": 1}
    assert (len(plan), plan.running, plan.left()) == (3, 0, 3)


def test_dependents_are_removed_first(diamond):
    store, graph = diamond
    order = []
    remove = store.remove
    store.remove = lambda name: order.append(graph.index[name]) or remove(name)
    plan = Invalidation(graph, store, [0])
    assert plan.remove() == 3
    assert (order[0], order[-1]) == (3, 0)
    assert plan.left() == 0


def test_what_comes_after_the_plan_was_made_goes_too(diamond):
    store, graph = diamond
    plan = Invalidation(graph, store, [0])
    store.dump(3, graph.hash(3))
    assert plan.remove() == 4


def test_running_tasks_are_counted_and_failed_ones_are_not(diamond):
    store, graph = diamond
    lock = store.getlock(graph.hash(3))
    lock.get()
    assert Invalidation(graph, store, [0]).running == 1
    assert Invalidation(graph, store, [4]).running == 0
    lock.fail()
    assert Invalidation(graph, store, [0]).running == 0


def test_nothing_to_do(diamond):
    store, graph = diamond
    assert not Invalidation(graph, store, [])
    assert not Invalidation(graph, dict_store(), [0])


def test_unused_results_and_those_that_stay(diamond):
    store, graph = diamond
    store.dump(1, b"ab" * 20)
    plan = Cleanup(graph, store).add_unused(keep_locks=False)
    assert (plan.results, plan.kept, plan.locks) == ([b"ab" * 20], 4, [])


def test_locks_of_one_holder_are_told_together(diamond):
    store, graph = diamond
    known, names = graph.hash(3), [b"%040x" % number for number in range(3)]
    held = {
        known: LockDetails(True, "n1", 1, 30.0),
        **dict(zip(names, [LockDetails(False, "n1", 2, since) for since in (30.0, None, 20.0)], strict=True)),
    }
    for name in held:
        store.getlock(name).get()
    store.lock_details = lambda: held
    store.record_failure(names[0], {"task": "jugfile.gone"})
    holders = Cleanup(graph, store).add_locks().holders()
    assert [(name, lock.failed, lock.pid, lock.since, count) for name, lock, count in holders] == [
        ("", False, 2, 20.0, 2),
        ("jugfile.gone", False, 2, 30.0, 1),
        (f"{__name__}.g", True, 1, 30.0, 1),
    ]


def test_a_store_that_knows_nothing_of_holders_and_failures(diamond):
    store, graph = diamond
    store.getlock(graph.hash(3)).get()
    store.failures = dict
    ((name, lock, count),) = Cleanup(graph, store).add_locks().holders()
    assert (name, lock.failed, count) == (f"{__name__}.g", False, 1)
