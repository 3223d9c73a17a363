"""The names of jug.task, as used in a jugfile."""

import functools
import math
import pickle

import pytest

import jug
import jug.task
from jug import CachedFunction, Task, TaskGenerator, Tasklet, iteratetask, return_tuple, value
from jug.backends.dict_store import dict_store
from jug.errors import JugError, NoStoreError, NotFinishedError
from jug.hash import UnhashableError, hash_one

calls = []


def double(x):
    calls.append(x)
    return 2 * x


def add(*args, **kwargs):
    return sum(args) + sum(kwargs.values())


@TaskGenerator
def triple(x):
    """Three times as much."""
    return 3 * x


def scaled(x, scale=1):
    return x * scale


class Costly(TaskGenerator):
    """With more arguments than the function."""

    def __init__(self, f, cost):
        super().__init__(f)
        self.cost = cost

    def __call__(self, *args, **kwargs):
        task = super().__call__(*args, **kwargs)
        task.cost = self.cost
        return task


def costly(x):
    return x


costly = Costly(costly, 3)


@return_tuple(2)
@TaskGenerator
def halves(x):
    return x // 2, x - x // 2


@return_tuple(3)
@TaskGenerator
def not_three():
    return 1, 2


@pytest.fixture(autouse=True)
def no_calls():
    calls.clear()


def run_all():
    for task in jug.task.alltasks:
        task.run()


# Making tasks


def test_each_task_has_keyword_arguments_of_its_own(store):
    a, b = Task(scaled, 1), Task(scaled, 2)
    a.kwargs["scale"] = 10
    assert (b.kwargs, Task(scaled, 3).kwargs) == ({}, {})
    assert a.hash() == Task(scaled, 1, scale=10).hash() and b.hash() == Task(scaled, 2).hash()
    assert [t.run() for t in (a, b)] == [10, 2]


def test_dependencies_are_iterators():
    a = Task(double, 1)
    b = Task(double, [a, Task(double, 2)])
    assert next(b.dependencies()) is a and next(b[0].dependencies()) is b
    assert next(Task(double, 1).dependencies(), None) is None


def test_a_subclass_of_taskgenerator_keeps_what_it_has(store):
    again = pickle.loads(pickle.dumps(costly))
    assert type(again) is Costly and again.cost == 3 and again.f is costly.f and again(4).cost == 3
    assert Task(double, costly).hash() == Task(double, again).hash()


def test_a_task_records_the_call_and_does_not_make_it():
    task = Task(double, 4)
    assert (task.name, task.f, task.args, task.kwargs) == (f"{__name__}.double", double, (4,), {})
    assert calls == []


def test_every_task_is_in_alltasks_in_order():
    tasks = [Task(double, 1), triple(2), Task(double, 1)]
    assert jug.task.alltasks == tasks


def test_alltasks_may_be_cleared_and_replaced():
    Task(double, 1)
    del jug.task.alltasks[:]
    jug.task.alltasks = mine = []
    task = triple(1)
    assert mine == [task]


def test_keyword_arguments_may_have_any_name():
    task = Task(add, f=1, self=2, args=3)
    assert task.run(save=False) == 6


def test_a_lambda_has_no_name_for_a_task():
    with pytest.raises(ValueError, match="lambda"):
        Task(lambda: 1)
    with pytest.raises(ValueError, match="needs a function with a name"):
        Task(object())


def test_a_task_generator_given_to_task_is_unwrapped():
    assert Task(triple, 1).hash() == triple(1).hash()
    assert Task(functools.partial(triple, 1)).hash() == triple(1).hash()


def test_the_name_may_be_set_before_hashing():
    task = Task(double, 1)
    plain = Task(double, 1).hash()
    task.name = "another"
    assert task.hash() != plain


def test_tasks_describe_themselves():
    task = Task(double, 1)
    assert repr(task) == f"Task({__name__}.double, args=(1,), kwargs={{}})"
    assert str(task) == f"Task: {__name__}.double(...)"
    assert str(Task(double)) == f"Task: {__name__}.double()"
    assert "double" in str(task[0])


def test_task_as_generator_of_classes_and_builtins():
    assert Task(len, [1]).name == "builtins.len"
    assert Task(dict, a=1).run(save=False) == {"a": 1}


# Results


def test_run_computes_stores_and_returns(store):
    task = Task(double, Task(double, 3))
    task.args[0].run()
    assert task.can_run() and not task.can_load()
    assert task.run() == 12
    assert task.can_load() and task.is_loaded()
    assert store.load(task.hash()) == 12
    task.unload()
    assert not task.is_loaded()
    assert task.result == task.value() == value(task) == 12
    assert calls == [3, 6]


def test_run_without_save_stores_nothing(store):
    task = Task(double, 3)
    assert task.run(save=False) == 6
    assert not task.can_load() and task.value() == 6


