"""What a Redis server, or the way to it, may lose, at random moments: answers, results, locks, everything."""

import random
import time
from collections import Counter

import pytest
from processes import jug, start, write
from redis_proxy import AFTER, BEFORE, Proxy
from redis_server import RedisServer

from jug.backends.redis_store import redis_store

pytestmark = [pytest.mark.faults, pytest.mark.timeout(600)]

TASKS = 400
JUGFILE = f"""
    import os, time
    from jug import TaskGenerator

    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    @TaskGenerator
    def short(x):
        os.write(log, f"{{x}}\\n".encode())
        time.sleep(0.01)
        return x

    @TaskGenerator
    def total(xs):
        return sum(xs)

    result = total([total([short(10 * y + x) for x in range(10)]) for y in range({TASKS // 10})])
"""


@pytest.fixture
def server():
    server = RedisServer("--appendonly", "yes", "--repl-diskless-sync-delay", "0").start()
    yield server
    server.close()


def dice_of(seed):
    print("seed", seed)
    return random.Random(seed)


def begin(where, url, number):
    write(where, JUGFILE)
    return [start(where, "execute", "--jugdir", url, "--wait-cycle-time", "0.2", "--short") for _ in range(number)]


def begun(where):
    """How often each task was begun."""
    log = where / "log"
    return Counter(map(int, log.read_text().split())) if log.exists() else Counter()


def wait_for(number, where, workers):
    """Return when tasks have begun so often; False if the workers are done."""
    while sum(begun(where).values()) < number:
        if all(worker.process.poll() is not None for worker in workers):
            return False
        time.sleep(0.005)
    return True


def check_end(where, workers, server):
    """All is done, or it was said that it is not."""
    done = [worker.wait() for worker in workers]
    assert {worker.code for worker in done} == {0}, done
    assert jug(where, "check", "--jugdir", server.url).code == 0
    store = redis_store(server.url)
    assert len(list(store.list())) == TASKS + TASKS // 10 + 1
    store.close()


@pytest.mark.parametrize("seed", range(4))
def test_lost_questions_and_answers(tmp_path, server, seed):
    dice = dice_of(seed)

    def decide(number):
        return dice.choice([BEFORE, AFTER, AFTER]) if number > 100 and dice.random() < 0.08 else None

    with Proxy(server, decide) as proxy:
        workers = begin(tmp_path, proxy.url, 4)
        check_end(tmp_path, workers, server)
        assert proxy.broken > 40
    assert begun(tmp_path) == Counter(range(TASKS))
    assert {key.partition(b":")[0] for key in server.ask("KEYS", "*")} == {b"result"}


@pytest.mark.parametrize("seed", range(3))
def test_everything_is_flushed_again_and_again(tmp_path, server, seed):
    dice = dice_of(seed)
    workers = begin(tmp_path, server.url, 4)
    flushed = 0
    at = 0
    for _ in range(4):
        at += dice.randrange(20, TASKS // 2)
        if wait_for(at, tmp_path, workers):
            server.ask("FLUSHALL")
            flushed += 1
    assert flushed > 1
    done = [worker.wait() for worker in workers]
    # One that had seen the end may have been gone when it was taken away; whoever ends last tells the truth.
    assert {worker.code for worker in done} == {0}, done
    assert jug(tmp_path, "check", "--jugdir", server.url).code == 0


@pytest.mark.parametrize("seed", range(3))
def test_results_and_locks_are_removed_at_random(tmp_path, server, seed):
    dice = dice_of(seed)
    workers = begin(tmp_path, server.url, 3)
    at = 0
    for _ in range(20):
        at += dice.randrange(5, 20)
        if wait_for(at, tmp_path, workers):
            keys = sorted(server.ask("KEYS", "*"))
            gone = dice.sample(keys, min(len(keys), 10))
            # A lock without its holder would be one of 2.7.
            server.ask("DEL", *gone, *(key.replace(b"holder:", b"lock:") for key in gone))
    assert at > 100
    check_end(tmp_path, workers, server)


@pytest.mark.parametrize("seed", range(4))
def test_a_failover_that_loses_the_last_writes(tmp_path, server, seed):
    dice = dice_of(seed)
    replica = RedisServer("--replicaof", "127.0.0.1", str(server.port)).start()
    try:
        with Proxy(server, lambda number: None) as proxy:
            workers = begin(tmp_path, proxy.url + "?lease=8", 4)
            while replica.ask("INFO")["master_link_status"] != "up":
                time.sleep(0.01)
            at = dice.randrange(50, 150)
            assert wait_for(at, tmp_path, workers)
            replica.ask("REPLICAOF", "127.0.0.1", "1")  # it hears no more of the primary
            assert wait_for(at + dice.randrange(50, 150), tmp_path, workers)
            lost = set(server.ask("KEYS", "result:*")) - set(replica.ask("KEYS", "result:*"))
            server.kill()
            proxy.server = replica
            replica.ask("REPLICAOF", "NO", "ONE")
            assert len(lost) > 20
            check_end(tmp_path, workers, replica)
    finally:
        replica.close()
