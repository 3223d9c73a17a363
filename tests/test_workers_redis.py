"""Real workers on a real Redis server that fails them: every task is executed once, and nothing is lost."""

import os
import random
import re
import signal
import time
from collections import Counter

import pytest
from processes import jug, start, use, wait_for_file, write
from redis_proxy import AFTER, BEFORE, Proxy
from redis_server import RedisServer, shared_server

from jug.backends.redis_store import redis_store

JUGFILE = """
    import os
    from time import sleep
    from jug import TaskGenerator

    def log(text):
        fd = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(fd, text.encode() + b"\\n")
        os.close(fd)

    @TaskGenerator
    def double(x):
        log(f"double {x}")
        while os.path.exists("gate"):
            sleep(0.01)
        sleep(0.002)
        return 2 * x

    @TaskGenerator
    def add(xs):
        log("add")
        return sum(xs)

    doubles = [double(i) for i in range(300)]
    total = add(doubles)
"""
EACH_ONCE = Counter([*(f"double {i}" for i in range(300)), "add"])


@pytest.fixture
def server():
    server = RedisServer("--appendonly", "yes").start()
    yield server
    server.close()


def calls(where):
    return Counter((where / "log").read_text().splitlines())


def wait_for_lines(where, number, worker):
    """Return when so many tasks have begun."""
    wait_for_file(where / "log", alive=worker)
    while len((where / "log").read_text().splitlines()) < number:
        assert worker.process.poll() is None, worker.wait()
        time.sleep(0.005)


def wait_for(condition, worker):
    while not condition():
        assert worker.process.poll() is None, worker.wait()
        time.sleep(0.005)


def start_two(where, server, url):
    """Two workers that are both at work before one of them can have finished anything."""
    (where / "gate").touch()
    workers = [start(where, "execute", "--jugdir", url, "--wait-cycle-time", "0.2") for _ in range(2)]
    wait_for(lambda: server.ask("HLEN", "jug:workers") == 2, workers[0])
    (where / "gate").unlink()
    return workers


def check_that_all_is_well(where, workers, url):
    done = [worker.wait() for worker in workers]
    assert [worker.code for worker in done] == [0] * len(done), done
    assert calls(where) == EACH_ONCE
    assert sum(worker.table()["Total:"]["Executed"] for worker in done) == 301
    store = redis_store(url)
    assert list(store.listlocks()) == []
    assert len(list(store.list())) == 301
    store.close()
    assert jug(where, "check", "--jugdir", url).code == 0
    return done


def test_workers_share_the_work(tmp_path):
    use(tmp_path, "primes.py", "primes.py")
    url = shared_server().url
    arguments = ("primes.py", "--jugdir", url)
    assert jug(tmp_path, "status", *arguments).code == 1
    workers = [start(tmp_path, "execute", *arguments) for _ in range(3)]
    workers = [worker.wait() for worker in workers]
    assert [(worker.code, worker.err) for worker in workers] == [(0, "jug: All tasks are finished.\n")] * 3
    assert sorted(map(int, (tmp_path / "log").read_text().split())) == list(range(2, 101))
    assert jug(tmp_path, "status", *arguments).code == 0
    shown = jug(tmp_path, "shell", *arguments, stdin="sum(value(primes100))\n")
    assert "Out[1]: 25" in shown.out
    assert jug(tmp_path, "invalidate", *arguments, "--name", "is_prime").code == 0
    assert jug(tmp_path, "check", *arguments).code == 1
    assert not (tmp_path / "primes.jugdata").exists()


@pytest.mark.parametrize("seed", [1, 2])
def test_connections_that_break_again_and_again(tmp_path, seed):
    server = shared_server()
    write(tmp_path, JUGFILE)
    dice = random.Random(seed)

    def decide(number):
        return dice.choice([BEFORE, AFTER]) if number > 30 and dice.random() < 0.05 else None

    with Proxy(server, decide) as proxy:
        workers = [start(tmp_path, "execute", "--jugdir", proxy.url, "--wait-cycle-time", "0.2") for _ in range(2)]
        done = [worker.wait() for worker in workers]
        assert [worker.code for worker in done] == [0, 0], done
        assert proxy.broken > 20
    assert calls(tmp_path) == EACH_ONCE
    store = redis_store(server.url)
    assert list(store.listlocks()) == []
    store.close()


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_a_server_that_is_restarted(tmp_path, server, end):
    write(tmp_path, JUGFILE)
    workers = start_two(tmp_path, server, server.url)
    wait_for_lines(tmp_path, 60, workers[0])
    getattr(server, end)()
    time.sleep(0.5)  # it is away for a while: that is what is tested
    server.start()
    done = check_that_all_is_well(tmp_path, workers, server.url)
    for worker in done:
        told = worker.err.splitlines()
        assert len(told) == 3, told
        assert told[0].startswith(f"jug: warning: Cannot reach the Redis server at 127.0.0.1:{server.port}: ")
        assert told[1].startswith("jug: warning: The Redis server is back after ")
        assert told[2] == "jug: All tasks are finished."


