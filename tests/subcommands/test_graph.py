"""`jug graph`, with Graphviz itself."""

import os
import re
import stat
import subprocess

import pytest
from debian import program
from processes import files_in, jug, use, write

from jug.errors import UsageError
from jug.subcommands.graph import GraphError, render

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture
def dot():
    return program("dot", "graphviz")


@pytest.fixture
def fake_dot(tmp_path, monkeypatch):
    """Put a shell script in the place of Graphviz."""

    def put(script):
        path = write(tmp_path, f"#!/bin/sh\n{script}\n", "bin/dot")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", f"{path.parent}:{os.environ['PATH']}")

    return put


def plain(where, name="jugfile.dot"):
    """Nodes and edges as Graphviz reads them."""
    text = subprocess.run(["dot", "-Tplain", where / name], capture_output=True, check=True, text=True).stdout
    lines = [line.split() for line in text.splitlines()]
    return {line[1] for line in lines if line[0] == "node"}, {tuple(line[1:3]) for line in lines if line[0] == "edge"}


def test_the_graph_and_its_picture_are_beside_the_jugfile(tmp_path, dot):
    use(tmp_path, "chain.py", "deep/chain.v2.py")
    done = jug(tmp_path, "graph", "deep/chain.v2.py")
    assert (done.code, done.out, done.err) == (0, "Wrote deep/chain.v2.dot and deep/chain.v2.png.\n", "")
    assert files_in(tmp_path) == ["deep", "deep/chain.v2.dot", "deep/chain.v2.png", "deep/chain.v2.py"]
    assert (tmp_path / "deep/chain.v2.png").read_bytes().startswith(PNG)


def test_nodes_are_names_and_edges_go_to_what_needs(tmp_path, dot):
    use(tmp_path, "chain.py")
    jug(tmp_path, "execute", "--name", "first")
    assert jug(tmp_path, "graph", "--file-format", "svg").code == 0
    names = {f'"jugfile.{name}"' for name in ("apart", "first", "second", "third")}
    nodes, edges = plain(tmp_path)
    assert {name.strip('"') for name in nodes} == {name.strip('"') for name in names}
    shown = {tuple(name.strip('"').partition(".")[2] for name in edge) for edge in edges}
    assert shown == {("first", "second"), ("first", "third")}
    svg = (tmp_path / "jugfile.svg").read_text()
    assert re.search(r">3 finished<", svg)
    assert ">jugfile.py: 7 tasks<" in svg


def test_without_status_the_store_is_not_asked(tmp_path, dot):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "graph", "--no-status", "--jugdir", "jugfile.py").code == 0
    assert "ready" not in (tmp_path / "jugfile.dot").read_text()
    assert jug(tmp_path, "graph", "--jugdir", "jugfile.py").code == 4


def test_single_tasks(tmp_path, dot):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "graph", "--tasks").code == 0
    nodes, _ = plain(tmp_path)
    assert len(nodes) == 7


def test_too_many_single_tasks_are_refused(tmp_path):
    write(tmp_path, "from jug import Task\nfor i in range(501): Task(abs, i)\n")
    done = jug(tmp_path, "graph", "--tasks")
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "jug: --tasks draws at most 500 tasks, and jugfile.py has 501: leave --tasks out for a graph by task name\n"
    )
    assert files_in(tmp_path) == ["jugfile.py"]


def test_a_barrier_is_told_in_the_picture_and_on_the_terminal(tmp_path, dot):
    path = use(tmp_path, "chain.py")
    path.write_text(path.read_text() + "from jug import barrier\nbarrier()\n")
    done = jug(tmp_path, "graph", "--file-format", "svg")
    note = "The jugfile stops at a barrier (jugfile.first has no result yet): there may be more tasks after it."
    assert done.out.splitlines() == ["Wrote jugfile.dot and jugfile.svg.", note]
    assert note in (tmp_path / "jugfile.svg").read_text()


def test_results_are_not_loaded(tmp_path, dot):
    write(
        tmp_path,
        """
        from jug import TaskGenerator
        class Bomb:
            def __reduce__(self):
                return exec, ("open('loaded', 'w').close()",)
        @TaskGenerator
        def bomb(): return Bomb()
        @TaskGenerator
        def after(x): return 1
        after(bomb())
        """,
    )
    jug(tmp_path, "execute", "--name", "bomb")
    assert jug(tmp_path, "graph").code == 0
    assert jug(tmp_path, "graph", "--tasks").code == 0
    assert not (tmp_path / "loaded").exists()
    assert "1 finished" in jug(tmp_path, "graph").out or "finished" in (tmp_path / "jugfile.dot").read_text()


WEIRD = r"""
from jug import Task
def f(*args, **kwargs): return 1
def named(name):
    task = Task(f, name)
    task.name = name
    return task
names = ['a"b', 'back\\', 'new\nline', 'm.<b>&amp;', 'käse.日本語', 'x' * 5000, 'tab\t\x01\x7f', 'a:b', '', 'm.', '.f',
         'm.<lambda>', '%s{}\\N\\G', 'digraph', '-->', '"]; x [label="', '</B>', "it's"]
total = Task(f, [named(name) for name in names])
Task(f, total, '<>&"\\\n\0\ud800' * 3, style='"', none=None, deep=[[[[total]]]])
"""


