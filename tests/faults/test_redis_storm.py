"""A storm on Redis: workers and the server are killed again and again; in the end all is done, and nothing is left."""

import time
from subprocess import PIPE

import pytest
from processes import jug, start_python, write
from redis_server import RedisServer
from storm import TASKS, Storm

from jug.backends.redis_store import redis_store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(900)]

SERVER_DIES_AT = (9.0, 21.0, 33.0, 45.0)
CALM = 400  # seconds after the storm in which everything has to be done


class RedisStorm(Storm):
    """The server is killed as well, now and then."""

    def __init__(self, where, seed):
        self.server = RedisServer("--appendonly", "yes", "--appendfsync", "always", "--save", "").start()
        self.server_dies_at = list(SERVER_DIES_AT)
        super().__init__(where, seed, "--jugdir", self.server.url)

    def strike(self, passed):
        if self.server_dies_at and passed >= self.server_dies_at[0]:
            self.server_dies_at.pop(0)
            self.server.kill()
            time.sleep(self.dice.random())
            self.server.start()

    def check_ends(self):
        """Complete; unless the server was away just when the worker began."""
        for worker in self.ended:
            place = f"the Redis server at 127.0.0.1:{self.server.port}"
            never_met = worker.code == 4 and worker.err == f"jug: Cannot reach {place}: Connection refused\n"
            assert worker.code == 0 or never_met, worker

    def close(self):
        super().close()
        self.server.close()


@pytest.mark.parametrize("seed", [1])
def test_a_storm(tmp_path, monkeypatch, seed):
    monkeypatch.setattr("processes.SECONDS", CALM)
    storm = RedisStorm(tmp_path, seed)
    try:
        storm.rage()
        storm.calm()
        storm.check_ends()
        assert jug(tmp_path, "check", "--jugdir", storm.server.url).code == 0
        storm.check_runs()
        check_that_nothing_is_left(storm.server)
    finally:
        storm.close()


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
    from jug.backends.redis import liveness
    from jug.backends.redis_store import redis_store

    liveness.WATCH = 0
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
