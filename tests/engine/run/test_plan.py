"""The scheduler's state, one transition at a time."""

import random

import jug.task
from jug import Task
from jug.engine.graph import Graph
from jug.engine.run.plan import BUSY, DONE, FAILED, MINE, READY, WAITING, Plan


def f(*args, **kwargs):
    return args


def diamond():
    """0 is needed by 1 and 2, which 3 needs."""
    a = Task(f, 0)
    b, c = Task(f, a, "b"), Task(f, a, "c")
    return Graph([a, b, c, Task(f, b, c)])


def take_all(plan):
    taken = []
    while (node := plan.take()) is not None:
        taken.append(node)
    return taken


def test_what_needs_nothing_is_ready_at_first():
    plan = Plan(diamond())
    assert list(plan.state) == [READY, WAITING, WAITING, WAITING]
    assert plan.take() == 0 and plan.take() is None
    assert plan.unfinished() == 4


def test_what_is_upcoming_is_what_is_taken_next():
    shuffled = random.Random(3)
    for _ in range(200):
        numbers = [Task(f, i) for i in range(6)]
        plan = Plan(Graph([*numbers, *(Task(f, shuffled.sample(numbers, 2), i) for i in range(6))]))
        for node in shuffled.sample(range(6), 4):
            plan.done(node, by_me=shuffled.random() < 0.5)
        for _ in range(shuffled.randrange(3)):
            plan.take()
        before = [*plan.fresh], [*plan.queue]
        upcoming = plan.upcoming(100)
        assert ([*plan.fresh], [*plan.queue]) == before
        assert upcoming == take_all(plan)


def test_a_few_of_what_is_upcoming():
    plan = Plan(Graph([Task(f, i) for i in range(50)]))
    plan.done_all([0, 1, 3])
    assert plan.upcoming(3) == [2, 4, 5]
    assert plan.upcoming(0) == []


def test_done_makes_ready():
    plan = Plan(diamond())
    assert plan.done(0) == [1, 2]
    assert plan.done(0) == []
    assert plan.done(1) == [] and plan.done(2) == [3]
    assert plan.done(3) == [] and plan.unfinished() == 0


def test_own_results_are_followed_up_first_newest_first():
    tasks = [Task(f, i) for i in range(3)]
    tasks += [Task(f, tasks[0], k=k) for k in range(2)]
    plan = Plan(Graph(tasks))
    node = plan.take()
    plan.mine(node)
    plan.done(node, by_me=True)
    assert take_all(plan) == [4, 3, 1, 2]


def test_results_of_others_come_after_what_is_queued():
    tasks = [Task(f, i) for i in range(3)]
    plan = Plan(Graph([*tasks, Task(f, tasks[0])]))
    plan.done(0)
    assert take_all(plan) == [1, 2, 3]


def test_jump_goes_on_elsewhere():
    plan = Plan(Graph([Task(f, i) for i in range(4)]))
    plan.jump(0.5)
    assert take_all(plan) == [2, 3, 0, 1]
    plan.jump(0.5)


def test_busy_nodes_are_not_taken_until_freed():
    plan = Plan(diamond())
    plan.busy(plan.take())
    assert plan.take() is None and plan.left[BUSY] == 1
    plan.freed(0)
    assert plan.take() == 0


def test_failed_nodes_may_be_freed():
    plan = Plan(diamond())
    plan.failed(0)
    assert plan.only_failures_left()
    plan.freed(0)
    assert not plan.only_failures_left() and plan.take() == 0


def test_a_result_that_vanishes_makes_its_users_wait():
    plan = Plan(diamond())
    plan.done(0)
    plan.done(1)
    plan.done(2)
    plan.vanished(1)
    assert list(plan.state) == [DONE, READY, DONE, WAITING]
    plan.vanished(0)
    assert list(plan.state) == [READY, WAITING, DONE, WAITING]
    plan.vanished(0)
    assert list(plan.missing) == [0, 1, 1, 1]
    plan.done(0)
    plan.done(1)
    assert plan.state[3] == READY and 3 in take_all(plan)


