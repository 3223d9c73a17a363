"""Large and deep data: the same code, linear time, and no recursion."""

import sys
import threading

import pytest
import simulated

import jug.task
from jug import Task, Tasklet
from jug.engine.graph import Graph
from jug.engine.views.status import State, Status
from jug.hash import UnhashableError, hash_one
from jug.task import describe, recursive_dependencies, topological_sort
from jug.words.nodes import value

MANY = 100_000


def plus_one(x):
    return x + 1


def total(xs):
    return sum(xs)


def mixed(x, y):
    return (x + 2 * y) % 1009


def depth(x):
    """How many containers have something in them; does not recurse."""
    n = 0
    while x:
        n += 1
        x = x["in"] if type(x) is dict else x[0]
    return n


# Each shape makes its tasks, and returns the last one with the result it must have.


def chain(n):
    task = Task(plus_one, 0)
    for _ in range(n - 1):
        task = Task(plus_one, task)
    return task, n


def wide(n):
    return Task(total, [Task(plus_one, i) for i in range(n)]), n * (n + 1) // 2


def tasklets(n):
    last = Task(plus_one, 0)
    for _ in range(n):
        last = Tasklet(last, plus_one)
    return Task(plus_one, last), n + 2


def items(n):
    last = Task(endless)
    for _ in range(n):
        last = last[0]
    return Task(is_endless, last), True


def endless():
    return ENDLESS


def is_endless(x):
    return x is ENDLESS


class Endless:
    """A sequence whose items are itself; there is one of it."""

    def __getitem__(self, index):
        return self

    def __reduce__(self):
        return "ENDLESS"


ENDLESS = Endless()


def indices(n):
    """table[table[table[...]]]: tasklets that are indices of others."""
    table = Task(zeros)
    index = table[0]
    for _ in range(n):
        index = table[index]
    return Task(plus_one, index), 1


def zeros():
    return [0]


def lattice(n):
    left, right = Task(plus_one, 0), Task(plus_one, 1)
    a, b = 1, 2
    for _ in range(n):
        left, right = Task(mixed, left, right), Task(mixed, right, y=left)
        a, b = mixed(a, b), mixed(b, a)
    return left, a


def tasklet_lattice(n):
    left = right = Task(plus_one, 0)
    a = b = 1
    for _ in range(n):
        left, right = Tasklet([left, right], first), Tasklet((right, left), first)
        a, b = mixed(a, b), mixed(b, a)
    return Task(plus_one, left), a + 1


def first(pair):
    return mixed(*pair)


def nested(wrap):
    def make(n):
        argument = wrap(None)
        for _ in range(n - 1):
            argument = wrap(argument)
        return Task(depth, argument), n - 1  # the innermost is empty

    return make


in_list = nested(lambda x: [] if x is None else [x])
in_tuple = nested(lambda x: () if x is None else (x,))
in_dict = nested(lambda x: {} if x is None else {"in": x})


def around(make):
    """The container is around a task: dependencies are found at any depth."""

    def shape(n):
        inner, _ = make(3)
        argument = [inner]
        for _ in range(n):
            argument = [argument]
        return Task(innermost, argument), 3

    return shape


def innermost(x):
    while type(x) is list:
        x = x[0]
    return x


SHAPES = {
    "chain": (chain, MANY),
    "wide": (wide, MANY),
    "tasklets": (tasklets, MANY),
    "items": (items, 20_000),
    "indices": (indices, 20_000),
    "lattice": (lattice, 200),
    "tasklet lattice": (tasklet_lattice, 200),
    "list": (in_list, 10_000),
    "tuple": (in_tuple, 10_000),
    "dict": (in_dict, 10_000),
    "list around a task": (around(chain), 10_000),
}


@pytest.fixture
def low_recursion_limit():
    """Little more than what is in use: whatever recurses over the data fails."""
    limit, frame, used = sys.getrecursionlimit(), sys._getframe(), 0
    while frame is not None:
        frame, used = frame.f_back, used + 1
    sys.setrecursionlimit(used + 150)
    yield
    found = sys.getrecursionlimit()
    sys.setrecursionlimit(limit)
    assert found == used + 150, "somebody changed the recursion limit"


def work(store, make, n):
    """All that is done with a jugfile: make tasks, hash, ask for the status before and after running."""
    last, expected = make(n)
    graph = Graph(jug.task.alltasks)
    before = Status(graph, store).counts()
    outcome = simulated.worker(jug.task.alltasks, store).run()
    after = Status(graph, store)
    return last, expected, before, outcome, after


