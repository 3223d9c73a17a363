"""``jug execute``: tasks that fail, and what helps to find out why."""

import pytest
from processes import jug, use, write

from jug.engine.call.user_traceback import traceback_of_task


@pytest.fixture(scope="module")
def failing(tmp_path_factory):
    """The failing jugfile, executed with --keep-going --keep-failed."""
    where = tmp_path_factory.mktemp("failing")
    use(where, "failing.py")
    return where, jug(where, "execute", "--keep-going", "--keep-failed")


def test_a_failure_is_told_with_name_arguments_hash_and_the_users_frames(failing):
    where, done = failing
    report = done.err[: done.err.index("jug: jugfile.leaves")]
    lines = report.splitlines()
    assert lines[0].startswith("jug: jugfile.fails('key', options='ooooo")
    assert len(lines[0]) < 160
    name = lines[0].rpartition("(task ")[2].removesuffix("):")
    assert (where / f"jugfile.jugdata/locks/{name}.lock").exists()
    assert lines[1:6] == [
        "Traceback (most recent call last):",
        '  File "jugfile.py", line 14, in fails',
        "    return look_up({}, key)",
        lines[4],
        '  File "jugfile.py", line 9, in look_up',
    ]
    assert lines[-1] == "KeyError: 'key'"
    assert "/jug/" not in report


def test_exit_in_a_task_fails_that_task_only(failing):
    _, done = failing
    assert "jug: jugfile.leaves(5) failed" in done.err
    assert "SystemExit: 5" in done.err


def test_a_result_that_cannot_be_pickled_fails_its_task_only(failing):
    _, done = failing
    assert "jug: jugfile.unpicklable(3) failed" in done.err
    sentence = "\nThe result (of type 'generator') cannot be stored: TypeError: cannot pickle 'generator' object\n"
    assert sentence in done.err


def test_keep_going_runs_all_that_can_be_run(failing):
    _, done = failing
    assert done.code == 1
    assert done.table() == {"jugfile.works": {"Executed": 2, "Loaded": 0}, "Total:": {"Executed": 2, "Loaded": 0}}
    assert done.last == (
        "jug: 3 tasks failed (jugfile.fails, jugfile.leaves, jugfile.unpicklable). Tasks left: 1 waiting, 3 failed."
    )


def test_without_keep_going_the_first_failure_is_the_end(tmp_path):
    use(tmp_path, "failing.py")
    done = jug(tmp_path, "execute")
    assert done.code == 1
    assert done.last.startswith("jug: 1 task failed (jugfile.fails). Tasks left: 3 ready, 1 waiting, 1 failed.")
    assert done.table()["Total:"] == {"Executed": 1, "Loaded": 0}
    assert list((tmp_path / "jugfile.jugdata/locks").iterdir()) == []


def test_the_first_failure_is_the_end_before_a_barrier_too(tmp_path):
    path = use(tmp_path, "failing.py")
    path.write_text(path.read_text() + "from jug import barrier\nbarrier()\n")
    done = jug(tmp_path, "execute")
    assert done.code == 1
    assert done.table()["Total:"] == {"Executed": 1, "Loaded": 0}


def test_a_failure_that_is_kept_is_not_run_again_until_it_is_cleaned_up(tmp_path):
    use(tmp_path, "failing.py")
    jug(tmp_path, "execute", "--keep-going", "--keep-failed")
    status = jug(tmp_path, "status")
    assert status.out.splitlines()[0].split() == ["Task", "name", "Failed", "Waiting", "Ready", "Finished", "Running"]
    assert status.table()["Total:"] == {"Failed": 3, "Waiting": 1, "Ready": 0, "Finished": 2, "Running": 0}
    again = jug(tmp_path, "execute")
    assert again.code == 1
    assert again.err == (
        "jug: Tasks left: 1 waiting, 3 failed. They failed earlier, or need those that did "
        "('jug status --failures' shows why, and 'jug cleanup --failed-only' lets them run again).\n"
    )
    assert jug(tmp_path, "cleanup", "--failed-only").out == "Removed 3 failed locks\nRemoved 3 records of failures\n"
    assert jug(tmp_path, "status").table()["Total:"]["Ready"] == 3


CHECKED = """
from jug import TaskGenerator

class Box:
    def __init__(self, content):
        self.content = content

@TaskGenerator
def creates(x):
    return creates(x + 1) and x

@TaskGenerator
def changes(box):
    box.content = 7

@TaskGenerator
def harmless(x):
    return x

creates(1)
changes(Box(1))
harmless(2)
"""


def test_debug_finds_tasks_that_create_tasks_and_tasks_that_change_their_arguments(tmp_path):
    write(tmp_path, CHECKED)
    done = jug(tmp_path, "execute", "--debug", "--keep-going")
    assert done.code == 1
    assert "jugfile.creates created a task (jugfile.creates) while it ran: this task is never executed\n" in done.err
    assert "The hash of Task: jugfile.changes(...) changed while it ran" in done.err
    assert "Traceback" not in done.err
    assert done.table()["Total:"] == {"Executed": 1, "Loaded": 0}


def test_without_debug_there_are_no_such_checks(tmp_path):
    write(tmp_path, CHECKED)
    assert jug(tmp_path, "execute").code == 0


