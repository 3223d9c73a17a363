"""A result that travels with the next question: nobody misses it, and whatever happens on the way is told."""

import hashlib
import os
import signal
from itertools import pairwise

import pytest
from needs import Needs
from redis_proxy import BEFORE, Proxy
from redis_server import RedisServer, shared_server

from jug.backends.redis.results import packed
from jug.backends.redis_store import redis_store
from jug.errors import StoreError, UnstorableError

NAME, OTHER, THIRD = (hashlib.sha1(text).hexdigest().encode() for text in (b"a", b"b", b"c"))


@pytest.fixture
def server():
    return shared_server()


@pytest.fixture
def store(server):
    store = redis_store(server.url)
    yield store
    store.close()


@pytest.fixture
def other(server):
    other = redis_store(server.url)
    yield other
    other.close()


def put_off(store, name=NAME, value="soon"):
    """Compute a result that waits for the next question; returns its lock."""
    lock = store.getlock(name)
    assert lock.get()
    assert store.dump_soon(value, name, lock) is None
    lock.release()  # which is not ours to release any more
    return lock


QUESTIONS = {
    "can load": lambda store: store.can_load(NAME),
    "load": lambda store: store.load(NAME) == "soon",
    "list": lambda store: list(store.list()) == [NAME],
    "lock": lambda store: store.getlock(OTHER).get(),
    "the same lock": lambda store: store.getlock(NAME).get() and store.can_load(NAME),
    "locks": lambda store: list(store.listlocks()) == [],
    "facts": lambda store: store._link.facts(),
    "flush": lambda store: store.flush() == set(),
    "close": lambda store: store.close() is None,
}


@pytest.mark.parametrize("question", QUESTIONS)
def test_whatever_is_asked_next_finds_the_result_stored_and_the_lock_released(store, other, question):
    put_off(store)
    assert not other.can_load(NAME)
    assert list(other.listlocks()) == [NAME]
    assert QUESTIONS[question](store)
    assert other.load(NAME) == "soon"
    assert NAME not in store._worker.held
    assert other.lock_states().get(NAME, False) is False


def test_many_may_wait(store, other):
    for i in range(3):
        lock = store.getlock(b"%040x" % i)
        assert lock.get()
    locks = [store.getlock(name) for name in (NAME, OTHER, THIRD)]
    assert all(lock.get() for lock in locks)
    for i, lock in enumerate(locks):
        assert store.dump_soon(i, (NAME, OTHER, THIRD)[i], lock) is None
    assert list(other.list()) == []
    assert store.flush() == set()
    assert [other.load(name) for name in (NAME, OTHER, THIRD)] == [0, 1, 2]


def test_a_server_that_has_forgotten_the_scripts_is_told_them_before_it_answers(server, store, other):
    put_off(store)
    server.ask("SCRIPT", "FLUSH")
    assert store.can_load(NAME)
    assert list(other.listlocks()) == []


def test_the_result_of_a_successor_stays_and_its_name_is_told_once(store, other):
    for name in (NAME, OTHER, THIRD):
        lock = store.getlock(name)
        assert lock.get()
        if name != OTHER:
            assert other.remove_lock(name)
            theirs = other.getlock(name)
            assert theirs.get()
            assert other.dump_locked("first", name, theirs)
        assert store.dump_soon("late", name, lock) is None
    assert store.can_load(NAME)
    assert store.flush() == {NAME, THIRD}
    assert store.flush() == set()
    assert [other.load(name) for name in (NAME, OTHER, THIRD)] == ["first", "late", "first"]
    assert list(other.listlocks()) == []


def test_a_lock_that_was_lost_is_left_to_its_holder(server, store, other):
    lock = store.getlock(NAME)
    assert lock.get()
    assert other.remove_lock(NAME)
    theirs = other.getlock(NAME)
    assert theirs.get()
    assert store.dump_soon("late", NAME, lock) is None
    assert store.flush() == {NAME}
    assert not other.can_load(NAME)
    assert server.ask("GET", b"holder:" + NAME) == theirs._token


def test_what_is_not_small_is_stored_at_once(store, other):
    lock = store.getlock(NAME)
    assert lock.get()
    large = os.urandom(100_000)
    assert store.dump_soon(large, NAME, lock) is True
    assert other.load(NAME) == large
    assert list(other.listlocks()) == []


