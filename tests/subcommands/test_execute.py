"""``jug execute``: what it prints, which tasks it runs, its other options."""

import pytest
from processes import files_in, jug, python, write

from jug.backends import dict_store, file_store

COUNTED = """
from jug import TaskGenerator

@TaskGenerator
def f(x):
    return x

@TaskGenerator
def g(x):
    return x

fs = [f(i) for i in range(3)]
gs = [g(x) for x in fs]
"""


def results(where, jugdir="jugfile.jugdata"):
    return len(list(file_store.file_store(where / jugdir).list()))


def test_the_table_and_the_closing_line(tmp_path):
    write(tmp_path, COUNTED)
    done = jug(tmp_path, "execute")
    assert (done.code, done.err) == (0, "jug: All tasks are finished.\n")
    assert done.out == (
        "Task name                 Executed      Loaded\n"
        "jugfile.f                        3           0\n"
        "jugfile.g                        3           0\n"
        "Total:                           6           0\n"
    )
    again = jug(tmp_path, "execute")
    assert again.code == 0
    assert again.table()["Total:"] == {"Executed": 0, "Loaded": 6}


def test_short_has_the_totals_and_no_table(tmp_path):
    write(tmp_path, COUNTED)
    done = jug(tmp_path, "execute", "--short")
    totals = "Executed:  6 tasks\nLoaded:  0 tasks\n** Total: 6 tasks.\n"
    assert (done.code, done.out, done.err) == (0, totals, "jug: All tasks are finished.\n")


def test_verbose_info_tells_of_every_execution(tmp_path):
    write(tmp_path, COUNTED)
    done = jug(tmp_path, "execute", "--verbose", "info")
    lines = done.err.splitlines()
    assert lines[0] == "jug: executing jugfile.f(0)"
    assert lines[1].startswith("jug: executed jugfile.f(0) in ")
    assert sum(line.startswith("jug: executing jugfile.g(") for line in lines) == 3
    assert len(lines) == 13


def test_verbose_debug_tells_of_every_result_found(tmp_path):
    write(tmp_path, COUNTED)
    jug(tmp_path, "execute")
    assert jug(tmp_path, "execute", "--verbose", "info").err.count("\n") == 1
    done = jug(tmp_path, "execute", "--verbose", "debug")
    assert sorted(done.err.splitlines())[1:4] == [f"jug: there is a result of jugfile.f({i})" for i in range(3)]


def test_jug_execute_is_a_command_of_its_own(tmp_path):
    write(tmp_path, COUNTED)
    done = python(tmp_path, "-c", "from jug.jug import main_execute; main_execute()", "--short")
    assert (done.code, done.err) == (0, "jug: All tasks are finished.\n")
    assert results(tmp_path) == 6


def test_a_jugfile_without_tasks(tmp_path):
    write(tmp_path, "")
    done = jug(tmp_path, "execute")
    assert done.code == 0
    assert done.err == (
        "jug: There are no tasks in 'jugfile.py' (is a function to be decorated with @TaskGenerator, and called?)\n"
    )
    assert files_in(tmp_path) == ["jugfile.py"]


@pytest.mark.parametrize("name", ["jugfile.f", "f", "?", "*.[f]", "jugfile.?"])
def test_name(tmp_path, name):
    write(tmp_path, COUNTED)
    done = jug(tmp_path, "execute", "--name", name, "--nr-wait-cycles", "0")
    assert done.code == 0
    assert done.last == f"jug: All tasks that match --name '{name}' are finished."
    executed = {task: row["Executed"] for task, row in done.table().items()}
    expected = {"jugfile.f": 3, "Total:": 3} if "f" in name and "?" not in name else {}
    assert executed == (expected or {"jugfile.f": 3, "jugfile.g": 3, "Total:": 6})


@pytest.mark.parametrize("pattern", ["le.f", "/f$/"])
def test_pattern(tmp_path, pattern):
    write(tmp_path, COUNTED)
    done = jug(tmp_path, "execute", "--pattern", pattern)
    assert done.code == 0
    assert done.table() == {"jugfile.f": {"Executed": 3, "Loaded": 0}, "Total:": {"Executed": 3, "Loaded": 0}}


def test_a_name_and_a_pattern_from_two_places_are_told_once(tmp_path):
    write(tmp_path, COUNTED)
    write(tmp_path, "[execute]\nname = f\n", "jugrc")
    done = jug(tmp_path, "execute", "--pattern", "jug")
    assert done.code == 0
    assert done.err.startswith("jug: warning: both a name ('f') and a pattern ('jug') are set")
    assert done.err.splitlines()[1:] == ["jug: All tasks that match --name 'f' and --pattern 'jug' are finished."]
    assert done.table()["Total:"]["Executed"] == 3