def test_a_server_that_stands_still_and_connections_that_are_cut(tmp_path, server):
    write(tmp_path, JUGFILE)
    workers = start_two(tmp_path, server, server.url + "?socket_timeout=0.3")
    for number in (40, 80, 120):
        wait_for_lines(tmp_path, number, workers[0])
        server.ask("CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
    os.kill(server.process.pid, signal.SIGSTOP)
    time.sleep(1)  # longer than the time-out
    os.kill(server.process.pid, signal.SIGCONT)
    check_that_all_is_well(tmp_path, workers, server.url)


def test_a_result_waits_in_memory_for_the_server(tmp_path, server):
    use(tmp_path, "pair.py")
    worker = start(tmp_path, "execute", "--jugdir", server.url)
    wait_for_file(tmp_path / "started", alive=worker)
    server.stop()
    (tmp_path / "go").touch()
    assert "trying again for 600 s" in worker.process.stderr.readline()
    server.start()
    done = worker.wait()
    assert done.code == 0
    assert done.table()["Total:"]["Executed"] == 2
    assert jug(tmp_path, "check", "--jugdir", server.url).code == 0


def test_patience_ends(tmp_path, server):
    use(tmp_path, "pair.py")
    worker = start(tmp_path, "execute", "--jugdir", server.url + "?patience=0.5")
    wait_for_file(tmp_path / "started", alive=worker)
    server.stop()
    (tmp_path / "go").touch()
    done = worker.wait()
    assert done.code == 4
    place = f"127.0.0.1:{server.port}"
    trouble = f"jug: Cannot reach the Redis server at {place}: Connection refused (waited for 0.5 s)"
    assert re.fullmatch(re.escape(trouble) + r"; what was to be stored is lost \(\d+ bytes\)", done.last)
    assert done.err.count("\n") == 2


@pytest.mark.parametrize("signum", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_a_worker_that_waits_for_the_server(tmp_path, server, signum):
    use(tmp_path, "pair.py")
    worker = start(tmp_path, "execute", "--jugdir", server.url)
    wait_for_file(tmp_path / "started", alive=worker)
    server.stop()
    (tmp_path / "go").touch()
    assert "trying again for 600 s" in worker.process.stderr.readline()
    worker.process.send_signal(signum)
    done = worker.wait()
    assert done.code == 128 + signum
    assert "all locks are released" not in done.last
    assert re.search(
        f"refused; no longer waiting for it, because of {signum.name}; what was to be stored is", done.last
    )


def test_a_signal_ends_a_worker_and_gives_its_lock_back(tmp_path):
    server = shared_server()
    use(tmp_path, "pair.py")
    worker = start(tmp_path, "execute", "--jugdir", server.url)
    wait_for_file(tmp_path / "started", alive=worker)
    worker.process.send_signal(signal.SIGTERM)
    done = worker.wait()
    assert (done.code, done.err) == (143, "jug: Stopped by SIGTERM; all locks are released\n")
    assert server.ask("KEYS", "*") == []


@pytest.mark.parametrize("command", ["execute", "status", "check", "cleanup"])
def test_an_absent_server_is_one_line(tmp_path, command):
    pytest.importorskip("redis")
    write(tmp_path, JUGFILE)
    done = jug(tmp_path, command, "--jugdir", "redis://user:secret@127.0.0.1:1")
    assert (done.code, done.out) == (4, "")
    assert done.err == "jug: Cannot reach the Redis server at 127.0.0.1:1: Connection refused\n"


def test_a_result_that_is_too_large_fails_its_task_and_not_the_worker(tmp_path):
    server = RedisServer("--proto-max-bulk-len", "1mb").start()
    write(
        tmp_path,
        """
        import os
        from jug import TaskGenerator
        @TaskGenerator
        def make(n):
            return os.urandom(n)
        results = [make(n) for n in (1 << 20, 1, 2)]
        """,
    )
    done = jug(tmp_path, "execute", "--keep-going", "--jugdir", server.url)
    server.close()
    assert done.code == 1
    assert done.table()["Total:"]["Executed"] == 2
    assert "is too large for Redis: it is 1 MB there, and 1 MB is the most" in done.err


def test_a_failed_task_and_its_lock(tmp_path):
    server = shared_server()
    use(tmp_path, "failing.py")
    jugdir = ("--jugdir", server.url)
    assert jug(tmp_path, "execute", "--keep-going", "--keep-failed", *jugdir).code == 1
    assert "F" in {value.decode() for value in map(server.client().get, server.ask("KEYS", "lock:*"))}
    assert jug(tmp_path, "execute", *jugdir).code == 1
    assert "failed locks" in jug(tmp_path, "cleanup", "--failed-only", *jugdir).out
    assert server.ask("KEYS", "lock:*") == []
    assert server.ask("KEYS", "holder:*") == []


def test_no_worker_begins_on_a_server_that_throws_results_away(tmp_path):
    server = RedisServer("--maxmemory", "100mb", "--maxmemory-policy", "allkeys-lfu").start()
    use(tmp_path, "primes.py", "primes.py")
    arguments = ("primes.py", "--jugdir", server.url)
    trouble = (
        f"The Redis server at 127.0.0.1:{server.port} throws results away once it is full "
        "(maxmemory-policy allkeys-lfu): set it to noeviction"
    )
    done = jug(tmp_path, "execute", *arguments)
    assert (done.code, done.out, done.err) == (4, "", f"jug: {trouble}\n")
    assert not (tmp_path / "log").exists()
    looked = jug(tmp_path, "status", *arguments)
    assert (looked.code, looked.err) == (1, f"jug: warning: {trouble}\n")
    assert "primes.is_prime" in looked.out
    server.close()


def test_a_worker_ends_when_a_server_has_begun_to_throw_results_away(tmp_path, server):
    write(tmp_path, JUGFILE)
    worker = start(tmp_path, "execute", "--jugdir", server.url)
    wait_for_lines(tmp_path, 60, worker)
    server.ask("CONFIG", "SET", "maxmemory-policy", "allkeys-random", "maxmemory", "100mb")
    server.ask("DEL", *server.ask("KEYS", "result:*")[:10])  # as it does when it is full
    done = worker.wait()
    assert done.code == 4, done
    assert done.last.endswith(
        "throws results away once it is full (maxmemory-policy allkeys-random): set it to noeviction"
    )


def test_workers_wait_for_a_full_server_and_keep_their_locks_meanwhile(tmp_path, server):
    use(tmp_path, "pair.py")
    url = server.url + "?lease=4"
    worker = start(tmp_path, "execute", "--jugdir", url)
    wait_for_file(tmp_path / "started", alive=worker)
    server.ask("CONFIG", "SET", "maxmemory", "1")
    (tmp_path / "go").touch()
    assert "is full (see its settings maxmemory and maxmemory-policy); trying again" in worker.process.stderr.readline()
    time.sleep(5)  # longer than a lease
    assert server.ask("KEYS", "worker:*") != []
    server.ask("CONFIG", "SET", "maxmemory", "0")
    done = worker.wait()
    assert done.code == 0
    assert done.table()["Total:"]["Executed"] == 2


def test_a_server_that_stays_full_ends_a_worker_which_gives_its_lock_back(tmp_path, server):
    use(tmp_path, "pair.py")
    worker = start(tmp_path, "execute", "--jugdir", server.url + "?patience=0.5")
    wait_for_file(tmp_path / "started", alive=worker)
    server.ask("CONFIG", "SET", "maxmemory", "1")
    (tmp_path / "go").touch()
    done = worker.wait()
    assert done.code == 4
    place = f"The Redis server at 127.0.0.1:{server.port}"
    assert re.fullmatch(
        f"jug: {place} is full .*waited for 0.5 s.; what was to be stored is lost .[0-9]+ bytes.", done.last
    )
    assert server.ask("KEYS", "*") == []


MANY_AND_LAST = """
    import os
    from time import sleep
    from jug import TaskGenerator

    @TaskGenerator
    def quick(x):
        os.write(log, b"quick\\n")
        while x >= 10 and not os.path.exists("half"):
            sleep(0.01)
        return x

    @TaskGenerator
    def last(xs):
        os.makedirs("started", exist_ok=True)
        while not os.path.exists("go"):
            sleep(0.01)
        return sum(xs)

    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    total = last([quick(i) for i in range(50)])
"""


def test_what_was_flushed_is_computed_again_before_a_worker_ends(tmp_path, server):
    write(tmp_path, MANY_AND_LAST)
    (tmp_path / "half").touch()
    worker = start(tmp_path, "execute", "--jugdir", server.url)
    wait_for_file(tmp_path / "started", alive=worker)
    assert len(server.ask("KEYS", "result:*")) == 50
    server.ask("FLUSHALL")
    (tmp_path / "go").touch()
    assert worker.wait().code == 0
    assert calls(tmp_path) == {"quick": 100}
    assert len(server.ask("KEYS", "result:*")) == 51


def test_what_a_failover_has_lost_is_computed_again_before_a_worker_ends(tmp_path, server):
    write(tmp_path, MANY_AND_LAST)
    with Proxy(server, lambda number: None) as proxy:
        worker = start(tmp_path, "execute", "--jugdir", proxy.url)
        wait_for_lines(tmp_path, 11, worker)
        wait_for(
            lambda: len(server.ask("KEYS", "result:*")) == 10, worker
        )  # the eleventh was expected to be short, too
        server.ask("CONFIG", "SET", "repl-diskless-sync-delay", "0")
        replica = RedisServer("--replicaof", "127.0.0.1", str(server.port)).start()
        wait_for(lambda: replica.ask("INFO")["master_link_status"] == "up", worker)
        replica.ask("REPLICAOF", "127.0.0.1", "1")  # it hears no more of the others
        known = len(replica.ask("KEYS", "result:*"))
        assert known == 10
        (tmp_path / "half").touch()
        wait_for_file(tmp_path / "started", alive=worker)
        server.kill()
        proxy.server = replica
        replica.ask("REPLICAOF", "NO", "ONE")
        (tmp_path / "go").touch()
        done = worker.wait()
    assert done.code == 0, done
    assert calls(tmp_path) == {"quick": 50 + 50 - known}
    assert sorted(key.partition(b":")[0] for key in replica.ask("KEYS", "*")) == [b"result"] * 51
    replica.close()


def test_a_task_that_is_long_where_the_others_were_short_keeps_no_other_worker_waiting(tmp_path):
    server = shared_server()
    use(tmp_path, "surprise.py")
    first = start(tmp_path, "execute", "--jugdir", server.url)
    wait_for_file(tmp_path / "log", alive=first)
    wait_for(lambda: "short 20" in calls(tmp_path), first)
    second = start(tmp_path, "execute", "--jugdir", server.url, "--wait-cycle-time", "0.2")
    wait_for(lambda: len(server.ask("KEYS", "result:*")) == 199, first)
    assert len(server.ask("KEYS", "lock:*")) == 1
    assert (first.wait().code, second.wait().code) == (0, 0)
    assert calls(tmp_path) == Counter(f"short {x}" for x in range(200))
    assert server.ask("KEYS", "lock:*") == []


def test_a_worker_that_was_killed_is_replaced_by_one_that_waits(tmp_path):
    server = shared_server()
    use(tmp_path, "pair.py")
    arguments = ("execute", "--jugdir", server.url, "--wait-cycle-time", "600")
    first = start(tmp_path, *arguments)
    wait_for_file(tmp_path / "started", alive=first)
    second = start(tmp_path, *arguments)
    store = redis_store(server.url)
    wait_for(lambda: len(store.workers()) == 2, second)
    first.process.kill()
    wait_for(lambda: [lock.pid for lock in store.lock_details().values()] == [second.pid], second)
    (tmp_path / "go").touch()
    done = second.wait()
    store.close()
    assert done.code == 0
    assert jug(tmp_path, "check", "--jugdir", server.url).code == 0
    assert server.ask("KEYS", "lock:*") == []
