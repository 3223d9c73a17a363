import os
import re

import pytest
from processes import jug, use, write


def test_the_exit_status_says_whether_all_is_finished(tmp_path):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, "check")
    assert (done.code, done.out, done.err) == (1, "", "")
    jug(tmp_path, "execute", "--name", "first")
    assert jug(tmp_path, "check").code == 1
    jug(tmp_path, "execute")
    done = jug(tmp_path, "check")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_a_barrier_is_not_the_end(tmp_path):
    path = use(tmp_path, "chain.py")
    path.write_text(path.read_text() + "from jug import barrier\nbarrier()\nsecond(5)\n")
    assert jug(tmp_path, "execute", JUG_MAX_TASKS="7").code == 3
    assert jug(tmp_path, "check").code == 1  # all up to the barrier is finished
    assert jug(tmp_path, "execute").code == 0
    assert jug(tmp_path, "check").code == 0


# check --hashes

UNSTABLE = """
from jug import TaskGenerator

class Loaded:
    def __init__(self):
        self.a = 1
    def __setstate__(self, state):
        self.__dict__.update(state)
        self.loaded = state.get("loaded", 0) + 1

class Named:
    def __init__(self):
        self.kind = "kind"

@TaskGenerator
def f(data, x=None):
    return 1
"""


def hashes(where, source, *arguments, **env):
    write(where, UNSTABLE + source)
    return jug(where, "check", "--hashes", *arguments, **env)


def test_stable_hashes(tmp_path):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, "check", "--hashes")
    assert (done.code, done.out, done.err) == (0, "7 tasks: no hash changes.\n", "")
    assert jug(tmp_path, "check", "--hashes", "--short").out == "7 tasks: no hash changes.\n"
    assert not (tmp_path / "jugfile.jugdata").exists()


def test_an_argument_that_changes_when_read_back_is_named_with_its_place_once(tmp_path):
    done = hashes(tmp_path, "for i in range(500):\n    f(i, x={'table': [0] * i + [Loaded()]})\n")
    assert (done.code, done.err) == (1, "")
    first, advice, verdict = done.out.splitlines()
    assert first.startswith("jugfile.f: argument 'x'['table'][0] (<jugfile.Loaded object at ")
    assert first.endswith(
        ", of type jugfile.Loaded) has another hash after it was pickled and read back: its .loaded is there only "
        "after that (500 tasks, this is the first)."
    )
    assert "__jug_hash__()" in advice and "jug.utils.CustomHash" in advice
    assert verdict == "500 tasks: 500 with arguments whose hash changes."
    assert jug(tmp_path, "check", "--hashes", "--short").out == verdict + "\n"


def test_a_list_that_grows_after_the_task_was_made_is_told(tmp_path):
    done = hashes(tmp_path, "l = []\nfor i in range(3):\n    l.append(i)\n    f(l)\n")
    assert done.code == 1
    assert "jugfile.f: argument 'data' ([0, 1, 2], of type list) was changed after the task had been made" in done.out
    assert done.out.endswith("3 tasks: 2 with arguments whose hash changes.\n")


def test_what_is_harmless_is_a_note(tmp_path):
    done = hashes(tmp_path, "f(Named())\n")
    assert done.code == 0
    assert done.out.startswith("Only a note: jugfile.f: argument 'data' (<jugfile.Named object at ")
    assert done.out.endswith("1 task: no hash changes.\n")


def test_an_argument_that_cannot_be_hashed_is_named(tmp_path):
    done = hashes(tmp_path, "f(1)\nf([0, (i for i in 'ab')])\n")
    assert done.code == 1
    assert "jugfile.f: argument 'data'[1] (<generator " in done.out
    assert "cannot be hashed: " in done.out and "pass a list of its items" in done.out


@pytest.mark.parametrize(
    ("source", "difference"),
    [
        (
            "import time\nf(0)\nf(1, x=time.time())\n",
            "1 of 2 are others; the first is number 2, jugfile.f: argument 'x' is ",
        ),
        ("f(id([]))\n", "1 of 1 are others; the first is number 1, jugfile.f: argument 'data' is 1"),
        ("f(list(map(str, {f'{i}' for i in range(50)})))\n", "1 of 1 are others; the first is number 1, jugfile.f: "),
        ("import os\nfor i in range(int(os.environ['PYTHONHASHSEED'])):\n    f(i)\n", ": 1 more (such as jugfile.f). "),
    ],
    ids=["clock", "address", "order of a set", "number of tasks"],
)
def test_a_jugfile_that_makes_other_tasks_the_second_time(tmp_path, source, difference):
    done = hashes(tmp_path, source, PYTHONHASHSEED="1")
    assert (done.code, done.err) == (1, "")
    assert done.out.startswith("The jugfile makes other tasks when it is read again: ")
    assert difference in done.out
    assert "use sorted" in done.out
    assert re.fullmatch(r"(1 task|\d+ tasks): not the same in a second reading\.", done.out.splitlines()[-1])


def test_the_order_of_tasks_is_of_no_importance(tmp_path):
    done = hashes(tmp_path, "for x in {f'{i}' for i in range(50)}:\n    f(x)\n")
    assert (done.code, done.out) == (0, "50 tasks: no hash changes.\n")


def test_what_the_jugfile_prints_and_is_given_does_not_disturb(tmp_path):
    source = "import sys\nprint('hello', flush=True)\nf(sys.argv[1:])\nassert not sys.stdin.read()\n"
    done = hashes(tmp_path, source, "--", "--a", "b")
    assert (done.code, done.out, done.err) == (0, "hello\n1 task: no hash changes.\n", "")


