"""What is expected to follow a task at once: few tasks, all of them short, in the order in which they are run."""

import pytest

from jug import Task
from jug.backends.dict_store import dict_store
from jug.engine.graph import Graph
from jug.engine.run.lookahead import MOMENT, MOST, Lookahead
from jug.engine.run.plan import Plan
from jug.engine.run.scheduler import Scheduler
from jug.engine.run.settings import Settings, World


def short(x):
    return x


def other(x):
    return x


NAME, OTHER = f"{__name__}.short", f"{__name__}.other"


@pytest.fixture
def graph():
    return Graph([Task(short, i) for i in range(40)] + [Task(other, i) for i in range(3)])


def foreseen(graph, seconds, knows=lambda name: False):
    """The nodes that are expected to follow the first one."""
    plan = Plan(graph)
    first = plan.take()
    return [graph.index[name] for name in Lookahead(plan, seconds, knows)(graph.hash(first))]


def test_short_tasks_follow_in_the_order_in_which_they_are_run(graph):
    assert foreseen(graph, {NAME: 1e-6}) == [*range(1, MOST + 1)]


@pytest.mark.parametrize("number", [0, 1, 2, 5])
def test_all_of_them_are_to_take_a_moment_only(graph, number):
    assert foreseen(graph, {NAME: MOMENT / (number + 1.5)}) == [*range(1, number + 1)]


def test_nothing_is_expected_of_tasks_that_were_not_seen_to_be_short(graph):
    assert foreseen(graph, {}) == []
    assert foreseen(graph, {OTHER: 1e-6}) == []  # the first one itself may be long
    assert foreseen(graph, {NAME: MOMENT}) == []


def test_the_first_that_may_be_long_is_the_end():
    graph = Graph([Task(short, 1), Task(short, 2), Task(other, 1), Task(short, 3)])
    assert foreseen(graph, {NAME: 1e-6}) == [1]
    assert foreseen(graph, {NAME: 1e-6, OTHER: 1e-6}) == [1, 2, 3]


def test_nothing_follows_what_is_no_task_of_the_graph(graph):
    assert Lookahead(Plan(graph), {NAME: 1e-6}, lambda name: False)(b"0" * 40) == []


def test_what_is_finished_is_not_expected(graph):
    assert foreseen(graph, {NAME: 1e-6}, knows=lambda name: graph.index[name] in (1, 3))[:3] == [2, 4, 5]


class Listener(dict_store):
    """Asks what follows whenever a lock is taken."""

    def __init__(self):
        super().__init__()
        self.following = None
        self.told = []

    def foresee(self, following):
        self.following = following

    def getlock(self, name):
        self.told.append((name, self.following(name)))
        return super().getlock(name)


def run(groups=True):
    """What a worker told its store before each of 60 tasks."""
    store, settings = Listener(), Settings()
    settings.groups = groups
    graph = Graph([Task(short, i) for i in range(60)])
    Scheduler(graph, store, settings, world=World(clock=lambda: 0.0)).run()
    assert store.following is None
    assert [name for name, _ in store.told] == [graph.hash(node) for node in range(60)]
    return graph, store.told


def test_a_worker_tells_its_store_what_follows():
    graph, told = run()
    assert told[0][1] == []
    for node, (_, names) in enumerate(told[1:], 1):
        assert [graph.index[name] for name in names] == [*range(node + 1, min(node + 1 + MOST, 60))]


def test_a_worker_that_keeps_no_result_waiting_takes_nothing_along():
    _, told = run(groups=False)
    assert [names for _, names in told] == [[]] * 60
