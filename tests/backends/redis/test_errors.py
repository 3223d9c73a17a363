"""What the answers of a server mean, those that a test cannot bring about included."""

import socket
import threading

import pytest
from redis_server import RedisServer, shared_server

from jug.backends.redis.address import Address
from jug.backends.redis.errors import FINAL, MENDABLE, PASSES, trouble_of
from jug.backends.redis_store import redis_store
from jug.errors import StoreError

exceptions = pytest.importorskip("redis.exceptions", reason="the package redis is not installed")

OOM = "OOM command not allowed when used memory > 'maxmemory'."
ANSWERS = [
    (exceptions.BusyLoadingError("Redis is loading the dataset in memory"), PASSES, "is reading its data from disk"),
    (exceptions.ResponseError("BUSY Redis is busy running a script."), PASSES, "is busy with a script"),
    (exceptions.MasterDownError("Link with MASTER is down"), PASSES, "is a replica that has lost its primary"),
    (exceptions.ResponseError(OOM), MENDABLE, "is full"),
    (exceptions.ResponseError(f"{OOM} script: 1, on @user_script:1."), MENDABLE, "is full"),
    (
        exceptions.ResponseError(f"Error running script (call to f_1): @user_script:1: @user_script: 1: -{OOM}"),
        MENDABLE,
        "is full",
    ),
    (exceptions.ReadOnlyError("You can't write against a read only replica."), MENDABLE, "is a read-only replica"),
    (
        exceptions.ResponseError("MISCONF Redis is configured to save RDB snapshots"),
        MENDABLE,
        "cannot write to its disk",
    ),
    (exceptions.NoPermissionError("this user has no permissions"), FINAL, "does not allow this user to do that"),
    (exceptions.ResponseError("DENIED Redis is running in protected mode"), FINAL, "takes no connections from other"),
    (exceptions.ResponseError("WRONGTYPE Operation\nagainst"), FINAL, "answers: WRONGTYPE Operation against"),
    (exceptions.ResponseError("unknown command"), FINAL, "answers: unknown command"),
]


@pytest.mark.parametrize("number", range(len(ANSWERS)))
def test_an_answer_means_something_to_the_user(number):
    error, hope, what = ANSWERS[number]
    trouble = trouble_of(error, Address("redis://host:1"))
    assert trouble.what.startswith(f"The Redis server at host:1 {what}")
    assert (trouble.hope, trouble.reached) == (hope, True)


@pytest.mark.parametrize(
    ("command", "asked"),
    [
        ((b"HGET", b"jug:failures", b"a" * 40), "HGET jug:failures"),
        (("SCAN", 0, "MATCH", b"*"), "SCAN 0"),
        ((b"PING",), "PING"),
        ((b"EVALSHA", b"0" * 40, 2, b"lock:a", b"holder:a", b"secret"), "a script lock:a holder:a"),
        (("EVAL", "return 1", 0, b"secret"), "a script"),
        ((b"GET", b"k\x1b\xff"), "GET k\\x1b\ufffd"),
    ],
)
def test_what_was_asked_for_is_told_with_the_servers_words(command, asked):
    wrong = exceptions.ResponseError("WRONGTYPE Operation against a key holding the wrong kind of value")
    refused = exceptions.NoPermissionError("No permissions to access a key")
    address = Address("redis://host:1")
    assert trouble_of(wrong, address, command).what.endswith(
        f"answers: WRONGTYPE Operation against a key holding the wrong kind of value (it was asked for {asked})"
    )
    assert trouble_of(refused, address, command).what.endswith(
        f"does not allow this user to do that: No permissions to access a key (it was asked for {asked})"
    )


def test_what_a_server_says_does_nothing_to_a_terminal():
    for error in (exceptions.ResponseError("ERR \x1b[2J\u202eno"), exceptions.ConnectionError("\x1b[2J\u202eno")):
        assert trouble_of(error, Address("redis://host:1")).what.endswith("\\x1b[2J\\u202eno")


def test_a_server_that_reads_its_data_for_long_is_told_at_the_start(monkeypatch, capsys):
    waits = []
    monkeypatch.setattr("jug.backends.redis.outage.Outage._sleep", lambda outage, pause, trouble: waits.append(pause))
    monkeypatch.setattr("jug.backends.redis.connection._WHILE_LOADING", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=_always_loading, args=(listener,))
        thread.start()
        port = listener.getsockname()[1]
        store = redis_store(f"redis://127.0.0.1:{port}?protocol=2")
        with pytest.raises(StoreError, match="is reading its data from disk .waited for 0.2 s.$"):
            store.can_load(b"a" * 40)
        listener.shutdown(socket.SHUT_RDWR)
        thread.join()
    assert waits
    assert capsys.readouterr().err.count("\n") == 1


@pytest.fixture
def strict():
    """A server on which the user `bob` may not do everything, and `ann` not with every key."""
    users = [
        ["bob", "on", "nopass", "~*", "&*", "+@all", "-hget", "-hmget"],
        ["ann", "on", "nopass", "~result:*", "+@all"],
    ]
    server = RedisServer(*(word for user in users for word in ("--user", *user)))
    yield server.start()
    server.close()


def refusal(server, user, step):
    store = redis_store(f"redis://{user}:x@127.0.0.1:{server.port}")
    try:
        with pytest.raises(StoreError) as caught:
            step(store)
    finally:
        store.close()
    return str(caught.value)


def test_who_may_not_do_something_is_told_what_and_with_which_key(strict):
    name = b"a" * 40
    strict.ask("HSET", "jug:failures", name, "{}")
    said = refusal(strict, "bob", lambda store: store.failures())
    assert "does not allow this user to do that:" in said and "'hmget' command" in said
    assert said.endswith("(it was asked for HMGET jug:failures)")
    said = refusal(strict, "ann", lambda store: store.failures())
    assert "does not allow this user to do that:" in said
    assert said.endswith("(it was asked for HKEYS jug:failures)")


def test_the_key_is_named_that_holds_something_else():
    server, name = shared_server(), b"a" * 40
    server.ask("RPUSH", "jug:failures", "x")
    server.ask("RPUSH", b"result:" + name, "x")
    for key, step in (("jug:failures", lambda s: s.failures()), (f"result:{name.decode()}", lambda s: s.load(name))):
        assert refusal(server, "default", step).endswith(f" {key})")


def _always_loading(listener):
    while True:
        try:
            client, _ = listener.accept()
        except OSError:
            return
        with client:
            while client.recv(10_000):
                client.sendall(b"-LOADING Redis is loading the dataset in memory\r\n")
