import pytest
from processes import files_in, jug, start, use, wait_for_file, write


def test_the_table_has_a_line_per_name_in_alphabetical_order_and_totals(tmp_path):
    use(tmp_path, "chain.py", "chain.py")
    done = jug(tmp_path, "status", "chain.py")
    assert (done.code, done.err) == (1, "")
    assert done.out == (
        "Task name                  Waiting       Ready    Finished     Running\n"
        "chain.apart                      0           1           0           0\n"
        "chain.first                      0           3           0           0\n"
        "chain.second                     1           0           0           0\n"
        "chain.third                      2           0           0           0\n"
        "Total:                           3           4           0           0\n"
    )


def test_a_long_name_makes_its_column_wider(tmp_path):
    write(tmp_path, f"from jug import TaskGenerator\n@TaskGenerator\ndef {'f' * 30}(): pass\n{'f' * 30}()\n")
    lines = jug(tmp_path, "status").out.splitlines()
    assert {len(line) for line in lines} == {len("jugfile.") + 30 + 1 + 4 * 12}


def test_running_and_failed_tasks(tmp_path):
    path = use(tmp_path, "pair.py")
    path.write_text(path.read_text() + "@TaskGenerator\ndef fails():\n    raise ValueError\nfails()\n")
    assert jug(tmp_path, "execute", "--name", "fails", "--keep-failed").code == 1
    worker = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=worker)
    done = jug(tmp_path, "status")
    assert done.code == 1
    assert done.out == (
        "Task name                   Failed     Waiting       Ready    Finished     Running\n"
        "jugfile.after                    0           1           0           0           0\n"
        "jugfile.fails                    1           0           0           0           0\n"
        "jugfile.wait                     0           0           0           0           1\n"
        "Total:                           1           1           0           0           1\n"
    )
    short = jug(tmp_path, "status", "--short")
    assert (short.code, short.out) == (1, "1 task waiting to be run, 1 failed, 0 complete, (1 active).\n")
    (tmp_path / "go").touch()
    assert worker.wait().code == 1


def test_short(tmp_path):
    use(tmp_path, "chain.py")
    done = jug(tmp_path, "status", "--short")
    assert (done.code, done.out) == (1, "7 tasks waiting to be run, 0 failed, 0 complete, (none active).\n")
    assert jug(tmp_path, "execute").code == 0
    done = jug(tmp_path, "status", "--short")
    assert (done.code, done.out) == (0, "All tasks complete (7 tasks).\n")


def test_a_barrier_is_told_and_is_not_the_end(tmp_path):
    path = use(tmp_path, "chain.py")
    path.write_text(path.read_text() + "from jug import bvalue\nbvalue(firsts[0])\nsecond(5)\n")
    jug(tmp_path, "execute", "--name", "apart", "--nr-wait-cycles", "0")
    done = jug(tmp_path, "status")
    assert done.code == 1
    assert done.out.splitlines()[-1] == (
        "The jugfile stops at a barrier (jugfile.first has no result yet): there may be more tasks after it."
    )
    assert jug(tmp_path, "execute").code == 0
    done = jug(tmp_path, "status")
    assert (done.code, done.table()["Total:"]["Finished"]) == (0, 8)
    assert "barrier" not in done.out


def test_no_tasks_at_all_are_all_finished(tmp_path):
    write(tmp_path, "")
    done = jug(tmp_path, "status")
    assert done.code == 0
    assert done.table() == {"Total:": {"Waiting": 0, "Ready": 0, "Finished": 0, "Running": 0}}


@pytest.mark.parametrize(
    "arguments",
    [
        ["status"],
        ["status", "--short"],
        ["check"],
        ["count"],
        ["invalidate", "--name", "first"],
        ["cleanup"],
        ["cleanup", "--locks-only"],
        ["cleanup", "--failed-only"],
    ],
    ids=" ".join,
)
def test_looking_and_removing_create_nothing(tmp_path, arguments):
    path = use(tmp_path, "chain.py")
    path.write_text(path.read_text() + "from jug import barrier\n")
    assert jug(tmp_path, *arguments, "--jugdir", "not/there").code in (0, 1)
    assert files_in(tmp_path) == ["jugfile.py"]
