"""Which tasks a command is about, as it is said on the command line."""

import pytest
from processes import files_in, jug, use, write

MAPPED = """
    from jug import TaskGenerator
    from jug.mapreduce import currymap, map, mapreduce

    def score(x):
        return x

    @TaskGenerator
    def other(x):
        return x

    @TaskGenerator
    def total(xs):
        return sum(xs)

    def add(x, y):
        return x + y

    scores = map(score, range(8))
    rest = map(other, range(8))
    whole = mapreduce(add, score, range(8))
    total(scores)
    total(rest)
"""
MAP_OF_SCORE = "jug.mapreduce._jug_map(jugfile.score)"


@pytest.fixture
def mapped(tmp_path):
    write(tmp_path, MAPPED)
    assert jug(tmp_path, "execute", "--short").code == 0
    return tmp_path


@pytest.mark.parametrize("selection", [("--name", "score"), ("--name", "jugfile.sc*"), ("--pattern", "/score$/")])
def test_invalidate_finds_what_applies_the_function(mapped, selection):
    table = jug(mapped, "invalidate", *selection).table()
    assert table[MAP_OF_SCORE] == {"Selected": 2, "Dependent": 0}
    assert table["jug.mapreduce._jug_map_reduce(jugfile.add,jugfile.score)"] == {"Selected": 2, "Dependent": 0}
    assert table["jugfile.total"] == {"Selected": 0, "Dependent": 1} and table["Total:"]["Selected"] == 4
    left = {name: row["Finished"] for name, row in jug(mapped, "status").table().items()}
    assert left["jug.mapreduce._jug_map(jugfile.other)"] == 2 and left[MAP_OF_SCORE] == 0


def test_execute_finds_what_applies_the_function(tmp_path):
    write(tmp_path, MAPPED)
    assert set(jug(tmp_path, "execute", "--name", "other").table()) == {
        "jug.mapreduce._jug_map(jugfile.other)",
        "Total:",
    }


def test_what_status_shows_can_be_given_as_the_name(mapped):
    for caption in set(jug(mapped, "status").table()) - {"Total:"}:
        told = jug(mapped, "invalidate", "--dry-run", "--name", caption)
        assert told.code == 0 and told.table()[caption]["Selected"] > 0


def test_all_that_is_shown_has_the_same_captions(mapped):
    captions = set(jug(mapped, "status").table())
    assert captions == set(jug(mapped, "count").table()) == set(jug(mapped, "status", "--cache").table())
    assert captions == set(jug(mapped, "status", "--cache").table())
    jug(mapped, "graph")
    text = (mapped / "jugfile.dot").read_text()
    assert all(f'"{caption}"' in text for caption in captions - {"Total:"})
    assert "<B>_jug_map(jugfile.score)</B>" in text


def test_a_failure_names_the_function_that_was_applied(tmp_path):
    write(tmp_path, MAPPED.replace("        return x\n\n    @", "        return 1 / x\n\n    @", 1))
    done = jug(tmp_path, "execute", "--short")
    assert done.code == 1 and "jug.mapreduce._jug_map(jugfile.score, range(0, 4)) failed" in done.err
    assert done.last.startswith(f"jug: 1 task failed ({MAP_OF_SCORE})")


# --- several at once


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--name", "second", "--name", "apart"], {"jugfile.second", "jugfile.apart"}),
        (["--name=second", "jugfile.py", "--name=third"], {"jugfile.second", "jugfile.third"}),
        (["--pattern", "seco", "--pattern", "/^jugfile.a/"], {"jugfile.second", "jugfile.apart"}),
        (["--target", "apart", "--target", "second"], {"jugfile.second", "jugfile.apart"}),
    ],
)
@pytest.mark.parametrize("command", ["execute", "invalidate"])
def test_several_select_all_of_them(tmp_path, command, arguments, found):
    use(tmp_path, "chain.py")
    jug(tmp_path, "execute", "--name", "first")
    if command == "invalidate":
        jug(tmp_path, "execute")
    done = jug(tmp_path, command, *arguments)
    assert done.code == 0 and set(done.table()) == {*found, "Total:"}


def test_a_file_gives_several_names_in_a_line_each(tmp_path):
    use(tmp_path, "chain.py")
    write(tmp_path, "[execute]\nname =\n    first\n    apart\n", "jugrc")
    done = jug(tmp_path, "execute")
    assert set(done.table()) == {"jugfile.first", "jugfile.apart", "Total:"}
    assert done.last == "jug: All tasks that match --name 'first' --name 'apart' are finished."
    assert set(jug(tmp_path, "execute", "--name", "second").table()) == {"jugfile.second", "Total:"}


