"""Which results are in memory."""

import pytest

import jug.task
from jug import Task
from jug.engine.call.memory import Memory, Vanished
from jug.engine.graph import Graph
from jug.engine.run.plan import Plan
from jug.io import NoLoad


def f(*args):
    return args


def memory_of(store, *tasks, aggressive=False):
    plan = Plan(Graph(tasks or jug.task.alltasks))
    return plan, Memory(plan, store, aggressive)


def put(store, task):
    store.dump("result", task.hash())


def run(plan, memory, node):
    inputs = memory.inputs(node)
    memory.load(inputs)
    plan.done(node, by_me=True)
    memory.drop(node, inputs)
    return inputs


def test_all_inputs_are_loaded_at_once(store, monkeypatch):
    inputs = [Task(f, i) for i in range(50)]
    Task(f, inputs, inputs[0][1], {"k": inputs})
    for task in inputs:
        put(store, task)
    asked = []
    load_many = type(store).load_many
    monkeypatch.setattr(
        type(store), "load_many", lambda self, names: asked.append(list(names)) or load_many(self, names)
    )
    _, memory = memory_of(store)
    found = memory.inputs(50)
    memory.load(found)
    memory.load(found)
    assert asked == [[task.hash() for task in inputs]]
    assert all(task.is_loaded() for task in inputs)


def test_copies_of_a_task_are_loaded_once(store):
    one, other = Task(f, 1), Task(f, 1)
    user = Task(f, one, other)
    put(store, one)
    _, memory = memory_of(store, one, user)
    memory.load(memory.inputs(1))
    assert one.is_loaded() and other.is_loaded()
    assert store.counts[b"load:" + one.hash()] == 1


def test_no_load_is_not_loaded(store):
    big, index = Task(f, 1), Task(f, 2)
    Task(f, NoLoad(big), index)
    _, memory = memory_of(store)
    assert memory.inputs(2) == [index]


def test_a_missing_input_says_which(store):
    a, b = Task(f, 1), Task(f, 2)
    Task(f, a, b)
    put(store, a)
    _, memory = memory_of(store)
    with pytest.raises(Vanished) as caught:
        memory.load(memory.inputs(2))
    assert caught.value.node == 1


def after_one_of_two(store, **options):
    """A task whose result two others need, of which the first has been run."""
    a = Task(f, 1)
    Task(f, a, "b")
    Task(f, a, "c")
    put(store, a)
    plan, memory = memory_of(store, **options)
    plan.done(0)
    run(plan, memory, 1)
    return a, plan, memory


def test_a_result_is_kept_while_a_ready_task_needs_it(store):
    a, plan, memory = after_one_of_two(store)
    assert a.is_loaded()
    run(plan, memory, 2)
    assert not a.is_loaded()


def test_aggressively_nothing_is_kept(store):
    a, _, _ = after_one_of_two(store, aggressive=True)
    assert not a.is_loaded()


def test_a_result_is_dropped_when_others_ran_what_needed_it(store):
    a, plan, memory = after_one_of_two(store)
    plan.done(2)  # by another worker
    assert a.is_loaded()
    memory.sweep()
    assert not a.is_loaded()


def test_what_only_waiting_tasks_need_is_dropped(store):
    a, b = Task(f, 1), Task(f, 2)
    Task(f, a, b)
    plan, memory = memory_of(store)
    a.adopt("result")
    run(plan, memory, 0)
    assert not a.is_loaded()


def test_what_was_loaded_for_a_task_that_could_not_run_is_dropped(store):
    a, b = Task(f, 1), Task(f, 2)
    Task(f, a, b)
    put(store, a)
    plan, memory = memory_of(store)
    inputs = memory.inputs(2)
    with pytest.raises(Vanished):
        memory.load(inputs)
    memory.drop(2, inputs)
    assert not a.is_loaded()
    assert plan.left
