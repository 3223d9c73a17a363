"""Several real workers on one jugdir: each task is executed exactly once, and the results are right."""

import os
import signal
from collections import Counter

import pytest
from processes import files_in, jug, start, use, wait_for_file, wait_until, write

from jug.backends import file_store
from jug.backends.system import signals

NOTHING_DONE = """\
Task name                  Waiting       Ready    Finished     Running
primes.is_prime                  0          99           0           0
Total:                           0          99           0           0
"""
ALL_DONE = """\
Task name                  Waiting       Ready    Finished     Running
primes.is_prime                  0           0          99           0
Total:                           0           0          99           0
"""


@pytest.fixture(scope="module")
def primes(tmp_path_factory):
    """Four workers on the primes, with a look before and after: (where, status before, workers, status after)."""
    where = tmp_path_factory.mktemp("primes")
    use(where, "primes.py", "primes.py")
    before = jug(where, "status", "primes.py")
    assert files_in(where) == ["primes.py"]
    workers = [start(where, "execute", "primes.py") for _ in range(4)]
    workers = [worker.wait() for worker in workers]
    return where, before, workers, jug(where, "status", "primes.py")


def test_status_before_and_after(primes):
    _, before, _, after = primes
    assert (before.code, before.out, before.err) == (1, NOTHING_DONE, "")
    assert (after.code, after.out, after.err) == (0, ALL_DONE, "")


def test_four_workers_execute_every_task_exactly_once(primes):
    where, _, workers, _ = primes
    assert [(worker.code, worker.last) for worker in workers] == [(0, "jug: All tasks are finished.")] * 4
    rows = [worker.table()["primes.is_prime"] for worker in workers]
    assert sum(row["Executed"] for row in rows) == 99
    assert [row["Executed"] + row["Loaded"] for row in rows] == [99] * 4
    assert sorted(map(int, (where / "log").read_text().split())) == list(range(2, 101))


def test_nothing_but_results_is_left(primes):
    where, *_ = primes
    assert list(file_store.file_store(where / "primes.jugdata").listlocks()) == []
    assert list((where / "primes.jugdata/tempfiles").iterdir()) == []


def test_the_results_in_the_shell(primes):
    where, *_ = primes
    done = jug(where, "shell", "primes.py", stdin="sum(value(primes100))\nvalue(primes100)[:4]\n")
    assert done.code == 0
    assert "Out[1]: 25" in done.out
    assert "Out[2]: [True, True, False, True]" in done.out


@pytest.mark.slow
@pytest.mark.parametrize("number", [2, 4, 8])
def test_thousands_of_tasks_and_barriers(tmp_path, number):
    use(tmp_path, "barriers.py")
    workers = [start(tmp_path, "execute", "--wait-cycle-time", "0.2") for _ in range(number)]
    workers = [worker.wait() for worker in workers]
    assert [(worker.code, worker.err) for worker in workers] == [(0, "jug: All tasks are finished.\n")] * number

    calls = Counter((tmp_path / "log").read_text().splitlines())
    expected = [f"double {x}" for x in range(5000)]
    expected += ["add 10", *(f"check 24995000 {i}" for i in range(20))]
    assert calls == Counter([*expected, *["add 500"] * 10])

    executed = Counter()
    for worker in workers:
        executed.update({name: row["Executed"] for name, row in worker.table().items()})
    assert executed == {"jugfile.double": 5000, "jugfile.add": 11, "jugfile.check": 20, "Total:": 5031}

    shown = jug(tmp_path, "shell", stdin="total, value(checks)[-1], sum(value(doubles))\n")
    assert "(24995000, 24995019, 24995000)" in shown.out


def test_a_worker_waits_for_another_and_then_goes_on(tmp_path):
    use(tmp_path, "pair.py")
    first = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=first)
    second = start(tmp_path, "execute", "--wait-cycle-time", "0.2", "--verbose", "info")
    assert second.process.stderr.readline().startswith("jug: Waiting: 1 task is locked by others")
    (tmp_path / "go").touch()
    first, second = first.wait(), second.wait()
    assert (first.code, second.code) == (0, 0)
    assert first.table()["Total:"]["Executed"] + second.table()["Total:"]["Executed"] == 2


def test_a_worker_that_has_waited_long_enough_says_what_is_left(tmp_path):
    use(tmp_path, "pair.py")
    first = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=first)
    second = jug(tmp_path, "execute", "--wait-cycle-time", "0.05", "--nr-wait-cycles", "2")
    assert second.code == 3
    assert second.err.startswith(
        "jug: Nothing could be run for 0.1 s (see --nr-wait-cycles). Tasks left: 1 running, 1 waiting. "
        f"They are held by {os.uname().nodename}:{first.pid} since 20"
    )
    assert second.err.endswith(" ('jug status --workers' shows who is alive).\n")
    status = jug(tmp_path, "status")
    assert status.table()["jugfile.wait"] == {"Waiting": 0, "Ready": 0, "Finished": 0, "Running": 1}
    (tmp_path / "go").touch()
    assert first.wait().code == 0


def test_no_wait_cycles_means_not_to_wait(tmp_path):
    use(tmp_path, "pair.py")
    first = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=first)
    assert jug(tmp_path, "execute", "--nr-wait-cycles", "0").code == 3
    (tmp_path / "go").touch()
    assert first.wait().code == 0


