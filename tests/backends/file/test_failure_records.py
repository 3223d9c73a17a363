"""What stores keep and tell beside results: records of failures, and who holds which lock. For every kind of store."""

import os

import pytest

RECORD = {
    "task": "jugfile.f",
    "error": "ValueError: n\u00f6 <b>",
    "attempts": 2,
    "time": 1.5,
    "traceback": "a\nb",
}


def test_a_new_store_has_no_records(store, name):
    assert store.failures() == {}
    assert store.failure(name) is None
    assert store.remove_failures([name]) == 0


def test_a_record_comes_back_as_it_was(store, reopen, name):
    store.record_failure(name, RECORD)
    assert reopen().failures() == {name: RECORD}
    assert reopen().failure(name.decode()) == RECORD


def test_what_is_more_than_a_sign_on_a_terminal_comes_back_as_its_escape(store, reopen, name):
    unsafe = "a\x1b]0;pwned\x07\x9b\u202e\udce9\r\t\nb"
    record = {"task": unsafe, "call": unsafe, "error": unsafe, "traceback": unsafe, "host": unsafe, "pid": 1}
    store.record_failure(name, record)
    line = "a\\x1b]0;pwned\\x07\\x9b\\u202e\\udce9\\r\\t\\nb"
    lines = line.replace("\\t\\n", "\t\n")
    expected = {"task": line, "call": line, "error": line, "traceback": lines, "host": line, "pid": 1}
    assert reopen().failure(name) == expected
    assert reopen().failures() == {name: expected}


def test_a_later_record_replaces_the_earlier_one(store, reopen, name):
    watching = reopen()
    store.record_failure(name, RECORD)
    assert watching.failures() == {name: RECORD}
    store.record_failure(name, {"attempts": 3})
    assert watching.failures() == {name: {"attempts": 3}}
    assert watching.failure(name) == {"attempts": 3}


def test_records_are_removed_by_name_and_counted(store, reopen, names):
    for name in names:
        store.record_failure(name, RECORD)
    assert store.remove_failures([*names[:3], names[0]]) == 3
    assert set(reopen().failures()) == set(names[3:])


def test_a_record_is_neither_a_result_nor_a_lock(store, name):
    store.record_failure(name, RECORD)
    assert not store.can_load(name)
    assert list(store.list()) == []
    assert list(store.listlocks()) == []
    assert store.listing().refresh() == (set(), set())


def test_results_and_records_of_one_task_do_not_touch_each_other(store, name):
    store.dump("a result", name)
    store.record_failure(name, RECORD)
    assert store.load(name) == "a result"
    assert store.remove(name)
    assert store.failure(name) == RECORD


def test_what_is_no_json_cannot_be_recorded(store, name):
    with pytest.raises(TypeError):
        store.record_failure(name, {"error": object()})
    assert store.failures() == {}


def test_details_tell_which_locks_there_are_and_which_have_failed(store, reopen, names):
    held, failed = store.getlock(names[0]), store.getlock(names[1])
    assert held.get() and failed.get() and failed.fail()
    details = reopen().lock_details()
    assert {name: found.failed for name, found in details.items()} == {names[0]: False, names[1]: True}


def test_details_name_the_holder_or_say_nothing(store, name):
    assert store.getlock(name).get()
    found = store.lock_details()[name]
    simulated = ("memory", 42)  # who MemoryFS says that we are
    assert (found.host, found.pid) in [(os.uname().nodename, os.getpid()), simulated, ("", 0)]