@pytest.mark.parametrize("name", SHAPES)
def test_large_shapes_load_hash_report_and_run(name, store, low_recursion_limit):
    make, n = SHAPES[name]
    last, expected, before, outcome, after = work(store, make, n)
    assert before[State.FINISHED] == 0 and before[State.READY] > 0
    assert outcome.exit_code == 0 and after.is_complete()
    assert value(last) == last.value() == expected
    last.unload_recursive()
    assert not any(task.is_loaded() for task in jug.task.alltasks)
    assert last.can_run() and value([[last]]) == [[expected]]


def calls_of(function, *args):
    """How many functions are called, those written in C included."""
    number = 0

    def count(frame, event, arg):
        nonlocal number
        number += event in ("call", "c_call")

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        function(*args)
    finally:
        sys.setprofile(before)
    return number


@pytest.mark.parametrize("name", SHAPES)
def test_work_is_linear(name, store):
    make, _ = SHAPES[name]
    n = 100 if "lattice" in name else 1000
    work(store, make, 10)  # what is done once only
    numbers = []
    for size in (n, 2 * n):
        del jug.task.alltasks[:]
        for stored in list(store.list()):
            store.remove(stored)
        numbers.append(calls_of(work, store, make, size))
    assert numbers[1] / numbers[0] < 2.2


@pytest.mark.parametrize("name", ["chain", "wide", "lattice"])
def test_questions_to_the_store_are_linear(name):
    numbers = []
    for n in (100, 200):
        del jug.task.alltasks[:]
        Task.store = store = simulated.RecordingStore()
        work(store, SHAPES[name][0], n)
        numbers.append(len(store.log))
    assert numbers[1] / numbers[0] < 2.2


@pytest.mark.parametrize("name", ["chain", "lattice"])
def test_questions_of_provenance_do_not_recurse(name, low_recursion_limit):
    make, n = SHAPES[name]
    last, _ = make(n)
    tasks = jug.task.alltasks[:]
    assert len(list(recursive_dependencies(last))) <= len(tasks) - 1
    tasks.reverse()
    topological_sort(tasks)
    place = {id(task): i for i, task in enumerate(tasks)}
    assert all(place[id(needed)] < i for i, task in enumerate(tasks) for needed in task.dependencies())


def test_a_task_in_many_copies_is_no_burden(store):
    def copies(n):
        for _ in range(n):
            Task(plus_one, 1)
        return jug.task.alltasks[0], 2

    numbers = []
    for n in (1000, 2000):
        del jug.task.alltasks[:]
        store.store.clear()
        numbers.append(calls_of(work, store, copies, n))
    assert numbers[1] / numbers[0] < 2.2


def test_downstream_of_a_chain_does_not_recurse(low_recursion_limit):
    chain(MANY)
    graph = Graph(jug.task.alltasks)
    assert graph.downstream([0]) == list(range(MANY - 1, -1, -1))


def test_a_hash_of_a_deep_structure_is_like_that_of_its_parts():
    assert hash_one([[[1]]]) == hash_one([[[1]]]) != hash_one([[[[1]]]])


@pytest.mark.parametrize("name", SHAPES)
def test_what_things_are_called_stays_short(name, low_recursion_limit):
    make, n = SHAPES[name]
    last, _ = make(n)
    for node in (last, last[0], *last.args):
        if not isinstance(node, (list, tuple, dict)):  # how these are shown is not ours
            assert len(str(node)) < 1000 and len(repr(node)) < 1000


@pytest.mark.parametrize("name", ["chain", "tasklets", "list around a task", "lattice"])
def test_an_argument_that_cannot_be_hashed_is_found_at_any_depth(name, low_recursion_limit):
    make, n = SHAPES[name]
    last, _ = make(min(n, 20_000))
    jug.task.alltasks[0].args = (threading.Lock(),)
    with pytest.raises(UnhashableError, match=r"plus_one.*lock") as caught:
        last.hash()
    assert len(str(caught.value)) < 1000


def test_describing_a_chain_does_not_recurse(low_recursion_limit):
    last, _ = chain(MANY)
    description = describe(last)
    for _ in range(MANY - 1):
        (description,) = description["args"]
    assert description["args"] == [0]