def test_sleep_until_returns_after_another_process_has_finished_barriers_included(tmp_path):
    source = "from jug import barrier, bvalue\nbarrier()\nafter(bvalue(result) + 1)\n"
    path = use(tmp_path, "pair.py")
    path.write_text(path.read_text() + source)
    sleeping = start(tmp_path, "sleep-until")
    worker = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=worker)
    assert sleeping.process.poll() is None
    (tmp_path / "go").touch()
    assert worker.wait().code == 0
    done = sleeping.wait()
    assert (done.code, done.out, done.err) == (0, "", "")
    assert jug(tmp_path, "check").code == 0


SIGNALS = list(signals.SIGNALS)


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_ends_a_worker_and_gives_its_lock_back(tmp_path, signum):
    use(tmp_path, "pair.py")
    worker = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=worker)
    worker.process.send_signal(signum)
    done = worker.wait()
    assert done.code == 128 + signum
    assert (done.out, done.err) == ("", f"jug: Stopped by {signum.name}; all locks are released\n")
    assert list((tmp_path / "jugfile.jugdata/locks").iterdir()) == []

    (tmp_path / "go").touch()
    assert jug(tmp_path, "execute").code == 0


def test_a_task_that_makes_an_error_of_the_signal_has_not_failed(tmp_path):
    path = use(tmp_path, "pair.py")
    loop = '    while not os.path.exists("go"):\n        sleep(0.01)\n'
    caught = "    try:\n        sleep(100)\n    except BaseException:\n        raise ValueError('what?') from None\n"
    path.write_text(path.read_text().replace(loop, caught))
    worker = start(tmp_path, "execute", "--keep-going", "--keep-failed")
    wait_for_file(tmp_path / "started", alive=worker)
    worker.process.send_signal(signal.SIGTERM)
    done = worker.wait()
    assert (done.code, done.err) == (143, "jug: Stopped by SIGTERM; all locks are released\n")
    assert list((tmp_path / "jugfile.jugdata/locks").iterdir()) == []


@pytest.mark.parametrize("signum", SIGNALS)
def test_a_signal_ends_a_worker_that_waits(tmp_path, signum):
    use(tmp_path, "pair.py")
    first = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=first)
    second = start(tmp_path, "execute", "--verbose", "info")
    second.process.stderr.readline()  # it waits
    second.process.send_signal(signum)
    assert second.wait().code == 128 + signum
    (tmp_path / "go").touch()
    assert first.wait().code == 0


def test_a_signal_while_the_jugfile_is_read(tmp_path):
    write(
        tmp_path,
        """
        import os, time
        os.mkdir("started")
        time.sleep(100)
        """,
    )
    worker = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=worker)
    worker.process.send_signal(signal.SIGINT)
    done = worker.wait()
    assert (done.code, done.out, done.err) == (130, "", "jug: Interrupted\n")


def test_keyboard_interrupt_in_a_task_ends_the_worker(tmp_path):
    write(
        tmp_path,
        """
        from jug import TaskGenerator
        @TaskGenerator
        def f():
            raise KeyboardInterrupt
        f()
        """,
    )
    done = jug(tmp_path, "execute", "--keep-going")
    assert (done.code, done.err) == (130, "jug: Interrupted\n")
    assert list((tmp_path / "jugfile.jugdata/locks").iterdir()) == []


def test_a_task_that_fails_in_another_worker(tmp_path):
    path = use(tmp_path, "pair.py")
    path.write_text(path.read_text().replace("return x\n", "raise ValueError(x)\n", 1))
    first = start(tmp_path, "execute", "--keep-failed")
    wait_for_file(tmp_path / "started", alive=first)
    second = start(tmp_path, "execute", "--wait-cycle-time", "0.1", "--verbose", "info")
    second.process.stderr.readline()  # it waits
    (tmp_path / "go").touch()
    first, second = first.wait(), second.wait()
    assert (first.code, second.code) == (1, 1)
    assert "ValueError: 1" in first.err
    assert second.err == (
        "jug: 1 task failed in another worker (jugfile.wait). Tasks left: 1 waiting, 1 failed. "
        "'jug status --failures' shows why, and 'jug execute --retry-failed' tries again.\n"
    )


def test_a_task_that_is_long_where_the_others_were_short_keeps_no_other_worker_waiting(tmp_path):
    use(tmp_path, "surprise.py")
    first = start(tmp_path, "execute")
    wait_for_file(tmp_path / "log", alive=first)
    wait_until(lambda: "short 20\n" in (tmp_path / "log").read_text())
    locks = tmp_path / "jugfile.jugdata" / "locks"
    second = start(tmp_path, "execute", "--wait-cycle-time", "0.2")
    store = file_store.file_store(tmp_path / "jugfile.jugdata")
    wait_until(lambda: len(set(store.list())) == 199)
    assert first.process.poll() is None
    assert (first.wait().code, second.wait().code) == (0, 0)
    assert Counter((tmp_path / "log").read_text().splitlines()) == Counter(f"short {x}" for x in range(200))
    assert list(locks.iterdir()) == []