def test_target_is_the_old_name_of_name(tmp_path):
    write(tmp_path, COUNTED)
    done = jug(tmp_path, "execute", "--target", "f")
    assert done.err.startswith("jug: warning: --target or --invalid is deprecated: use --name")
    assert done.code == 0
    assert done.table()["Total:"] == {"Executed": 3, "Loaded": 0}


def test_a_selection_that_matches_nothing_is_told(tmp_path):
    write(tmp_path, COUNTED)
    done = jug(tmp_path, "execute", "--name", "h")
    assert (done.code, done.err) == (1, "jug: No task matches --name 'h': nothing was executed.\n")


def test_a_selection_that_needs_what_nobody_runs_gives_up(tmp_path):
    write(tmp_path, COUNTED)
    done = jug(tmp_path, "execute", "--name", "g", "--wait-cycle-time", "0.01", "--nr-wait-cycles", "1")
    assert done.code == 3
    assert done.err == ("jug: Nothing could be run for 0.01 s (see --nr-wait-cycles). Tasks left: 3 waiting.\n")


def test_aggressive_unload_gives_the_same_results(tmp_path):
    write(tmp_path, COUNTED)
    assert jug(tmp_path, "execute", "--aggressive-unload").code == 0
    assert jug(tmp_path, "status", "--short").out == "All tasks complete (6 tasks).\n"


def test_will_cite_is_accepted(tmp_path):
    write(tmp_path, COUNTED)
    assert jug(tmp_path, "execute", "--will-cite").err == "jug: All tasks are finished.\n"


def test_jugdir_and_its_placeholders(tmp_path):
    write(tmp_path, COUNTED, "my-work.py")
    done = jug(tmp_path, "execute", "my-work.py", "--jugdir", "data/%(jugfile)s-%(date)s")
    assert done.code == 0
    (jugdir,) = (tmp_path / "data").iterdir()
    assert jugdir.name.startswith("my-work-2")
    assert results(tmp_path, jugdir) == 6


def test_a_dict_store_is_kept_in_its_file(tmp_path):
    write(tmp_path, COUNTED)
    jugdir = ("--jugdir", "dict_store:kept")
    assert jug(tmp_path, "status", *jugdir).code == 1
    assert files_in(tmp_path) == ["jugfile.py"]
    assert jug(tmp_path, "execute", *jugdir, JUG_MAX_TASKS="2").code == 3
    assert len(list(dict_store.dict_store(str(tmp_path / "kept")).list())) == 2
    assert jug(tmp_path, "execute", *jugdir).table()["Total:"] == {"Executed": 4, "Loaded": 2}
    assert jug(tmp_path, "check", *jugdir).code == 0
    assert files_in(tmp_path) == ["jugfile.py", "kept"]


def test_without_groups_each_result_is_a_file(tmp_path):
    write(tmp_path, COUNTED)
    jug(tmp_path, "execute", "--jugdir", "together")
    jug(tmp_path, "execute", "--jugdir", "alone", "--no-groups")
    number = len(list(file_store.file_store(tmp_path / "alone").list()))
    assert number == len(list(file_store.file_store(tmp_path / "together").list())) > 1
    assert len(list((tmp_path / "alone").glob("??/*"))) == number and not (tmp_path / "alone" / "packs").exists()
    assert list((tmp_path / "together").glob("??/*")) == []


def test_the_lease_is_set_before_anything_is_locked(tmp_path):
    write(tmp_path, COUNTED + "\n@TaskGenerator\ndef lease():\n    from jug import Task\n    return Task.store.lease\n")
    with (tmp_path / "jugfile.py").open("a") as jugfile:
        jugfile.write("from jug.hooks import register_hook\nlease()\n")
        jugfile.write("register_hook('execute.task-pre-execute', lambda t: print('lease', t.store.lease))\n")
    out = jug(tmp_path, "execute", "--short", "--lease", "7.5").out
    assert out.startswith("lease 7.5\n" * 7 + "Executed:  7 tasks\n")
    assert jug(tmp_path, "execute", "--short", "--lease", "0").err == (
        "jug: Argument --lease: '0' is not more than 0 (see 'jug execute --help')\n"
    )
    assert jug(tmp_path, "execute", "--lease", "inf").code == 2
