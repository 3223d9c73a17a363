import pytest
from processes import files_in, jug, use


@pytest.fixture
def done(tmp_path):
    """A directory in which the chain has been executed."""
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "execute", "--short").code == 0
    return tmp_path


def finished(where):
    return {name: row["Finished"] for name, row in jug(where, "status").table().items()}


def test_what_depends_on_it_goes_too_through_tasklets_as_well(done):
    removed = jug(done, "invalidate", "--name", "first")
    assert (removed.code, removed.err) == (0, "")
    assert removed.out == (
        "Task name              Invalidated\n"
        "jugfile.first                    3\n"
        "jugfile.second                   1\n"
        "jugfile.third                    2\n"
        "Total:                           6\n"
    )
    assert finished(done) == {
        "jugfile.apart": 1,
        "jugfile.first": 0,
        "jugfile.second": 0,
        "jugfile.third": 0,
        "Total:": 1,
    }
    assert jug(done, "execute").table()["Total:"] == {"Executed": 6, "Loaded": 1}


def test_what_it_depends_on_stays(done):
    removed = jug(done, "invalidate", "--name", "jugfile.third")
    assert removed.table() == {"jugfile.third": {"Invalidated": 2}, "Total:": {"Invalidated": 2}}
    assert finished(done)["Total:"] == 5


@pytest.mark.parametrize(
    ("selection", "number"),
    [
        (["--pattern", "ir"], 6),
        (["--pattern", "/(second|third)$/"], 3),
        (["--name", "s*d"], 1),
        (["--name", "*"], 7),
    ],
)
def test_ways_to_select(done, selection, number):
    assert jug(done, "invalidate", *selection).table()["Total:"] == {"Invalidated": number}


@pytest.mark.parametrize("option", ["--target", "--invalid"])
def test_old_names_of_the_option_warn(done, option):
    removed = jug(done, "invalidate", option, "apart", "--short")
    assert (removed.code, removed.out) == (0, "1 results invalidated.\n")
    assert removed.err.startswith("jug: warning: --target is deprecated: use --name")


def test_nothing_to_remove(done):
    jug(done, "invalidate", "--name", "apart")
    before = files_in(done)
    assert jug(done, "invalidate", "--name", "apart").out == "No results invalidated.\n"
    nothing = jug(done, "invalidate", "--name", "aprat")
    assert (nothing.code, nothing.out) == (0, "No task matches --name 'aprat': nothing was invalidated.\n")
    assert files_in(done) == before


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "jug: One of the arguments --name --pattern --target/--invalid is required (see 'jug "),
        (["--pattern", ""], "jug: Empty pattern ('') is not allowed, as it would match every task "),
        (["--name", ""], "jug: Empty name ('') is not allowed"),
        (["--name", "first", "--pattern", "x"], "jug: Argument --pattern: not allowed with argument --name"),
    ],
)
def test_a_selection_that_makes_no_sense_removes_nothing(done, arguments, message):
    before = files_in(done)
    refused = jug(done, "invalidate", *arguments)
    assert (refused.code, refused.out) == (2, "")
    assert refused.err.startswith(message) and refused.err.count("\n") == 1
    assert files_in(done) == before


def test_what_is_behind_a_barrier_is_told_to_be_unknown(tmp_path):
    path = use(tmp_path, "chain.py")
    path.write_text(path.read_text() + "from jug import barrier\nbarrier()\nsecond(5)\n")
    assert jug(tmp_path, "execute", "--short").code == 0
    assert "barrier" not in jug(tmp_path, "invalidate", "--name", "third").out
    removed = jug(tmp_path, "invalidate", "--name", "second")
    assert removed.table()["Total:"] == {"Invalidated": 1}
    assert removed.out.splitlines()[-1] == (
        "The jugfile stops at a barrier (jugfile.third has no result yet): "
        "results of tasks after it, if there are any, were kept."
    )