# --- nothing is selected


@pytest.mark.parametrize(
    ("selection", "told"),
    [
        (["--name", "aprat"], "No task matches --name 'aprat' (did you mean 'jugfile.apart'?): nothing was "),
        (["--name", "x*z"], "No task matches --name 'x*z': nothing was "),
        (["--pattern", "aprat"], "No task matches --pattern 'aprat': nothing was "),
        (["--pattern", "/^apart/"], "No task matches --pattern '/^apart/': nothing was "),
    ],
)
@pytest.mark.parametrize("command", ["execute", "invalidate"])
def test_a_selection_that_matches_nothing_is_a_failure(tmp_path, command, selection, told):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, command, *selection)
    assert done.code == 1 and told in done.out + done.err and not (tmp_path / "jugfile.jugdata").exists()


def test_the_closest_name_may_be_that_of_a_function_that_is_applied(tmp_path):
    write(tmp_path, MAPPED)
    assert "(did you mean 'jugfile.score'?)" in jug(tmp_path, "invalidate", "--name", "scroe").out


def test_of_several_names_each_has_to_match(tmp_path):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, "execute", "--name", "first", "--name", "aprat")
    assert (done.code, done.table()["Total:"]["Executed"]) == (1, 3)
    told = "No task matches --name 'aprat' (did you mean 'jugfile.apart'?)"
    assert done.last == f"jug: {told}: all others that match are finished."
    before = files_in(tmp_path)
    done = jug(tmp_path, "invalidate", "--name", "first", "--name", "aprat")
    assert (done.code, done.out) == (1, f"{told}: nothing was invalidated.\n") and files_in(tmp_path) == before


BARRIER = """
    from jug import Task, barrier

    def early(x):
        return x

    def late(x):
        return x

    t = Task(early, 1)
    barrier()
    Task(late, t)
"""


def test_a_name_that_comes_after_a_barrier_is_no_mistake(tmp_path):
    write(tmp_path, BARRIER)
    alone = jug(tmp_path, "execute", "--name", "late", "--nr-wait-cycles", "0")
    assert alone.code == 3 and alone.last.endswith("No task matches --name 'late', so far.")
    done = jug(tmp_path, "execute", "--name", "early", "--name", "late")
    assert (done.code, set(done.table())) == (0, {"jugfile.early", "jugfile.late", "Total:"})
    assert jug(tmp_path, "execute", "--name", "lat").code == 1


def test_at_a_barrier_invalidate_says_that_there_may_be_more(tmp_path):
    write(tmp_path, BARRIER)
    done = jug(tmp_path, "invalidate", "--name", "late")
    assert done.code == 1 and "stops at a barrier" in done.out


def test_what_has_matched_before_it_vanished_counts(tmp_path):
    write(
        tmp_path,
        """
        from jug import CompoundTaskGenerator, TaskGenerator, barrier

        @TaskGenerator
        def inner(x):
            return x

        @CompoundTaskGenerator
        def whole(x):
            return inner(x)

        whole(1)
        barrier()
        """,
    )
    done = jug(tmp_path, "execute", "--name", "inner", "--name", "whole")
    assert (done.code, done.table()["Total:"]["Executed"]) == (0, 2)
    assert jug(tmp_path, "invalidate", "--name", "whole").code == 0
    again = jug(tmp_path, "invalidate", "--name", "whole")
    assert (again.code, again.out.splitlines(keepends=True)[0]) == (0, "No results invalidated.\n")


# --- one jugfile at a time


@pytest.mark.parametrize("command", ["status", "execute", "count"])
def test_a_second_jugfile_is_refused(tmp_path, command):
    use(tmp_path, "chain.py", "a.py")
    for arguments in (["a.py", "b.py"], ["a.py", "--short", "b.py", "c.py"]):
        done = jug(tmp_path, command, *arguments)
        assert (done.code, done.out, done.err.count("\n")) == (2, "", 1)
        assert done.err.startswith("jug: One jugfile at a time: 'a.py' is one, 'b.py' seems to be another")


def test_arguments_for_the_jugfile_are_none(tmp_path):
    write(tmp_path, "import sys\nprint(sys.argv)\n")
    assert jug(tmp_path, "count", "jugfile.py", "--", "b.py", "--x").out.startswith("['jugfile.py', 'b.py', '--x']")
    assert jug(tmp_path, "count", "jugfile.py", "plain").out.startswith("['jugfile.py', 'plain']")
