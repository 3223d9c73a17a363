from processes import jug, use


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
