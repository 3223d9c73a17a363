"""The graph: nodes in the order of the jugfile, edges both ways."""

import jug.task
from jug import Task
from jug.engine.graph import Graph
from jug.io import NoLoad


def one(*args):
    return 1


def other(*args, **kwargs):
    return 2


def test_nodes_are_numbered_in_the_order_of_creation():
    tasks = [Task(one, i) for i in range(5)]
    graph = Graph(jug.task.alltasks)
    assert graph.tasks == tasks
    assert [graph.index[task.hash()] for task in tasks] == [0, 1, 2, 3, 4]
    assert [graph.hash(node) for node in range(5)] == [task.hash() for task in tasks]
    assert len(graph) == graph.listed == 5


def test_tasks_of_one_hash_are_one_node():
    first, second, third = Task(one, 1), Task(one, 2), Task(one, 1)
    user, same_user = Task(other, [first, third]), Task(other, [third, first])
    graph = Graph(jug.task.alltasks)
    assert graph.tasks == [first, second, user]
    assert graph.copies == {0: [third], 2: [same_user]}
    assert list(graph.dependencies(2)) == [0]
    assert list(graph.dependents(0)) == [2]


def test_the_same_object_listed_twice_is_no_copy():
    task = Task(one)
    graph = Graph([task, task, Task(other, task)])
    assert len(graph) == 2
    assert graph.copies == {}


def test_a_copy_that_only_arguments_hold_is_known_once():
    task = Task(one)
    copy = Task.unregistered(one)
    graph = Graph([task, Task(other, copy, 1), Task(other, copy, 2)])
    assert graph.copies == {0: [copy]}
    assert list(graph.dependents(0)) == [1, 2]


def test_edges_are_found_in_containers_keywords_and_through_tasklets():
    a, b, c, d = (Task(one, i) for i in range(4))
    user = Task(other, [(a, {"key": b[0][1]})], last=NoLoad(c), index=[a][0][d])
    graph = Graph(jug.task.alltasks)
    assert graph.tasks[4] is user
    assert sorted(graph.dependencies(4)) == [0, 1, 2, 3]
    assert [list(graph.dependents(node)) for node in range(5)] == [[4], [4], [4], [4], []]
    assert list(graph.number_of_dependencies()) == [0, 0, 0, 0, 4]


def test_both_directions_tell_the_same():
    tasks = []
    for i in range(60):
        tasks.append(Task(one, i, [tasks[j] for j in range(i) if (i * 7 + j * 13) % 5 == 0]))
    graph = Graph(tasks)
    forwards = {(node, needed) for node in range(60) for needed in graph.dependencies(node)}
    backwards = {(node, needed) for needed in range(60) for node in graph.dependents(needed)}
    assert forwards == backwards == {(i, j) for i in range(60) for j in range(i) if (i * 7 + j * 13) % 5 == 0}


def test_a_task_may_come_before_what_it_needs():
    inner = Task.unregistered(one)
    outer = Task(other, inner)
    inner.register()
    graph = Graph(jug.task.alltasks)
    assert graph.tasks == [outer, inner]
    assert list(graph.dependencies(0)) == [1]
    assert graph.listed == 2


def test_needed_tasks_that_are_not_listed_come_last():
    hidden = Task(one, "hidden")
    deeper = Task(one, "deeper", hidden)
    del jug.task.alltasks[:]
    first, last = Task(other, deeper), Task(other, 2)
    graph = Graph(jug.task.alltasks)
    assert graph.tasks == [first, last, deeper]  # what an unlisted one needs is of no interest: it is never run
    assert graph.listed == 2
    assert list(graph.dependencies(0)) == [2]
    assert list(graph.dependencies(2)) == []
    assert list(graph.dependents(2)) == [0]


def test_an_empty_graph():
    graph = Graph([])
    assert (len(graph), graph.listed, graph.downstream([])) == (0, 0, [])


def test_downstream_is_everything_that_depends_on_the_selection():
    a, b = Task(one, "a"), Task(one, "b")
    left, right = Task(other, "left", a[0]), Task(other, "right", a, b)
    top = Task(other, left, [right])
    graph = Graph(jug.task.alltasks)
    node = {task: graph.index[task.hash()] for task in (a, b, left, right, top)}
    assert graph.downstream([node[top]]) == [node[top]]
    assert graph.downstream([node[b]]) == [node[top], node[right], node[b]]
    assert set(graph.downstream([node[a]])) == {node[task] for task in (a, left, right, top)}
    assert set(graph.downstream(node.values())) == set(range(5))


def test_downstream_has_dependents_before_what_they_need():
    tasks = []
    for i in range(40):
        tasks.append(Task(one, i, [tasks[j] for j in range(i) if (i + j * 3) % 7 == 0]))
    graph = Graph(tasks)
    order = graph.downstream([0, 5, 6, 11])
    place = {node: i for i, node in enumerate(order)}
    assert len(place) == len(order)
    for node in order:
        assert all(place[user] < place[node] for user in graph.dependents(node))


def test_a_chain_of_many_tasks_does_not_recurse():
    task = Task(one)
    for _ in range(20_000):
        task = Task(other, task)
    graph = Graph(jug.task.alltasks)
    assert graph.downstream([0]) == list(range(20_000, -1, -1))


def test_a_graph_is_restored_from_its_edges():
    hidden = Task(one, "hidden")
    del jug.task.alltasks[:]
    a = Task(one, "a", hidden)
    Task(other, a[0])
    graph = Graph(jug.task.alltasks)
    restored = Graph.restored(graph.tasks, graph.listed, *graph.edges())
    assert restored.index == graph.index
    assert (len(restored), restored.listed) == (3, 2)
    for node in range(3):
        assert restored.dependencies(node) == graph.dependencies(node)
        assert restored.dependents(node) == graph.dependents(node)
    assert restored.downstream([2]) == [1, 0, 2]


def test_nodes_are_selected_by_name():
    graph = Graph([Task(one, 1), Task(other), Task(one, 2)])
    assert list(graph.selected(None)) == [0, 1, 2]
    assert graph.selected(lambda name: name.endswith(".one")) == [0, 2]
