"""What needs a worker beside it is in test_workers.py."""

import signal

from processes import jug, start, use, write


def test_it_returns_at_once_if_all_is_finished(tmp_path):
    use(tmp_path, "chain.py")
    assert jug(tmp_path, "execute").code == 0
    done = jug(tmp_path, "sleep-until")
    assert (done.code, done.out, done.err) == (0, "", "")


def test_it_can_be_interrupted(tmp_path):
    write(tmp_path, "from jug import Task\nTask(len, 'abc')\nprint('read', flush=True)\n")
    sleeping = start(tmp_path, "sleep-until")
    sleeping.process.stdout.readline()
    sleeping.process.send_signal(signal.SIGINT)
    done = sleeping.wait()
    assert (done.code, done.err) == (130, "jug: Interrupted\n")
    assert not (tmp_path / "jugfile.jugdata").exists()


def test_a_jugfile_that_raises_after_its_barrier(tmp_path):
    write(tmp_path, "from jug import Task, barrier\nTask(len, 'abc')\nbarrier()\n1 / 0\n")
    assert jug(tmp_path, "execute", "--short").code == 1
    done = jug(tmp_path, "sleep-until")
    assert done.code == 1
    assert done.err.splitlines()[1] == '  File "jugfile.py", line 4, in <module>'
    assert done.last == "jug: The jugfile 'jugfile.py' raised ZeroDivisionError"
