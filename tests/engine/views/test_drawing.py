"""What is in the DOT text; that Graphviz understands all of it is shown in tests/subcommands/test_graph.py."""

import re

import pytest
from simulated import Leases

import jug.task
from jug import Task, Tasklet
from jug.backends.dict_store import dict_store
from jug.engine.graph import Graph
from jug.engine.views.drawing import draw_names, draw_tasks
from jug.engine.views.status import Status


def load(n):
    return n


def add(*numbers):
    return sum(numbers)


@pytest.fixture
def store(monkeypatch):
    store = dict_store()
    monkeypatch.setattr(Task, "store", store)
    monkeypatch.setattr(jug.task, "alltasks", [])
    return store


def names(store=None, **kwargs):
    graph = Graph(jug.task.alltasks)
    return draw_names(graph, store and Status(graph, store), kwargs.get("title", "t"), kwargs.get("note", ""))


def tasks(store=None):
    graph = Graph(jug.task.alltasks)
    return draw_tasks(graph, store and Status(graph, store), "t")


def edges(text):
    return re.findall(r"^  (\S+) -> (\S+)$", text, re.MULTILINE)


def node(text, name):
    return next(line for line in text.splitlines() if line.startswith(f"  {name} ["))


ADD, LOAD = f'"{__name__}.add"', f'"{__name__}.load"'


def test_one_node_per_name_and_one_edge_per_pair_of_names(store):
    loaded = [Task(load, n) for n in range(4)]
    total = Task(add, *loaded)
    Task(add, total, loaded[0])
    text = names(store)
    assert edges(text) == [(LOAD, ADD), (ADD, ADD)]  # from what is needed to what needs it
    assert text.count(" [label=") == 2
    assert "4 ready" in node(text, LOAD)
    assert "2 waiting" in node(text, ADD)


def test_every_state_is_said_in_words_and_only_if_there_is_any(store):
    finished, failed, running, ready = (Task(load, n) for n in range(4))
    Task(load, ready)
    finished.run()
    for task in (failed, running):
        task.lock()
    failed.fail()
    line = node(names(store), LOAD)
    assert re.findall(r">(\d+ \w+)<", line) == ["1 failed", "1 waiting", "1 ready", "1 running", "1 finished"]
    plain = node(names(), LOAD)
    assert re.findall(r">(\d+ \w+)<", plain) == ["5 tasks"]


def test_a_task_that_was_left_behind_is_told_as_that(store):
    Task.store = leases = Leases(store)
    task = Task(load, 1)
    assert leases.getlock(task.hash()).get()
    leases.gone.add(task.hash())
    assert "1 abandoned" in node(names(leases), LOAD)
    assert "<B>abandoned</B>" in node(tasks(leases), "0")


def test_what_is_seen_from_far(store):
    first, second = Task(load, 1), Task(add, 1)
    first.run()
    second.lock()
    second.fail()
    text = names(store)
    assert 'color="#2f7d32"' in node(text, LOAD)
    assert 'color="#a01414"' in node(text, ADD)


def test_tasklets_and_containers_are_seen_through(store):
    one = Task(load, [1, 2])
    Task(add, {"x": [one[0]]}, Tasklet(one[1], abs))
    assert edges(names(store)) == [(LOAD, ADD)]
    assert edges(tasks(store)) == [("0", "1")]


def test_tasks_that_are_needed_but_were_taken_out_of_the_list(store):
    needed = Task(load, 1)
    del jug.task.alltasks[:]
    Task(add, needed)
    text = names(store)
    assert "1 not to be run" in node(text, LOAD)
    assert edges(text) == [(LOAD, ADD)]
    assert "not to be run" in node(tasks(store), "1")


def test_single_tasks_show_their_call_and_state(store):
    one = Task(load, 1)
    Task(add, one, 2)
    one.run()
    text = tasks(store)
    assert "load(1)<BR/><B>finished</B>" in node(text, "0")
    assert "2)<BR/><B>ready</B>" in node(text, "1")
    assert "<B>finished" not in tasks()


def test_a_task_looks_the_same_in_every_process(store):
    Task(add, load, object())
    assert " at 0x" not in tasks(store)
    assert f"add({load.__module__}.load, " in tasks(store)


@pytest.mark.parametrize(
    ("name", "quoted", "shown"),
    [
        ('a"b', r'"a\"b"', "a&quot;b"),
        ("back\\", r'"back\\"', r"back\\<"),
        ("<b>&x", '"<b>&x"', "&lt;b&gt;&amp;x"),
        ("two\nlines", r'"two\\nlines"', r"two\\nlines"),
        ("\x00", r'"\\x00"', r"\\x00"),
        ("é日本", '"é日本"', "é日本"),
        ("", '""', "<B> </B>"),
    ],
)
def test_every_name_is_escaped(store, name, quoted, shown):
    task = Task(load, 1)
    task.name = name
    line = node(names(store), quoted)
    assert shown in line.partition("tooltip")[0]
    names(store).encode()


def test_a_long_name_is_cut_in_what_is_shown(store):
    task = Task(load, 1)
    task.name = "x" * 5000
    label, _, rest = node(names(store), f'"{task.name}"').partition("tooltip")
    assert "x" * 5000 in rest
    assert len(label.partition("label=")[2]) < 500


def test_title_and_note_are_shown_and_escaped(store):
    text = names(store, title="<a>", note="stops & waits")
    assert "&lt;a&gt;" in text
    assert "stops &amp; waits" in text


def test_no_tasks(store):
    assert names(store).startswith("digraph {\n")
    assert names(store).endswith("}\n")
    assert edges(tasks(store)) == []
