"""``jug status --workers``, and tasks that were left behind."""

import json
import os
import time

import pytest
from processes import jug, start, use, wait_for_file, write
from simulated import Leases, at_work

from jug import Task
from jug.options import default_options
from jug.subcommands.status import StatusCommand

SINCE = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(1e9))


def job(*args):
    return args


def status(capsys, store, **options):
    """The exit status and the lines of ``jug status``."""
    Task.store = store
    given = default_options.copy()
    given.update({f"status_{name}" if name != "short" else name: value for name, value in options.items()})
    code = StatusCommand().run(given, store, {})
    return code, capsys.readouterr().out.split("\n")


def test_abandoned_tasks_have_a_column_of_their_own_if_there_are_any(capsys):
    store, (running, left, _) = Leases(), [Task(job, n) for n in range(3)]
    assert store.getlock(running.hash()).get() and store.getlock(left.hash()).get()
    _, before = status(capsys, store)
    assert before[0].split() == ["Task", "name", "Waiting", "Ready", "Finished", "Running"]
    store.gone.add(left.hash())
    code, lines = status(capsys, store)
    assert code == 1
    assert lines[0].split() == ["Task", "name", "Abandoned", "Waiting", "Ready", "Finished", "Running"]
    assert lines[-2].split() == ["Total:", "1", "0", "1", "0", "1"]
    assert status(capsys, store, short=True)[1][0] == (
        "2 tasks waiting to be run, 0 failed, 0 complete, (1 active, 1 abandoned)."
    )


def test_who_holds_what_since_when(capsys):
    store = Leases(holder=("node7", 1234, "w1"))
    tasks = [Task(job, *["x" * 50] * 5), Task(job, 2), Task(job, 3), Task(job, 4)]
    views = [store, store, Leases(store, ("node8", 5, "w2")), Leases(store, ("old", 77, ""), since=None)]
    for task, view in zip(tasks, views, strict=True):
        assert view.getlock(task.hash()).get()
    store.store[b"lock:" + b"f" * 40] = 1  # a lock that says nothing, of no task
    store.gone.add(tasks[2].hash())
    store.known += [
        at_work("w2", "node8", 5, user="bob", gone=True, sign=1e9),
        at_work("w1", "node7", 1234, user="ann"),
        at_work("w3", "node7", 99, user="ann", since=None, sign=1e9),
    ]
    lines = status(capsys, store, workers=True)[1]
    name = tasks[0].name
    start = lines.index("") + 1
    assert lines[start].split("  ")[0] == "Worker"
    table = [line.split("  ") for line in lines[start:]]
    table = [[cell.strip() for cell in row if cell.strip()] for row in table]
    assert table[:5] == [
        ["Worker", "User", "Started", "Last sign of life", "Running", "Since"],
        ["node7:99", "ann", "?", SINCE, "-", "-"],
        ["node7:1234", "ann", SINCE, "?", table[2][4], SINCE],
        [f"{name}(2)", SINCE],
        ["old:77", "?", "?", "?", f"{name}(4)", "?"],
    ]
    assert len(table[2][4]) == 80 and table[2][4].startswith(f"{name}('xxx") and table[2][4].endswith("...")
    assert table[5:] == [
        ["(not known)", "?", "?", "?", "(no task of the jugfile)", "?"],
        ["node8:5", "bob", SINCE, f"{SINCE} (gone)", f"{name}(3)", SINCE],
        ["3 workers, 1 of them without a task, 1 gone."],
        [],
    ]
    assert status(capsys, store, workers=True, short=True)[1][0] == (
        "1 task waiting to be run, 0 failed, 0 complete, (3 active, 1 abandoned). "
        "3 workers, 1 of them without a task, 1 gone."
    )


def test_nobody_is_at_work(capsys):
    Task(job)
    assert status(capsys, Leases(), workers=True)[1][-2] == "No worker is known to be at work."
    assert status(capsys, Leases(), workers=True, short=True)[1][0].endswith("(none active). 0 workers.")


