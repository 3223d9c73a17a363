"""A storm on Redis: workers and the server are killed again and again; in the end all is done, and nothing is left."""

import random
import time
from collections import defaultdict
from itertools import pairwise
from subprocess import PIPE

import pytest
from processes import jug, start, start_python, write
from redis_server import RedisServer

from jug.backends.redis_store import redis_store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

WORKERS, TASKS = 8, 2000
STORM, INTERVAL = 60.0, 0.5  # seconds
SERVER_DIES_AT = (9.0, 21.0, 33.0, 45.0)
CALM = 400  # seconds after the storm in which everything has to be done

# Of a task, the beginning and the end are noted, with the process and the time by a clock that all processes share.
JUGFILE = f"""
    import os, time
    from jug import TaskGenerator

    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(what, x):
        os.write(log, f"{{what}} {{x}} {{os.getpid()}} {{time.monotonic()}}\\n".encode())

    @TaskGenerator
    def short(x):
        note("begin", x)
        time.sleep(0.1 + x % 7 / 25)
        note("end", x)
        return x

    @TaskGenerator
    def total(xs):
        return sum(xs)

    result = total([short(x) for x in range({TASKS})])
"""


class Storm:
    """Workers, a server, and what befalls them."""

    def __init__(self, where, seed):
        print("seed", seed)
        self.where = where
        self.dice = random.Random(seed)
        self.server = RedisServer("--appendonly", "yes", "--appendfsync", "always", "--save", "").start()
        self.killed = {}  # when, by process
        self.ended = []
        self.workers = [self.new_worker() for _ in range(WORKERS)]

    def new_worker(self):
        return start(self.where, "execute", "--jugdir", self.server.url, "--wait-cycle-time", "0.5", "--short")

    def rage(self):
        """Kill a worker every so many seconds, and now and then the server."""
        began = time.monotonic()
        server_dies_at = list(SERVER_DIES_AT)
        while (passed := time.monotonic() - began) < STORM and self.replace_those_that_ended():
            if server_dies_at and passed >= server_dies_at[0]:
                server_dies_at.pop(0)
                self.server.kill()
                time.sleep(self.dice.random())
                self.server.start()
            self.kill_one()
            time.sleep(INTERVAL)

    def replace_those_that_ended(self):
        """False if all is done."""
        for worker in [worker for worker in self.workers if worker.process.poll() is not None]:
            self.workers.remove(worker)
            self.ended.append(worker.wait())
            if self.ended[-1].code == 0:
                return False
            self.workers.append(self.new_worker())
        return True

    def kill_one(self):
        worker = self.workers.pop(self.dice.randrange(len(self.workers)))
        self.killed[worker.pid] = time.monotonic()
        worker.process.kill()
        worker.wait()
        self.workers.append(self.new_worker())

    def calm(self):
        """All workers to their end."""
        self.ended += [worker.wait() for worker in self.workers]

    def check_ends(self):
        """Complete; unless the server was away just when the worker began."""
        for worker in self.ended:
            place = f"the Redis server at 127.0.0.1:{self.server.port}"
            never_met = worker.code == 4 and worker.err == f"jug: Cannot reach {place}: Connection refused\n"
            assert worker.code == 0 or never_met, worker

    def close(self):
        for worker in self.workers:
            worker.kill()
        self.server.close()


def runs_of(where):
    """By task: who began it when."""
    runs, ends = defaultdict(list), set()
    for line in (where / "log").read_text().splitlines():
        what, task, pid, moment = line.split()
        if what == "begin":
            runs[int(task)].append((float(moment), int(pid)))
        else:
            ends.add((int(task), int(pid)))
    return runs, ends


@pytest.mark.parametrize("seed", [1])
def test_a_storm(tmp_path, monkeypatch, seed):
    monkeypatch.setattr("processes.SECONDS", CALM)
    write(tmp_path, JUGFILE)
    storm = Storm(tmp_path, seed)
    try:
        storm.rage()
        storm.calm()
        print(len(storm.killed), "workers were killed;", len(storm.ended), "came to an end")
        assert len(storm.killed) > 50
        storm.check_ends()
        assert jug(tmp_path, "check", "--jugdir", storm.server.url).code == 0
        check_runs(tmp_path, storm)
        check_that_nothing_is_left(storm.server)
    finally:
        storm.close()


def check_runs(where, storm):
    """Who began a task was its only holder until he had died."""
    runs, ends = runs_of(where)
    assert sorted(runs) == list(range(TASKS))
    for task, began in runs.items():
        for (_, pid), (later, _) in pairwise(began):
            assert pid in storm.killed, f"{task} was run twice, although nobody had died: {began}"
            assert storm.killed[pid] <= later, f"{task} was run while its holder was alive: {began}"
        assert (task, began[-1][1]) in ends
    print(sum(len(began) - 1 for began in runs.values()), "tasks were begun again")


def check_that_nothing_is_left(server):
    store = redis_store(server.url)
    end = time.monotonic() + 90  # helpers of the last ones that were killed
    while (left := set(server.ask("KEYS", "*")) - {b"result:" + name for name in store.list()}) and (
        time.monotonic() < end
    ):
        time.sleep(0.2)
    assert left == set()
    assert len(list(store.list())) == TASKS + 1
    store.close()


CONTENDER = """
    import random, sys, threading
    from jug.backends import redis_liveness
    from jug.backends.redis_store import redis_store

    redis_liveness.WATCH = 0
    url, rounds, threads = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
    store = redis_store(url)
    store.run_id()
    won = []

    def contend():
        won.extend(n for n in range(rounds) if store.getlock(f"{n:040x}").get())

    print("ready", flush=True)
    sys.stdin.readline()
    running = [threading.Thread(target=contend) for _ in range(threads)]
    for thread in running:
        thread.start()
    for thread in running:
        thread.join()
    print(*won, flush=True)
    sys.stdin.read()
"""


def test_of_a_hundred_contenders_for_a_stale_lock_one_wins_a_thousand_times(tmp_path):
    rounds, processes, threads = 1000, 10, 10
    server = RedisServer("--save", "").start()
    try:
        for n in range(rounds):  # each of a worker of its own, which is gone
            server.ask("MSET", f"lock:{n:040x}", "L", f"holder:{n:040x}", f"elsewhere:1:1.0:{n:016x}-1")
        script = write(tmp_path, CONTENDER, "contender.py")
        racing = [start_python(tmp_path, script, server.url, rounds, threads, stdin=PIPE) for _ in range(processes)]
        for one in racing:
            assert one.process.stdout.readline() == "ready\n"
        for one in racing:
            one.process.stdin.write("go\n")
            one.process.stdin.flush()
        won = [one.process.stdout.readline().split() for one in racing]
        print("won by process:", *map(len, won))
        assert sorted(int(n) for some in won for n in some) == list(range(rounds))
        assert sum(map(bool, won)) > 1
        assert [one.wait("").code for one in racing] == [0] * processes
        assert server.ask("KEYS", "*") == []
    finally:
        server.close()