def test_a_result_that_vanishes_while_its_user_runs_is_counted():
    plan = Plan(diamond())
    plan.done(0)
    plan.mine(1)
    plan.vanished(0)
    plan.freed(1)
    assert plan.state[1] == WAITING
    plan.done(0)
    assert plan.state[1] == READY


def test_only_the_selected_nodes_are_taken():
    plan = Plan(diamond(), [1])
    assert plan.take() is None and plan.unfinished() == 1
    assert plan.done(0) == [1, 2]
    assert take_all(plan) == [1]


def test_failures_elsewhere_are_not_the_end_while_unselected_work_is_open():
    a, b = Task(f, 0), Task(f, 1)
    plan = Plan(Graph([a, b, Task(f, b)]), [0, 2])
    plan.failed(0)
    assert not plan.only_failures_left()  # somebody else may run 1
    plan.done(1)
    assert not plan.only_failures_left()
    plan.done(2)
    assert plan.only_failures_left()


def test_what_waits_for_a_failure_is_not_worth_waiting_for():
    plan = Plan(diamond())
    plan.done(0)
    plan.failed(1)
    assert not plan.only_failures_left()
    plan.busy(2)
    assert not plan.only_failures_left()
    plan.done(2)
    assert plan.only_failures_left()


def test_users_are_those_that_could_run_now():
    plan = Plan(diamond())
    plan.done(0)
    assert plan.users[0] == 2
    plan.mine(1)
    assert plan.users[0] == 2
    plan.done(1)
    plan.busy(2)
    assert plan.users[0] == 0
    plan.done(2)
    assert (plan.users[1], plan.users[2]) == (1, 1)


def test_any_sequence_of_transitions_keeps_the_books():
    rng = random.Random(7)
    tasks = []
    for i in range(40):
        tasks.append(Task(f, i, rng.sample(tasks, min(len(tasks), rng.randrange(3)))))
    graph = Graph(tasks)
    plan = Plan(graph, rng.sample(range(40), 30))
    for _ in range(3000):
        _random_transition(plan, rng)
        _check_books(plan, graph)
    assert jug.task.alltasks == tasks


def test_many_are_done_as_each_of_them_would_be():
    plan = Plan(diamond())
    assert plan.done_all([0, 2, 0]) == [0, 2]
    assert list(plan.state) == [DONE, READY, DONE, WAITING] and take_all(plan) == [1]
    assert plan.done_all([2, 1, 3]) == [1, 3] and plan.unfinished() == 0


def _random_transition(plan, rng):
    node = rng.randrange(40)
    if rng.random() < 0.1:
        found = [rng.randrange(40) for _ in range(rng.randrange(6))]
        new = {n for n in found if plan.state[n] != DONE}
        assert set(plan.done_all(found)) == new
        return
    state = plan.state[node]
    if state == READY:
        rng.choice([plan.mine, plan.busy, plan.done, plan.failed])(node)
    elif state in (MINE, BUSY, FAILED):
        rng.choice([plan.done, plan.freed, plan.failed])(node)
    elif state == WAITING:
        plan.done(node)
    elif rng.random() < 0.5:
        plan.vanished(node)


def _check_books(plan, graph):
    selected = [node for node in range(40) if plan.to_run[node]]
    for state in range(6):
        assert plan.left[state] == sum(plan.state[node] == state for node in selected)
    for node in range(40):
        needed = graph.dependencies(node)
        assert plan.missing[node] == sum(plan.state[n] != DONE for n in needed)
        if plan.state[node] in (WAITING, READY):
            assert (plan.state[node] == READY) == (plan.missing[node] == 0)
        users = [d for d in graph.dependents(node) if plan.to_run[d] and plan.state[d] in (READY, MINE)]
        assert plan.users[node] == len(users)
    queued = {*plan.fresh, *plan.queue}
    assert queued >= {node for node in selected if plan.state[node] == READY}  # nothing is forgotten