def test_what_cannot_be_stored_is_told_at_once(store):
    server = RedisServer("--proto-max-bulk-len", "1mb").start()
    small = redis_store(server.url)
    lock = small.getlock(NAME)
    assert lock.get()
    with pytest.raises(UnstorableError, match="is too large for Redis"):
        small.dump_soon(os.urandom(1 << 20), NAME, lock)
    with pytest.raises((TypeError, AttributeError)):
        small.dump_soon(lambda: 1, NAME, lock)
    lock.release()
    assert list(small.listlocks()) == []
    small.close()
    server.close()


def test_a_full_server_is_waited_for_whatever_was_asked(monkeypatch, capsys):
    server = RedisServer().start()
    store = redis_store(server.url)
    put_off(store)
    server.ask("CONFIG", "SET", "maxmemory", "1")
    waits = []

    def mend_instead_of_sleeping(outage, seconds, trouble):
        waits.append(seconds)
        if len(waits) == 3:
            server.ask("CONFIG", "SET", "maxmemory", "0")

    monkeypatch.setattr("jug.backends.redis.outage.Outage._sleep", mend_instead_of_sleeping)
    assert not store.can_load(OTHER)  # which a full server answers, too
    assert len(waits) == 3
    assert store.load(NAME) == "soon"
    assert "is full" in capsys.readouterr().err
    store.close()
    server.close()


def test_when_patience_ends_what_waited_is_told_to_be_lost_until_a_server_takes_it(server):
    is_away = [False]
    with Proxy(server, lambda number: BEFORE if is_away[0] else None) as proxy:
        store = redis_store(proxy.url + "?patience=0.2")
        put_off(store)
        is_away[0] = True
        lost = rf"^Cannot reach .* \(waited for 0.2 s\); what was to be stored is lost \({len(packed('soon'))} bytes\)$"
        for question in (lambda: store.can_load(OTHER), store.flush, lambda: store._link.facts()):
            with pytest.raises(StoreError, match=lost):
                question()
        is_away[0] = False
        assert store.load(NAME) == "soon"
        store.close()


def test_a_store_that_cannot_store_what_waits_is_closed_all_the_same(server):
    is_away = [False]
    with Proxy(server, lambda number: BEFORE if is_away[0] else None) as proxy:
        store = redis_store(proxy.url + "?patience=0")
        put_off(store)
        helper = store._worker._helper
        is_away[0] = True
        with pytest.raises(StoreError, match="what was to be stored is lost"):
            store.close()
        is_away[0] = False
        assert helper.wait(60) == 0  # it gives the lock back, since the worker could not
    assert server.ask("KEYS", "*") == []


def test_a_question_that_fails_by_itself_loses_nothing(server, store, other):
    server.ask("LPUSH", b"result:" + OTHER, "x")
    put_off(store)
    with pytest.raises(StoreError, match="wrong kind of value .it was asked for GET result:"):
        store.load(OTHER)
    assert other.load(NAME) == "soon"
    server.ask("DEL", b"result:" + OTHER)


def test_a_process_made_by_fork_leaves_it_to_the_other(store, other):
    assert store.getlock(THIRD).get()  # there is a helper, which would store the result if this took too long
    os.kill(store._worker._helper.pid, signal.SIGSTOP)
    put_off(store)
    pid = os.fork()
    if pid == 0:
        os._exit(1 if store.can_load(NAME) or store.flush() else 0)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    assert not other.can_load(NAME)
    os.kill(store._worker._helper.pid, signal.SIGCONT)
    assert store.can_load(NAME)


def test_a_lock_of_another_store_is_stored_under_at_once(store):
    from jug.backends.dict_store import dict_store

    lock = dict_store().getlock(NAME)
    assert lock.get()
    assert store.dump_soon("other", NAME, lock) is True
    assert store.load(NAME) == "other"


# The order of durability


def under(store, name, *inputs):
    """A lock of a task that is computed from results that wait."""
    lock = store.getlock(name)
    assert lock.get()
    if inputs:
        lock.inputs = Needs(store, inputs)
    return lock


def lose(other, lock, value=None):
    """Another worker takes over, and finishes the task if a value is given."""
    assert other.remove_lock(lock._name)
    theirs = under(other, lock._name)
    if value is not None:
        assert other.dump_locked(value, lock._name, theirs)
    return theirs


def all_at_once(store, *names):
    """The locks of a chain: what is put off under one of them goes with what is put off under the others."""
    locks = [under(store, names[0])]
    locks += [under(store, name, needed) for needed, name in pairwise(names)]
    return locks


