"""All commands, again and again, by another process, while three workers run fifteen hundred tasks.

Whatever is done from outside, the workers end complete, they say so truthfully, and each result is right. As long as
nobody removes results or takes locks away by force, each task is run exactly once.
"""

import os
import random
from collections import Counter

import pytest
from processes import jug, python, start, wait_for_file, write

from jug.backends.file_store import file_store

pytestmark = pytest.mark.faults

JUGFILE = """
import os, time
from pathlib import Path
from jug import TaskGenerator

def ran(what):
    with open(f"ran-{os.getpid()}", "a") as log:
        log.write(f"{what}\\n")
    time.sleep(0.01)

@TaskGenerator
def leaf(i):
    ran(f"leaf {i}")
    return i if i % 3 else "x" * 1000 + str(i)  # small ones can be packed

@TaskGenerator
def size(i, x):
    ran(f"size {i}")
    return x if isinstance(x, int) else int(x[1000:])

@TaskGenerator
def total(number, xs):
    ran(f"total {number}")
    return sum(xs)

N = 740
leaves = [leaf(i) for i in range(N)]
sizes = [size(i, x) for i, x in enumerate(leaves)]
totals = [total(b, sizes[b::20]) for b in range(20)]
grand = total("grand", totals)
"""
NUMBER = 740
EXPECTED = NUMBER * (NUMBER - 1) // 2
TASKS = 2 * NUMBER + 21

# Commands by which no task is to run a second time; and the exit statuses that they may have.
GENTLE = {
    ("pack",): {0},
    ("cleanup",): {0},
    ("cleanup", "--locks-only"): {0},
    ("cleanup", "--failed-only"): {0},
    ("cleanup", "--keep-locks"): {0},
    ("cleanup", "--dry-run"): {0},
    ("invalidate", "--pattern", "size", "--dry-run"): {0},
    ("count",): {0},
    ("check",): {0, 1},
    ("status",): {0, 1},
    ("status", "--workers", "--short"): {0, 1},
    ("status", "--cache"): {0, 1},
}
ROUGH = {
    **GENTLE,
    ("invalidate", "--name", "total"): {0},
    ("invalidate", "--pattern", "/size/"): {0},
    ("invalidate", "--name", "leaf"): {0},
    ("cleanup", "--force"): {0},
    ("cleanup", "--locks-only", "--force"): {0},
}
MOST_COMMANDS = 40


def disturb(where, commands, workers, chance):
    """Run commands while there is much left to do; returns how often each was run."""
    done, store = Counter(), file_store(where / "data")
    order = [*commands]
    chance.shuffle(order)
    while sum(done.values()) < MOST_COMMANDS and len([*store.list()]) < 0.8 * TASKS:
        assert all(worker.process.poll() is None for worker in workers)
        command = order[sum(done.values())] if sum(done.values()) < len(order) else chance.choice(order)
        ended = jug(where, *command, "--short")
        assert ended.code in commands[command], (command, ended)
        assert "Traceback" not in ended.err, (command, ended)
        done[command] += 1
    return done


@pytest.mark.parametrize("commands", [GENTLE, ROUGH], ids=["gentle", "rough"])
@pytest.mark.parametrize("jugdir", ["data", "file_keepalive:data"])
def test_workers_end_complete_whatever_else_is_done(tmp_path, commands, jugdir):
    seed = int(os.environ.get("JUG_SEED", random.randrange(10**6)))
    print(f"JUG_SEED={seed}")
    write(tmp_path, JUGFILE)
    write(tmp_path, f"[main]\njugdir = {jugdir}\n", "jugrc")
    workers = [start(tmp_path, "execute", "--wait-cycle-time", "0.5") for _ in range(3)]
    for worker in workers:
        wait_for_file(tmp_path / f"ran-{worker.pid}", alive=worker)
    done = disturb(tmp_path, commands, workers, random.Random(seed))
    ended = [worker.wait() for worker in workers]
    print(*(f"{number} x jug {' '.join(command)}" for command, number in done.items()), sep="\n")
    assert sum(done.values()) >= 10, done

    assert [worker.code for worker in ended] == [0, 0, 0], ended
    assert {worker.err for worker in ended} <= {"jug: All tasks are finished.\n"} or commands is ROUGH, ended
    assert jug(tmp_path, "check").code == 0
    look = "import jug; space = jug.init('jugfile.py', 'data')[1]; print(jug.value([space['grand'], space['sizes']]))"
    assert eval(python(tmp_path, "-c", look).out) == [EXPECTED, [*range(NUMBER)]]
    store = file_store(tmp_path / "data")
    assert (len([*store.list()]), [*store.listlocks()], store.failures()) == (TASKS, [], {})
    if commands is GENTLE:
        runs = Counter(line for path in tmp_path.glob("ran-*") for line in path.read_text().splitlines())
        assert (len(runs), max(runs.values())) == (TASKS, 1)
