import pytest
from simulated import Leases, at_work

from jug import Task
from jug.backends.base import LockDetails
from jug.backends.dict_store import dict_store
from jug.engine.graph import Graph
from jug.engine.views.removal import Cleanup, Invalidation


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
    assert (len(plan), plan.running, plan.left()) == (3, [], 3)


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
    assert len(Invalidation(graph, store, [0]).running) == 1
    assert Invalidation(graph, store, [4]).running == []
    lock.fail()
    assert Invalidation(graph, store, [0]).running == []


def test_who_is_gone_runs_nothing(diamond):
    store, graph = diamond
    store = Leases(store)
    assert store.getlock(graph.hash(3)).get()
    assert [lock.host for lock in Invalidation(graph, store, [0]).running] == ["node1"]
    store.gone.add(graph.hash(3))
    assert Invalidation(graph, store, [0]).running == []


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
    holders = Cleanup(graph, store).holders(held)
    assert [(name, lock.failed, lock.pid, lock.since, count) for name, lock, count in holders] == [
        ("", False, 2, 20.0, 2),
        ("jugfile.gone", False, 2, 30.0, 1),
        (f"{__name__}.g", True, 1, 30.0, 1),
    ]


def test_a_store_that_knows_nothing_of_holders_and_failures(diamond):
    store, graph = diamond
    store.getlock(graph.hash(3)).get()
    store.failures = dict
    ((name, lock, count),) = Cleanup(graph, store).holders([graph.hash(3)])
    assert (name, lock.failed, count) == (f"{__name__}.g", False, 1)


NAMES = [b"%040x" % number for number in range(5)]


def test_what_somebody_may_be_at_work_at_stays(diamond):
    """Another jugfile, or what this one was before it was edited."""
    store, graph = diamond
    store = Leases(store)
    for name in NAMES:
        store.dump(1, name)
    for name in NAMES[:3]:
        assert store.getlock(name).get()
    store.gone.add(NAMES[0])
    store.getlock(NAMES[1]).fail()
    plan = Cleanup(graph, store).add_unused(keep_locks=False).add_locks()
    assert sorted(plan.results) == [NAMES[0], NAMES[1], NAMES[3], NAMES[4]]
    assert (plan.kept, sorted(plan.locks), plan.held) == (5, NAMES[:2], [NAMES[2]])
    assert sorted(Cleanup(graph, store).add_locks(force=True).locks) == NAMES[:3]
    assert Cleanup(graph, store).add_locks(failed_only=True).locks == [NAMES[1]]


def test_failures_of_a_run_that_somebody_is_at_work_in_are_needed(diamond):
    store, graph = diamond
    store = Leases(store)
    store.known += [at_work("w1", "node1", 1, run="this"), at_work("w2", "node2", 2, run="gone", gone=True)]
    for name, run in [(graph.hash(3), "this"), (graph.hash(0), "this"), (NAMES[0], "this"), (NAMES[1], "gone")]:
        store.record_failure(name, {"run": run})
    store.record_failure(NAMES[2], {})
    needed = {graph.hash(3), NAMES[0]}
    plan = Cleanup(graph, store).add_unused(keep_locks=False).add_locks()
    assert {*plan.records} == {graph.hash(0), *NAMES[1:3]}  # one of them is finished
    assert {*Cleanup(graph, store).add_unused(keep_locks=True).records} == {graph.hash(0), *NAMES[1:3]}
    assert {*Cleanup(graph, store).add_locks().records} == {*NAMES[1:3]}  # that does not ask what is finished
    assert {*Cleanup(graph, store).add_locks(failed_only=True).records} == {graph.hash(0), *needed, *NAMES[1:3]}