@pytest.mark.parametrize("mode", [[], ["--tasks"], ["--no-status"]])
def test_graphviz_understands_whatever_things_are_called(tmp_path, dot, mode):
    write(tmp_path, WEIRD)
    done = jug(tmp_path, "graph", "--file-format", "svg", *mode)
    assert (done.code, done.err) == (0, "")
    svg = (tmp_path / "jugfile.svg").read_text(encoding="utf-8")
    assert svg.count('class="node"') == (20 if "--tasks" in mode else 19)
    assert ">%s{}\\N\\G" in svg
    assert ">back\\" in svg
    assert ">new\\nline" in svg


def test_without_graphviz_the_graph_is_left(tmp_path):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, "graph", PATH=str(tmp_path))
    assert (done.code, done.out) == (2, "")
    assert done.err == (
        "jug: The graph itself is in jugfile.dot; to have it drawn, install Graphviz (https://graphviz.org), whose "
        "program 'dot' is not there\n"
    )
    assert files_in(tmp_path) == ["jugfile.dot", "jugfile.py"]


@pytest.mark.parametrize("format", ["xyz", "../../etc/x", "", "png -o x"])
def test_an_unknown_format_is_answered_in_graphviz_own_words(tmp_path, dot, format):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, "graph", "--file-format", format)
    assert done.code == 2 if format == "xyz" else done.code in (1, 2)
    assert len(done.err.splitlines()) == 1
    assert f"jug: Graphviz ('dot') makes no file of the format {format!r}: " in done.err
    assert ("Use one of: " in done.err) == bool(format)
    assert done.err.endswith("; the graph itself is in jugfile.dot\n")
    assert files_in(tmp_path) == ["jugfile.dot", "jugfile.py"]


def test_files_are_replaced_as_a_whole_and_stay_when_it_fails(tmp_path, dot):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "graph").code == 0
    picture = (tmp_path / "jugfile.png").read_bytes()
    inode = (tmp_path / "jugfile.dot").stat().st_ino
    with (tmp_path / "jugfile.dot").open("rb") as old:
        assert jug(tmp_path, "graph", "--no-status").code == 0
        assert b"ready" in old.read()  # who has it open keeps what was there
        assert (tmp_path / "jugfile.dot").stat().st_ino != inode
    assert (tmp_path / "jugfile.png").read_bytes() != picture
    picture = (tmp_path / "jugfile.png").read_bytes()
    assert jug(tmp_path, "graph", PATH=str(tmp_path)).code == 2
    assert (tmp_path / "jugfile.png").read_bytes() == picture
    assert files_in(tmp_path) == ["jugfile.dot", "jugfile.png", "jugfile.py"]


def test_the_files_are_readable_as_other_files_are(tmp_path, dot):
    use(tmp_path, "chain.py")
    jug(tmp_path, "graph")
    mode = stat.S_IMODE((tmp_path / "jugfile.py").stat().st_mode)
    assert stat.S_IMODE((tmp_path / "jugfile.png").stat().st_mode) == mode
    assert stat.S_IMODE((tmp_path / "jugfile.dot").stat().st_mode) == mode


def test_what_cannot_be_written_is_said_by_name(tmp_path):
    use(tmp_path, "chain.py")
    (tmp_path / "jugfile.dot").mkdir()
    done = jug(tmp_path, "graph")
    assert (done.code, done.err) == (1, "jug: jugfile.dot cannot be written: Is a directory\n")
    assert files_in(tmp_path) == ["jugfile.dot", "jugfile.py"]


@pytest.mark.parametrize(
    ("script", "message"),
    [
        ("kill -9 $$", "Graphviz ('dot') was killed by signal 9; the graph itself is in x.dot"),
        ("exit 1", "makes no file of the format 'png': it does not say why; the graph itself is in x.dot"),
        ("echo first >&2; echo second >&2; exit 3", "makes no file of the format 'png': first; the graph"),
        ("exec sleep 1000", "Graphviz ('dot') was stopped after 0.2 s without a picture; the graph itself is in x.dot"),
    ],
)
def test_graphviz_that_fails_hangs_or_dies(fake_dot, script, message):
    fake_dot(script)
    with pytest.raises(GraphError, match=re.escape(message)):
        render(b"digraph {}", "png", "x.dot", patience=0.2 if "sleep" in script else 60)


def test_a_dot_that_is_no_program(tmp_path, monkeypatch):
    (tmp_path / "dot").write_text("no program")
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises((GraphError, UsageError), match="the graph itself is in x.dot|The graph itself is in x.dot"):
        render(b"digraph {}", "png", "x.dot")


@pytest.mark.slow
def test_a_hundred_thousand_tasks(tmp_path, dot):
    write(
        tmp_path,
        """
        from jug import Task
        def load(i): return i
        def clean(i): return i
        def compare(*i): return i
        loaded = [Task(load, i) for i in range(30_000)]
        cleaned = [Task(clean, task) for task in loaded]
        for i in range(40_000):
            Task(compare, i, loaded[i % 30_000], cleaned[i % 30_000 - 1], cleaned[i % 30_000 - 2])
        """,
    )
    assert jug(tmp_path, "graph").code == 0
    nodes, edges = plain(tmp_path)
    assert (len(nodes), len(edges)) == (3, 3)