def test_run_accepts_force():
    assert Task(double, 3).run(force=True, save=False) == 6


def test_a_function_cannot_change_the_arguments_of_its_task(store):
    def spoil(x):
        x[0].append(1)
        return x

    task = Task(spoil, [[]])
    before = task.hash()
    task.run()
    assert task.args == ([[]],)
    assert Task(spoil, [[]]).hash() == before


def test_the_result_of_an_unfinished_task_is_refused(store):
    task = Task(double, 3)
    for attempt in (task.value, task.load, lambda: task.result, lambda: value([task]), Task(double, task).run):
        with pytest.raises(NotFinishedError, match=r"double has no result") as caught:
            attempt()
        assert isinstance(caught.value, AssertionError) and isinstance(caught.value, JugError)
    assert not Task(double, task).can_run()


def test_without_a_store_the_message_says_what_to_do():
    for attempt in (Task(double, 3).value, Task(double, 3).run, Task(double, 3).lock, Task(double, 3).can_load):
        with pytest.raises(NoStoreError, match=r"double.*jug execute.*set_jugdir"):
            attempt()


def test_can_load_may_ask_another_store(store):
    task = Task(double, 3)
    other = dict_store()
    other.dump(6, task.hash())
    assert task.can_load(other) and not task.can_load()


def test_invalidate_removes_the_result(store):
    task = Task(double, 3)
    task.run()
    task.invalidate()
    assert not task.can_load() and not task.is_loaded()


def test_unload_recursive(store):
    first = Task(double, 3)
    second = Task(double, first)
    run_all()
    second.unload_recursive()
    assert not first.is_loaded() and not second.is_loaded()


def test_a_result_of_none_is_a_result(store):
    task = Task(print)
    task.run()
    task.unload()
    assert task.can_load() and task.value() is None and task.is_loaded()


def test_dependencies_are_tasks_each_once():
    a, b = Task(double, 1), Task(double, 2)
    assert list(Task(add, [a, (b,)], {"k": a}, k=b[0]).dependencies()) == [a, b]


def test_debug_mode_notices_tasks_made_inside_tasks():
    def makes_a_task():
        return Task(double, 1).args

    with pytest.raises((RuntimeError, JugError), match=r"makes_a_task created a task \(.*double"):
        Task(makes_a_task).run(save=False, debug_mode=True)
    assert Task(makes_a_task).run(save=False) == (1,)


def test_debug_mode_notices_changed_arguments():
    class Counter:
        n = 0

        def __jug_hash__(self):
            return str(self.n).encode()

    def count(counter):
        counter.n += 1

    with pytest.raises((RuntimeError, JugError), match="hash of .*count.* changed"):
        Task(count, Counter()).run(save=False, debug_mode=True)


def test_debug_mode_accepts_good_tasks(store):
    assert Task(double, [1]).run(debug_mode=True) == [1, 1]


# Locks


def test_lock_and_unlock(store):
    task, same = Task(double, 1), Task(double, 1)
    assert task.lock() and not same.lock() and not task.lock()
    assert same.is_locked() and not same.is_failed()
    task.unlock()
    assert not same.is_locked() and same.lock()


def test_unlock_removes_a_lock_that_was_left_behind(store):
    task, same = Task(double, 1), Task(double, 1)
    task.lock()
    same.unlock()
    assert not task.is_locked()


def test_fail(store):
    task = Task(double, 1)
    assert not task.fail()
    task.lock()
    assert task.fail() and task.is_failed() and task.is_locked()
    assert Task(double, 1).is_failed() and not Task(double, 1).lock()
    Task(double, 1).unlock()
    assert not task.is_failed() and not task.is_locked()


# Subclasses


def test_subclasses_may_have_an_identity_of_their_own(store):
    class Versioned(Task):
        version = b"1"

        def __jug_hash__(self):
            return hash_one((super().__jug_hash__(), self.version))

    task, plain = Versioned(double, 1), Task(double, 1)
    assert task.hash() == task.hash() == hash_one((plain.hash(), b"1"))
    user = Task(double, task)
    assert user.hash() != Task(double, plain).hash()
    assert hash_one(Versioned(double, 1)) == hash_one(task)
    Versioned.version = b"2"
    assert Task(double, Versioned(double, 1)).hash() != user.hash()
    task.run()
    assert task.can_load() and not plain.can_load()


def test_a_hash_method_of_a_subclass_is_where_its_own_result_is_and_nothing_else(store):
    class Elsewhere(Task):
        def hash(self):
            return b"e" * 40

    task = Elsewhere(double, 1)
    task.run()
    assert list(store.list()) == [b"e" * 40]
    assert Task(double, task).hash() == Task(double, Task(double, 1)).hash()  # as in Jug 2.7


