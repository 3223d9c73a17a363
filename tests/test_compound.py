"""Compound tasks disappear from the jugfile once they are done."""

import jug.task
from jug import CompoundTask, CompoundTaskGenerator, Task, TaskGenerator, value
from jug.backends.dict_store import dict_store
from jug.engine.graph import Graph
from jug.engine.run.scheduler import Scheduler, Settings

built = []


@TaskGenerator
def double(x):
    return 2 * x


def four_times(x):
    built.append(x)
    return double(double(x))


@CompoundTaskGenerator
def twice_and_more(x, more=0):
    """Two results."""
    return [double(x), more]


def execute(store, **settings):
    return Scheduler(Graph(jug.task.alltasks), store, Settings(**settings)).run()


def test_the_undecorated_function_is_there():
    assert twice_and_more.f.__name__ == "twice_and_more" and twice_and_more.f(1, more=2)[1] == 2


def test_the_inner_tasks_exist_until_the_compound_is_done(store):
    built.clear()
    compound = CompoundTask(four_times, 3)
    assert [t.name for t in jug.task.alltasks] == [
        f"{__name__}.double",
        f"{__name__}.double",
        "jug.compound.compound_task_execute",
    ]
    assert execute(store).exit_code == 0
    assert value(compound) == 12

    del jug.task.alltasks[:]
    again = CompoundTask(four_times, 3)
    assert jug.task.alltasks == [again] and again.name == f"{__name__}.four_times"
    assert built == [3] and again.value() == 12
    assert execute(store).exit_code == 0


def test_the_hash_is_always_that_of_the_plain_call(store):
    plain = Task(four_times, 3).hash()
    unfinished = CompoundTask(four_times, 3)
    execute(store)
    assert unfinished.hash() == CompoundTask(four_times, 3).hash() == plain


def test_a_compound_can_be_used_by_other_tasks(store):
    user = double(CompoundTask(four_times, 1))
    execute(store)
    assert user.value() == 8
    del jug.task.alltasks[:]
    assert double(CompoundTask(four_times, 1)).hash() == user.hash()


def test_a_removed_result_brings_the_inner_tasks_back(store):
    compound = CompoundTask(four_times, 3)
    execute(store)
    compound.invalidate()
    del jug.task.alltasks[:]
    CompoundTask(four_times, 3)
    assert len(jug.task.alltasks) == 3


def test_the_function_may_return_a_structure(store):
    compound = twice_and_more(4, more=1)
    assert twice_and_more.__name__ == "twice_and_more" and twice_and_more.__doc__ == "Two results."
    execute(store)
    assert compound.value() == [8, 1]


def test_debug_mode_accepts_compounds(store):
    CompoundTask(four_times, 3)
    assert execute(store, debug=True).exit_code == 0


def test_a_compound_of_a_task_generator_is_its_task(store):
    assert CompoundTask(double, 3).hash() == double(3).hash()


def test_compounds_can_be_made_without_a_store():
    compound = CompoundTask(four_times, 3)
    assert compound.hash() == Task(four_times, 3).hash()
    assert compound.can_load(dict_store()) is False