def test_a_thousand_workers_and_a_hundred_thousand_tasks(capsys):
    class NoReading(Leases):
        def load(self, name):
            raise AssertionError("a result was read")

        def can_load(self, name):
            raise AssertionError("asked one by one")

    store = NoReading()
    tasks = [Task(job, n) for n in range(100_000)]
    for number in range(1000):
        worker = f"w{number}"
        store.known.append(at_work(worker, f"node{number % 50}", number))
        assert Leases(store, (f"node{number % 50}", number, worker)).getlock(tasks[number * 90].hash()).get()
    start = time.perf_counter()
    lines = status(capsys, store, workers=True)[1]
    assert len(lines) == 3 + 1 + 1 + 1000 + 1 + 1
    assert lines[-2] == "1000 workers."
    assert time.perf_counter() - start < 60


def test_a_real_worker_is_seen_with_its_task_with_a_cache_too(tmp_path):
    use(tmp_path, "pair.py")
    worker = start(tmp_path, "execute")
    wait_for_file(tmp_path / "started", alive=worker)
    here = f"{os.uname().nodename}:{worker.pid} "
    for options, call in (((), "jugfile.wait(1)"), (("--cache",), "jugfile.wait(1)"), (("--cache",), "jugfile.wait")):
        done = jug(tmp_path, "status", "--workers", *options)
        assert (done.code, done.err) == (1, "")
        (line,) = (line for line in done.out.splitlines() if line.startswith(here))
        assert f"  {call}  20" in line
        assert done.out.endswith("\n1 worker.\n")
    assert jug(tmp_path, "status", "--workers", "--short").out.endswith("(1 active). 1 worker.\n")
    (tmp_path / "go").touch()
    assert worker.wait().code == 0
    assert jug(tmp_path, "status", "--workers").out.endswith("\nNo worker is known to be at work.\n")


UNSAFE = "node\x1b]0;pwned\x07\x9b31m\u202e\udce9\x7f\r\n\tjug: All tasks are finished."
JUGFILE = """
from jug import TaskGenerator
@TaskGenerator
def f(i): return i
r = [f(i) for i in range(5)]
"""
ONE = "d29c89a1374b51d54c81fd6d53622639906aa2d8"  # of these tasks


def is_plain(done):
    text = done.out + done.err
    assert all(character.isprintable() or character == "\n" for character in text), done
    assert not any(line.startswith("jug: All tasks") for line in text.splitlines()), done
    return text


def put_locks(where, name):
    """A lock of an old release, one of ours, and the file of a worker, all by somebody else."""
    jugdir = where / "jugfile.jugdata"
    for folder in ("locks", "tempfiles"):
        (jugdir / folder).mkdir(parents=True)
    facts = {"v": 1, "id": UNSAFE, "host": UNSAFE, "user": UNSAFE, "run": UNSAFE, "pid": 5, "t": 1e9, "boot": "b"}
    (jugdir / "locks" / f"{name}.lock").write_text(json.dumps(facts) + "\n")
    (jugdir / "tempfiles" / "w-1").write_text(json.dumps({**facts, "id": "1"}) + "\n")
    old = "PID 5 on HOSTNAME \x1b[31mx\x1b]0;pwned\x07\nLock created on 2026-01-01 (00h00.00)\n"
    (jugdir / "locks" / f"{'a' * 40}.lock").write_text(old)


@pytest.mark.parametrize(
    "command",
    [
        ["status", "--workers"],
        ["cleanup", "--dry-run"],
        ["cleanup"],
        ["execute", "--nr-wait-cycles", "1", "--wait-cycle-time", "0"],
        ["invalidate", "--name", "f", "--dry-run"],
    ],
    ids=" ".join,
)
def test_what_others_have_written_does_nothing_to_a_terminal(tmp_path, command):
    write(tmp_path, JUGFILE)
    put_locks(tmp_path, ONE)
    text = is_plain(jug(tmp_path, *command))
    if command[0] != "invalidate":
        assert "node\\x1b]0;pwned\\x07" in text


def test_nor_does_what_a_store_of_another_kind_tells(capsys):
    store, tasks = Leases(holder=(UNSAFE, 1, "w1")), [Task(job, UNSAFE), Task(job, Rude())]
    assert all(store.getlock(task.hash()).get() for task in tasks)
    store.known += [at_work("w1", UNSAFE, 1, user=UNSAFE)]
    lines = status(capsys, store, workers=True)[1]
    assert "".join(lines).isprintable()


class Rude:
    """An argument that shows itself in colours."""

    def __repr__(self):
        return f"{UNSAFE}"

    def __jug_hash__(self):
        return b"rude"
