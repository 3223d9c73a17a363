"""Real workers that are stopped, and go on when others have run their tasks: no result of theirs changes anything."""

import os
import random
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest
from processes import ROOT, environment, jug, start, wait_until, write

from jug.backends.file.segments.segment_format import scanned
from jug.backends.file_store import file_store
from jug.backends.system.filesystem import FileSystem

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

NUMBER = 600
# No two runs have the same value; where `stop-at` says so, the worker that reads it first stops itself just before a
# file gets its place.
JUGFILE = """
    import os, re, signal
    from jug import TaskGenerator
    from jug.backends.system.filesystem import FileSystem

    def stops_at(call, where, number):
        plain, seen = getattr(FileSystem, call), []
        def stopping(self, source, target):
            if re.search(where, target):
                seen.append(target)
                if len(seen) == number:
                    os.kill(os.getpid(), signal.SIGSTOP)
            return plain(self, source, target)
        setattr(FileSystem, call, stopping)

    try:
        os.rename("stop-at", "stopped")
        stops_at(*eval(open("stopped").read()))
    except FileNotFoundError:
        pass

    @TaskGenerator
    def produce(i):
        return CODE + os.urandom(SIZE).hex()

    @TaskGenerator
    def consume(x):
        return x[:40]

    produced = [produce(i) for i in range(NUMBER)]
    consumed = [consume(x) for x in produced]
"""


def jugfile(where, code="old", size=8, number=NUMBER):
    text = JUGFILE.replace("SIZE", str(size)).replace("NUMBER", str(number)).replace("CODE", repr(code))
    write(where, text)


def is_stopped(pid):
    found = FileSystem().process(pid)
    return found is not None and found[1]


def stopped_worker(where, *at):
    (where / "stop-at").write_text(repr(at))
    worker = start(where, "execute", "--lease", "1")
    wait_until(lambda: is_stopped(worker.pid))
    return worker


def results(where):
    """All values that there are, each of which is to be there once; and those that were computed from them."""
    code = (
        "import jug; _, s = jug.init('jugfile.py', 'jugfile.jugdata');"
        "print(repr((jug.value(s['produced']), jug.value(s['consumed']))))"
    )
    env = {**environment(where), "PYTHONPATH": str(ROOT)}
    done = subprocess.run([sys.executable, "-c", code], cwd=where, env=env, capture_output=True, text=True, check=True)
    produced, consumed = eval(done.stdout)
    assert [value[:40] for value in produced] == consumed
    return produced


def in_groups(where):
    """By name, how many different values groups have. (A watchdog and its worker may both store the same ones.)"""
    packs = where / "jugfile.jugdata" / "packs"
    data = [path.read_bytes() for path in (packs.glob("g-*") if packs.exists() else ())]
    values = {(name, text[at : at + size]) for text in data for name, at, size in scanned(text)}
    return Counter(name for name, _ in values)


KINDS = {"in groups": ("rename", "/packs/g-", 8, 600), "in files": ("link", "/[0-9a-f]{2}/[0-9a-f]{38}$", 20_000, 40)}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("at", [1, 3])
def test_a_worker_stopped_before_it_publishes_is_too_late(tmp_path, kind, at):
    call, where, size, number = KINDS[kind]
    jugfile(tmp_path, size=size, number=number)
    late = stopped_worker(tmp_path, call, where, at)
    second = start(tmp_path, "execute", "--lease", "1", "--wait-cycle-time", "0.2")
    done = second.wait()
    assert done.code == 0, done
    before = results(tmp_path)
    os.kill(late.pid, signal.SIGCONT)
    finished = late.wait()
    assert finished.code == 0, finished
    assert results(tmp_path) == before
    assert set(in_groups(tmp_path).values()) <= {1}
    nothing_is_left(tmp_path)


def nothing_is_left(where):
    store = file_store(where / "jugfile.jugdata")
    store.remove_abandoned()
    store.close()
    assert os.listdir(where / "jugfile.jugdata" / "locks") == []
    assert os.listdir(where / "jugfile.jugdata" / "tempfiles") == []


def test_old_code_does_not_come_back(tmp_path):
    jugfile(tmp_path)
    late = stopped_worker(tmp_path, "rename", "/packs/g-", 2)
    jugfile(tmp_path, code="new")
    assert jug(tmp_path, "invalidate", "--name", "jugfile.produce").code == 0
    done = start(tmp_path, "execute", "--lease", "1", "--wait-cycle-time", "0.2").wait()
    assert done.code == 0, done
    before = results(tmp_path)
    assert {value[:3] for value in before} == {"new"}
    os.kill(late.pid, signal.SIGCONT)
    finished = late.wait()
    assert finished.code == 0, finished
    assert results(tmp_path) == before


@pytest.mark.parametrize("seed", range(4))
def test_a_worker_stopped_at_any_moment_is_too_late(tmp_path, seed):
    jugfile(tmp_path, number=2000)
    chance = random.Random(seed)
    late = start(tmp_path, "execute", "--lease", "1")
    wait_until(Path(tmp_path, "jugfile.jugdata", "locks").exists)
    time.sleep(chance.uniform(0.0, 0.4))  # whatever it does then
    os.kill(late.pid, signal.SIGSTOP)
    done = start(tmp_path, "execute", "--lease", "1", "--wait-cycle-time", "0.2").wait()
    assert done.code == 0, done
    before = results(tmp_path)
    os.kill(late.pid, signal.SIGCONT)
    finished = late.wait()
    assert finished.code == 0, finished
    assert results(tmp_path) == before