def test_a_second_reading_that_fails_is_told(tmp_path):
    source = "import os\nf(1)\nif os.path.exists('read'):\n    1 / 0\nopen('read', 'w').close()\n"
    done = hashes(tmp_path, source)
    assert done.code == 1
    assert done.out.splitlines()[0] == "The jugfile could not be read again by another process (exit status 1)."
    assert "ZeroDivisionError" in done.err and "rereading.py" not in done.err


def test_a_mistake_in_the_jugfile_is_told_as_ever(tmp_path):
    done = hashes(tmp_path, "1 / 0\n")
    assert (done.code, done.out, done.last) == (1, "", "jug: The jugfile 'jugfile.py' raised ZeroDivisionError")


def test_hashes_up_to_a_barrier(tmp_path):
    done = hashes(tmp_path, "from jug import barrier\nf(1)\nbarrier()\nf(2)\n")
    assert done.code == 0
    assert done.out.splitlines()[0] == "1 task: no hash changes."
    assert "The jugfile stops at a barrier (jugfile.f has no result yet): tasks after it" in done.out
    assert jug(tmp_path, "execute").code == 0
    assert jug(tmp_path, "check", "--hashes").out == "2 tasks: no hash changes.\n"


def test_debug_fails_the_task_and_names_the_place(tmp_path):
    write(tmp_path, UNSTABLE + "f(1)\nf(Named())\nf(2, x=[Loaded()])\n")
    done = jug(tmp_path, "execute", "--debug")
    assert done.code == 1
    assert "Traceback" not in done.err
    assert "jugfile.f: argument 'x'[0] (<jugfile.Loaded object at " in done.err
    assert done.table()["Total:"] == {"Executed": 2, "Loaded": 0}
    assert jug(tmp_path, "execute").code == 0


# check --verify

RESULTS = """
from jug import TaskGenerator

class Trap:
    def __reduce__(self):
        return print, ("snapped",)

@TaskGenerator
def make(n):
    return [Trap(), n]

made = [make(n) for n in range(30)]
"""


@pytest.fixture
def executed(tmp_path):
    write(tmp_path, RESULTS)
    assert jug(tmp_path, "execute", "--short", "--no-groups").code == 0
    return tmp_path


def files(where):
    return sorted(path for path in (where / "jugfile.jugdata").glob("??/*"))


def test_results_that_are_whole_are_verified_and_not_unpickled(executed):
    for _ in range(2):
        done = jug(executed, "check", "--verify")
        assert (done.code, done.out, done.err) == (0, "30 results: 30 whole.\n", "")
        jug(executed, "pack")


def test_damaged_results_are_told_with_task_and_path_and_stay(executed):
    first, second, third, *_ = files(executed)
    damaged = {first: b"", second: b"garbage", third: third.read_bytes()[:-9]}
    for path, data in damaged.items():
        path.write_bytes(data)
    done = jug(executed, "check", "--verify")
    *told, last = done.out.splitlines()
    assert (done.code, last, len(told)) == (1, "30 results: 27 whole, 3 damaged.", 3)
    for path, data in damaged.items():
        (line,) = (line for line in told if line.startswith(f"{path} ("))
        assert line.startswith(f"{path} (jugfile.make(")
        assert f"), task {path.parent.name}{path.name}) is damaged: " in line
        assert path.read_bytes() == data
    assert not (executed / "jugfile.jugdata/corrupt").exists()
    assert jug(executed, "check", "--verify", "--short").out == "30 results: 27 whole, 3 damaged.\n"


def test_of_many_damaged_results_the_first_are_told(executed):
    for path in files(executed):
        path.write_bytes(b"x")
    done = jug(executed, "check", "--verify")
    assert done.code == 1
    assert done.out.splitlines()[20:] == ["... and 10 more (--verbose info tells all)", "30 results: 30 damaged."]
    assert len(jug(executed, "check", "--verify", "--verbose", "info").out.splitlines()) == 31


def test_results_of_old_releases_and_missing_ones_are_counted(executed):
    (executed / "jugfile.jugdata/all-have-checksums").unlink()
    first, second, third, *_ = files(executed)
    first.write_bytes(b"")
    second.write_bytes(second.read_bytes()[:-31])
    third.unlink()
    done = jug(executed, "check", "--verify")
    counted = "27 whole, 1 without a checksum (written by jug 2.7), 1 empty (None, written by jug 2.7)"
    assert (done.code, done.out) == (0, f"29 results: {counted}. 1 task has no result.\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_result_that_cannot_be_read_is_told_and_the_others_are_verified(executed):
    path = files(executed)[0]
    path.chmod(0)
    done = jug(executed, "check", "--verify")
    assert done.code == 1 and f"cannot be read: Cannot read {path}: Permission denied" in done.out
    assert done.out.endswith("30 results: 29 whole, 1 that cannot be read.\n")


def test_a_store_that_cannot_be_verified_says_so(executed):
    jug(executed, "execute", "--jugdir", "dict_store:kept")
    done = jug(executed, "check", "--verify", "--jugdir", "dict_store:kept")
    assert done.code == 2
    assert done.last == "jug: Results in a store of this kind cannot be verified (only in a folder)"


def test_only_one_thing_is_checked_at_a_time(executed):
    assert jug(executed, "check", "--verify", "--hashes").code == 2
