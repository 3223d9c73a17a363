"""The plan: each transition by itself, and many of them against a model that counts everything anew."""

import random

import pytest

import jug.task
from jug import Task
from jug.engine.graph import Graph
from jug.engine.run.plan import BUSY, DONE, FAILED, MINE, READY, WAITING, Plan


def work(*args):
    return args


def chain(*, selected=None):
    """0 <- 1 <- 2."""
    task = None
    for i in range(3):
        task = Task(work, i, task)
    return Plan(Graph(jug.task.alltasks), selected)


def diamond():
    """0 and 1 need nothing, 2 needs both, 3 needs 0."""
    a, b = Task(work, "a"), Task(work, "b")
    Task(work, a, b)
    Task(work, a)
    return Plan(Graph(jug.task.alltasks))


def left(plan):
    """How many nodes are in each state that any is in."""
    return {state: number for state, number in enumerate(plan.left) if number}


def test_at_first_what_needs_nothing_is_ready():
    plan = diamond()
    assert list(plan.state) == [READY, READY, WAITING, WAITING]
    assert list(plan.missing) == [0, 0, 2, 1]
    assert list(plan.users) == [0, 0, 0, 0]
    assert left(plan) == {READY: 2, WAITING: 2}
    assert plan.unfinished() == 4


def test_take_gives_ready_nodes_in_the_order_of_the_jugfile():
    plan = diamond()
    assert [plan.take(), plan.take(), plan.take()] == [0, 1, None]


def test_take_drops_what_is_not_ready_any_more():
    plan = diamond()
    plan.busy(0)
    assert [plan.take(), plan.take()] == [1, None]


def test_own_results_make_the_newest_come_first():
    plan = diamond()
    Task(work, "later")
    assert plan.done(plan.take(), by_me=True) == [3]
    assert plan.take() == 3
    assert plan.take() == 1


def test_results_of_others_make_nodes_come_last():
    plan = diamond()
    assert plan.done(0) == [3]
    assert [plan.take(), plan.take()] == [1, 3]


def test_jump_goes_on_elsewhere_and_loses_nothing():
    for i in range(10):
        Task(work, i)
    plan = Plan(Graph(jug.task.alltasks))
    plan.jump(0.35)
    assert [plan.take() for _ in range(11)] == [3, 4, 5, 6, 7, 8, 9, 0, 1, 2, None]
    plan.jump(0.99)  # of an empty queue


def test_mine_uses_what_it_needs_until_it_is_done():
    plan = chain()
    plan.done(0)
    assert list(plan.users) == [1, 0, 0]
    plan.mine(1)
    assert list(plan.users) == [1, 0, 0]
    assert left(plan) == {DONE: 1, MINE: 1, WAITING: 1}
    plan.done(1, by_me=True)
    assert list(plan.users) == [0, 1, 0]


@pytest.mark.parametrize("transition", ["busy", "failed"])
def test_what_another_runs_or_what_failed_uses_nothing(transition):
    plan = chain()
    plan.done(0)
    getattr(plan, transition)(1)
    assert list(plan.users) == [0, 0, 0]
    assert plan.state[1] == {"busy": BUSY, "failed": FAILED}[transition]
    assert plan.take() is None


def test_a_result_wins_over_the_lock_of_another():
    plan = chain()
    plan.done(0)
    plan.busy(0)
    assert plan.state[0] == DONE


@pytest.mark.parametrize("before", ["busy", "failed", "mine"])
def test_freed_nodes_can_be_run_again(before):
    plan = chain()
    node = plan.take()
    getattr(plan, before)(node)
    plan.freed(node)
    assert plan.state[node] == READY
    assert plan.take() == node


def test_freed_nodes_wait_if_a_result_vanished_meanwhile():
    plan = chain()
    plan.done(0)
    plan.busy(1)
    plan.vanished(0)
    assert plan.state[1] == BUSY
    plan.freed(1)
    assert list(plan.state) == [READY, WAITING, WAITING]


def test_done_twice_counts_once():
    plan = diamond()
    plan.done(0)
    assert plan.done(0) == []
    assert list(plan.missing) == [0, 0, 1, 0]


def test_a_busy_node_whose_last_input_appears_stays_busy():
    plan = diamond()
    plan.done(0)
    plan.busy(3)
    plan.vanished(0)
    assert plan.done(0) == []
    assert plan.state[3] == BUSY


def test_vanished_results_make_what_needs_them_wait():
    plan = diamond()
    plan.done(0)
    plan.done(1)
    plan.vanished(0)
    assert list(plan.state) == [READY, DONE, WAITING, WAITING]
    assert list(plan.missing) == [0, 0, 1, 1]
    assert list(plan.users) == [0, 0, 0, 0]
    assert plan.take() == 0


def test_what_is_done_stays_so_when_what_it_needed_vanishes():
    plan = chain()
    plan.done(0)
    plan.done(1)
    plan.vanished(0)
    assert list(plan.state) == [READY, DONE, READY]


def test_vanishing_of_what_was_not_there_changes_nothing():
    plan = chain()
    plan.vanished(0)
    assert list(plan.missing) == [0, 1, 1]
    assert [plan.take(), plan.take()] == [0, None]