def test_subclasses_may_change_how_to_run():
    class Loud(Task):
        def __init__(self, *args, loudness):
            super().__init__(*args)
            self.loudness = loudness

        def run(self, *args, **kwargs):
            return super().run(*args, **kwargs) * self.loudness

    assert Loud(double, 1, loudness=10).run(save=False) == 20


# Task generators


def test_task_generator_makes_tasks_and_keeps_the_function():
    task = triple(5)
    assert type(task) is Task and task.run(save=False) == 15
    assert triple.f(5) == 15
    assert triple._jug_is_task_generator
    assert (triple.__name__, triple.__doc__, triple.__module__) == ("triple", "Three times as much.", __name__)


def test_task_generators_can_be_pickled_at_module_level():
    again = pickle.loads(pickle.dumps(triple))
    assert again(2).hash() == triple(2).hash()
    assert again.f is triple.f


def test_local_task_generators_cannot_be_pickled():
    @TaskGenerator
    def local(x):
        return x

    with pytest.raises(RuntimeError, match=r"local.*top level"):
        pickle.dumps(local)
    with pytest.raises(RuntimeError, match=r"local.*top level"):
        triple(local).hash()
    assert local(1).run(save=False) == 1


class Model:
    def __init__(self, weight):
        self.weight = weight
        self.tags = {"a", "b", "c"}

    @TaskGenerator
    def scaled(self, x, plus=0):
        return self.weight * x + plus


def test_methods_become_tasks_of_their_object():
    task = Model(3).scaled(2, plus=1)
    assert task.run(save=False) == 7
    assert task.name == f"{__name__}.scaled"
    assert task.hash() == Model(3).scaled(2, plus=1).hash()
    assert task.hash() != Model(4).scaled(2, plus=1).hash()
    assert isinstance(Model.scaled, TaskGenerator)


def test_methods_of_objects_that_cannot_be_pickled_are_refused():
    model = Model(1)
    model.file = open(__file__)  # noqa: SIM115
    with model.file, pytest.raises(UnhashableError, match=r"test_task\.Model.*pickle"):
        model.scaled(1)


# Indexing, tuples


def test_items_of_tasks(store):
    pair, index = Task(divmod, 17, 5), Task(add, 1)
    user = Task(add, pair[0], pair[index])
    run_all()
    assert value(user) == 5 and value(pair[-1]) == 2 and value(pair[:1]) == (3,)


def test_tasks_cannot_be_iterated_over():
    for thing in (Task(double, 1), Task(double, 1)[0]):
        with pytest.raises(NotImplementedError, match=r"double.*iteratetask.*bvalue"):
            list(thing)
        with pytest.raises(NotImplementedError):
            _a, _b = thing


def test_iteratetask(store):
    pair = Task(divmod, 17, 5)
    pair.run()
    items = iteratetask(pair, 2)
    quotient, rest = items
    assert value([quotient, rest]) == [3, 2]
    assert len(items) == 2 and value(items[-1]) == 2 and value(items[0:1]) == [3]
    assert hash_one(items[-1]) == hash_one(pair[1])
    for index in (2, -3):
        with pytest.raises(IndexError, match="divmod.*2 items"):
            items[index]


def test_return_tuple(store):
    low, high = halves(7)
    assert isinstance(low, Tasklet)
    run_all()
    assert (value(low), value(high)) == (3, 4)
    assert halves.__name__ == "halves"


def test_return_tuple_of_another_length_is_an_error_where_it_is_used(store):
    items = not_three()
    assert len(items) == 3
    run_all()
    with pytest.raises(ValueError, match=r"return_tuple\(3\).*2"):
        value(items[0])


# CachedFunction


def test_cached_function_runs_once(store):
    assert CachedFunction(double, 4) == CachedFunction(double, 4) == 8
    assert calls == [4]
    assert CachedFunction(triple, 1) == 3


def test_cached_function_needs_finished_arguments(store):
    task = Task(double, 1)
    with pytest.raises(ValueError, match="double"):
        CachedFunction(double, task)
    task.run()
    assert CachedFunction(double, task) == 4


def test_names_of_the_package():
    for name in jug.__all__:
        assert hasattr(jug, name)
    for name in jug.task.__all__:
        assert hasattr(jug.task, name)


def test_a_task_of_a_method_is_warned_of_once_since_its_object_is_not_hashed(capsys):
    class Line:
        def __init__(self, slope):
            self.slope = slope

        def at(self, x):
            return self.slope * x

        @classmethod
        def flat(cls):
            return cls(0)

    tasks = [Task(Line(slope).at, 5) for slope in (3, 4)]
    assert tasks[0].hash() == tasks[1].hash()
    told = capsys.readouterr().err
    assert told.count("\n") == 1
    assert told.startswith(f"jug: warning: the task '{__name__}.at' is made of a method, whose object is not a part")
    Task(Line.flat)
    Task(math.sqrt, 4)
    assert capsys.readouterr().err == ""
