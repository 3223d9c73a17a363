"""``python jugfile.py`` says that it runs no task; other programs are left in peace."""

import pytest
from processes import jug, python, write

SCRIPT = "import jug\n@jug.TaskGenerator\ndef f(x): return x\nts = [f(1), f(2)]\n"


def said(where, more, *flags, source=SCRIPT):
    write(where, f"{source}{more}\n", "primes.py")
    return python(where, *flags, "primes.py").err


def test_a_jugfile_that_is_run_as_a_script_says_what_to_type(tmp_path):
    assert said(tmp_path, "") == "jug: 2 tasks were defined, none was run: jug execute primes.py\n"
    assert said(tmp_path, "del jug.task.alltasks[1]") == "jug: 1 task was defined, and not run: jug execute primes.py\n"


def test_it_does_not_matter_how_jug_is_imported(tmp_path):
    assert "1 task was" in said(tmp_path, "", source="from jug.task import Task\nTask(abs, -1)\n")
    assert "1 task was" in said(tmp_path, "", source="from jug import mapreduce\nmapreduce.reduce(max, [1, 2])\n")


@pytest.mark.parametrize(
    "more",
    [
        "jug.set_jugdir('dict_store')",
        "jug.task.Task.store = jug.dict_store.dict_store()",
        "ts[0].run(save=False)",
        "del jug.task.alltasks[:]",
        "import pytest",
        "import os; os._exit(0) if os.fork() else None",
    ],
)
def test_a_script_that_does_something_itself_is_left_alone(tmp_path, more):
    assert said(tmp_path, more) == ""


def test_a_script_that_fails_says_why_and_no_more(tmp_path):
    assert said(tmp_path, "1 / 0").endswith("ZeroDivisionError: division by zero\n")
    assert "no store" in said(tmp_path, "ts[0].value()").splitlines()[-1]


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_processes_of_a_script_say_nothing_themselves(tmp_path, method):
    more = f"""
if __name__ == "__main__":
    import multiprocessing
    with multiprocessing.get_context("{method}").Pool(2) as pool:
        pool.map(abs, range(4))
"""
    assert said(tmp_path, more).count("tasks were defined") == 1


def test_a_session_and_a_module_say_nothing(tmp_path):
    write(tmp_path, SCRIPT, "primes.py")
    assert python(tmp_path, "-c", "import primes").err == ""
    assert python(tmp_path, "-m", "primes").err == ""
    write(tmp_path, "import primes\n", "other.py")
    assert python(tmp_path, "other.py").err == ""


def test_jug_itself_says_nothing_of_it(tmp_path):
    write(tmp_path, SCRIPT)
    assert jug(tmp_path, "execute").err == "jug: All tasks are finished.\n"
    assert jug(tmp_path, "count", "--short").err == ""