def test_only_selected_nodes_are_run_counted_and_users():
    plan = chain(selected=[1])
    assert plan.take() is None
    assert left(plan) == {WAITING: 1}
    plan.done(0)
    assert list(plan.users) == [1, 0, 0]
    assert plan.take() == 1
    plan.done(1, by_me=True)
    assert list(plan.users) == [0, 0, 0]  # 2 needs it, but is not ours
    assert plan.take() is None
    assert plan.unfinished() == 0


def test_unlisted_nodes_are_not_run():
    hidden = Task(work, "hidden")
    del jug.task.alltasks[:]
    Task(work, hidden)
    plan = Plan(Graph(jug.task.alltasks))
    assert plan.take() is None
    assert plan.unfinished() == 1


def test_only_failures_are_left_when_all_others_need_what_failed():
    plan = diamond()
    assert not plan.only_failures_left()
    plan.failed(0)
    assert not plan.only_failures_left()  # 1 is ready
    plan.busy(1)
    assert not plan.only_failures_left()
    plan.done(1)
    assert plan.only_failures_left()


def test_nothing_left_is_no_failure():
    plan = chain()
    for node in range(3):
        plan.done(node)
    assert not plan.only_failures_left()


def test_what_others_are_to_run_may_still_come():
    """0 failed, but 2 waits for 1, which is not ours."""
    Task(work, 0)
    Task(work, 2, Task(work, 1))
    graph = Graph(jug.task.alltasks)
    names = [task.args[0] for task in graph.tasks]
    zero, one, two = (names.index(i) for i in range(3))
    plan = Plan(graph, [zero, two])
    plan.failed(zero)
    assert not plan.only_failures_left()
    plan.done(one)
    plan.done(two)
    assert plan.only_failures_left()


def test_what_others_are_to_run_does_not_matter_if_nothing_of_ours_waits_for_it():
    plan = chain(selected=[0])
    plan.failed(0)
    assert plan.only_failures_left()


class Model:
    """Keeps who has which node, and computes everything else anew each time."""

    def __init__(self, graph, selected):
        self.graph = graph
        self.to_run = set(range(graph.listed)) if selected is None else set(selected)
        self.held = {}  # node -> MINE, BUSY, FAILED or DONE

    def missing(self, node):
        return sum(self.held.get(needed) != DONE for needed in self.graph.dependencies(node))

    def state(self, node):
        return self.held.get(node) or (WAITING if self.missing(node) else READY)

    def check(self, plan):
        nodes = range(len(self.graph))
        states = [self.state(node) for node in nodes]
        assert list(plan.state) == states
        assert list(plan.missing) == [self.missing(node) for node in nodes]
        using = {node for node in self.to_run if states[node] in (READY, MINE)}
        assert list(plan.users) == [len(using.intersection(self.graph.dependents(node))) for node in nodes]
        ours = [states[node] for node in sorted(self.to_run)]
        assert plan.left == [ours.count(state) for state in range(6)]
        assert plan.unfinished() == sum(state != DONE for state in ours)
        ready = {node for node in self.to_run if states[node] == READY}
        assert ready <= {*plan.fresh, *plan.queue} <= self.to_run
        assert plan.only_failures_left() == self.only_failures_left(states)

    def only_failures_left(self, states):
        ours = {states[node] for node in self.to_run}
        others = {node for node in range(len(states)) if node not in self.to_run and states[node] != DONE}
        waiting = [node for node in self.to_run if states[node] == WAITING]
        return (
            FAILED in ours
            and not ours & {READY, MINE, BUSY}
            and not any(others.intersection(self.graph.dependencies(node)) for node in waiting)
        )


def random_graph(chance):
    tasks, hidden = [], [Task.unregistered(work, "hidden", i) for i in range(chance.randrange(3))]
    for i in range(chance.randrange(1, 9)):
        needed = [task for task in (*tasks, *hidden) if chance.random() < 0.3]
        tasks.append(Task.unregistered(work, i, needed))
    return Graph(tasks)


def move(chance, plan, model):
    """Make one transition that the scheduler could make, in both."""
    node = plan.take() if chance.random() < 0.6 else None
    if node is not None:
        assert model.state(node) == READY and node in model.to_run
        names = ("mine", "busy", "failed", "done")
    else:
        node = chance.randrange(len(model.graph))
        state = model.state(node)
        names = ("done", "vanished")
        if node in model.to_run:
            names += {MINE: ("freed", "failed"), BUSY: ("freed", "failed"), FAILED: ("freed",)}.get(state, ("failed",))
            names = tuple(name for name in names if not (name == "failed" and state == DONE))
    name = chance.choice(names)
    arguments = (chance.random() < 0.5,) if name == "done" else ()
    getattr(plan, name)(node, *arguments)
    if name == "freed" or (name == "vanished" and model.held.get(node) == DONE):
        del model.held[node]
    elif name != "vanished":
        model.held[node] = {"mine": MINE, "busy": BUSY, "failed": FAILED, "done": DONE}[name]


@pytest.mark.parametrize("seed", range(60))
def test_any_transitions_keep_the_plan_consistent(seed):
    chance = random.Random(seed)
    graph = random_graph(chance)
    selected = None if seed % 2 else [node for node in range(graph.listed) if chance.random() < 0.7]
    plan, model = Plan(graph, selected), Model(graph, selected)
    model.check(plan)
    for _ in range(80):
        if chance.random() < 0.1:
            plan.jump(chance.random())
        move(chance, plan, model)
        model.check(plan)