def test_pdb_stops_where_the_task_failed(tmp_path):
    use(tmp_path, "failing.py")
    done = jug(tmp_path, "execute", "--pdb", stdin="p 'the key is', key\nup\np options[:3]\nq\n")
    assert done.code == 1
    assert "> " in done.out and "look_up()" in done.out
    assert "('the key is', 'key')" in done.out
    assert "'ooo'" in done.out
    assert done.last.startswith("jug: 1 task failed (jugfile.fails).")


def test_pdb_goes_on_to_the_next_failure_with_keep_going(tmp_path):
    use(tmp_path, "failing.py")
    done = jug(tmp_path, "execute", "--pdb", "--keep-going", stdin="c\nc\nc\n")
    assert done.code == 1
    assert done.out.count("ipdb> ") + done.out.count("(Pdb)") == 3
    assert done.table()["Total:"] == {"Executed": 2, "Loaded": 0}


def test_pdb_without_anybody_to_answer_goes_on(tmp_path):
    use(tmp_path, "failing.py")
    done = jug(tmp_path, "execute", "--pdb")
    assert done.code == 1
    assert done.last.startswith("jug: 1 task failed (jugfile.fails).")


def test_pdb_implies_debug(tmp_path):
    write(tmp_path, CHECKED)
    done = jug(tmp_path, "execute", "--pdb", stdin="q\n")
    assert done.code == 1
    assert "created a task" in done.err


def test_a_task_that_returns_a_task_fails_with_advice(tmp_path):
    text = """
from jug import TaskGenerator

@TaskGenerator
def inner(x):
    return x

@TaskGenerator
def outer(x):
    return inner(x)

@TaskGenerator
def several(x):
    return [inner(x), open(__file__)]

outer(1)
"""
    write(tmp_path, text)
    done = jug(tmp_path, "execute")
    assert done.code == 1
    assert "The result (of type 'Task') holds jugfile.inner(...), and a task made by another one is never" in done.err
    write(tmp_path, text + "several(1)\n")
    done = jug(tmp_path, "execute", "--name", "several", PYTHONWARNINGS="ignore")
    assert done.code == 1
    assert "The result (of type 'list') holds jugfile.inner(...)" in done.err


def test_debug_sees_lists_that_grow_after_the_task_was_made_also_after_a_barrier(tmp_path):
    write(
        tmp_path,
        """
        from jug import TaskGenerator, barrier

        @TaskGenerator
        def length(items):
            return len(items)

        length([1])
        barrier()
        items = [1, 2]
        length({"a": items})
        items.append(3)
        """,
    )
    done = jug(tmp_path, "execute", "--debug")
    assert done.code == 1
    assert done.table()["Total:"]["Executed"] == 1
    assert "argument 'items' ({'a': [1, 2, 3]}, of type dict) was changed after the task had been made" in done.err


def test_status_tells_what_failed_until_it_is_run_again_or_cleaned_up(tmp_path):
    write(
        tmp_path,
        """
        from jug import TaskGenerator

        @TaskGenerator
        def picky(x):
            return open("there").close()

        picky(1)
        """,
    )
    assert jug(tmp_path, "execute").code == 1
    assert jug(tmp_path, "status").table()["Total:"]["Failed"] == 1
    assert jug(tmp_path, "cleanup", "--failed-only").out == "Removed 0 failed locks\nRemoved 1 record of failures\n"
    assert jug(tmp_path, "status").table()["Total:"] == {"Waiting": 0, "Ready": 1, "Finished": 0, "Running": 0}
    assert jug(tmp_path, "execute").code == 1
    (tmp_path / "there").touch()
    assert jug(tmp_path, "execute").code == 0
    assert jug(tmp_path, "status").table()["Total:"] == {"Waiting": 0, "Ready": 0, "Finished": 1, "Running": 0}


@pytest.mark.parametrize(
    ("call", "sentence"),
    [
        ("f()", "TypeError: f() missing 1 required positional argument: 'x'"),
        ("f(1, y=2)", "TypeError: f() got an unexpected keyword argument 'y'"),
        ("Task(len, 5)", "TypeError: object of type 'int' has no len()"),
    ],
)
def test_a_call_with_wrong_arguments_is_told_without_frames(tmp_path, call, sentence):
    """How jug came to make the call says nothing to the user."""
    jugfile = f"from jug import Task, TaskGenerator\n@TaskGenerator\ndef f(x): pass\nt = {call}\n"
    write(tmp_path, jugfile, "jugfile.py")
    done = jug(tmp_path, "execute", "--no-groups")
    assert done.code == 1
    assert done.err.splitlines()[1] == sentence
    assert "File " not in done.err
    assert sentence in jug(tmp_path, "status", "--failures").out


def test_a_fault_of_jug_keeps_its_traceback():
    names = {"__name__": "jug.nodes"}
    exec("def value(): return len(3)", names)
    with pytest.raises(TypeError) as caught:
        names["value"]()
    text = traceback_of_task(caught.value.with_traceback(caught.value.__traceback__.tb_next))
    assert text.startswith("Traceback") and ", in value\n" in text