@pytest.mark.parametrize("forget", [False, True])
def test_what_was_computed_from_an_overtaken_result_is_not_stored(server, store, other, forget):
    first, second, third = all_at_once(store, NAME, OTHER, THIRD)
    lose(other, first, "another's")
    for name, lock in ((NAME, first), (OTHER, second), (THIRD, third)):
        assert store.dump_soon("ours", name, lock) is None
    if forget:
        server.ask("SCRIPT", "FLUSH")
    assert store.flush() == {NAME, OTHER, THIRD}
    assert other.load(NAME) == "another's" and list(other.list()) == [NAME]
    assert list(other.listlocks()) == [] and store._worker.held == {}


def test_nor_what_was_computed_before_that_was_told(store, other):
    first, second = all_at_once(store, NAME, OTHER)
    lose(other, first, "another's")
    assert store.dump_soon("ours", NAME, first) is None
    assert store.can_load(NAME)  # now the server knows
    assert store.dump_soon("ours", OTHER, second) is False
    second.release()
    assert not other.can_load(OTHER) and list(other.listlocks()) == []


@pytest.mark.parametrize("is_overtaken", [False, True])
def test_before_what_is_stored_at_once_is_that_which_it_was_computed_from(store, other, is_overtaken):
    first, second = all_at_once(store, NAME, OTHER)
    if is_overtaken:
        lose(other, first, "another's")
    assert store.dump_soon("ours", NAME, first) is None
    assert store.dump_soon(os.urandom(100_000), OTHER, second) is not is_overtaken
    assert other.can_load(NAME) and other.can_load(OTHER) is not is_overtaken


def test_what_the_server_refuses_is_not_overtaken_by_what_follows(server, store, other, monkeypatch):
    """The first is refused, by a server that has room for the second a moment later."""
    redis = pytest.importorskip("redis")
    first, second = all_at_once(store, NAME, OTHER)
    assert store.dump_soon("first", NAME, first) is None
    assert store.dump_soon("second", OTHER, second) is None
    exchange, seen = store._link._exchange, []

    def refuse(commands):
        if not seen:
            seen.append(exchange(commands[1:]))
            seen.append(set(other.list()))
            full = redis.ResponseError("OOM command not allowed when used memory > 'maxmemory'.")
            return [full, *seen[0]]
        return exchange(commands)

    monkeypatch.setattr(store._link, "_exchange", refuse)
    monkeypatch.setattr("jug.backends.redis.outage.Outage._sleep", lambda *arguments: None)
    assert store.flush() == set()
    assert seen[1] == set()
    assert [other.load(NAME), other.load(OTHER)] == ["first", "second"]


def test_the_result_of_whoever_has_the_lock_counts(store, other):
    """And not that of one who lost it, even if it comes first: it may be that of old code."""
    first, second = all_at_once(store, NAME, OTHER)
    theirs = lose(other, first)
    assert store.dump_soon("too late", NAME, first) is None
    assert store.dump_soon("of this", OTHER, second) is None
    assert store.flush() == {NAME, OTHER}
    assert not other.can_load(NAME) and not other.can_load(OTHER)
    assert other.dump_soon("theirs", NAME, theirs) is None
    assert other.flush() == set()
    assert other.load(NAME) == "theirs" and list(other.list()) == [NAME]
    assert list(other.listlocks()) == []


@pytest.mark.parametrize("large", [0, 1 << 30])
def test_so_it_does_for_a_result_that_is_stored_at_once(store, other, monkeypatch, large):
    monkeypatch.setattr("jug.backends.redis.results._LARGE", large)
    first = under(store, NAME)
    theirs = lose(other, first)
    assert not store.dump_locked("too late", NAME, first)
    assert other.dump_locked("theirs", NAME, theirs)
    assert other.load(NAME) == "theirs" and list(other.listlocks()) == []


def test_a_helper_keeps_the_order(store, other):
    first, second, third = all_at_once(store, NAME, OTHER, THIRD)
    for name, lock in ((NAME, first), (OTHER, second), (THIRD, third)):
        assert store.dump_soon("ours", name, lock) is None
    lose(other, second, "another's")
    helper = store._worker._helper
    store._worker._let_go()  # as at the end of the worker
    assert helper.wait(60) == 0
    assert set(other.list()) == {NAME, OTHER}
    assert [other.load(NAME), other.load(OTHER)] == ["ours", "another's"]
    store._link._put_off.clear()


def test_what_is_stored_without_a_lock_is_stored_after_what_waits(store, other):
    put_off(store)
    there = []
    ask = store._link.ask
    store._link.ask = lambda *command, **options: there.append(other.can_load(NAME)) or ask(*command, **options)
    store.dump("by a function", OTHER)
    assert there[0] and other.load(OTHER) == "by a function"
