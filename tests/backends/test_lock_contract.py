"""What every lock promises (jug/backends/base.py)."""

import threading

import pytest


def test_a_lock_is_held_by_one(store, reopen, name):
    first, second = store.getlock(name), reopen().getlock(name)
    assert first.get()
    assert not first.get()
    assert not second.get()
    first.release()
    assert second.get()
    assert not first.get()


def test_everybody_sees_that_a_lock_is_held(store, reopen, name):
    lock = store.getlock(name)
    assert not reopen().getlock(name).is_locked()
    lock.get()
    assert reopen().getlock(name).is_locked()
    assert not reopen().getlock(name).is_failed()
    lock.release()
    assert not reopen().getlock(name).is_locked()


def test_locks_of_different_tasks_are_different(store, names):
    assert store.getlock(names[0]).get()
    assert store.getlock(names[1]).get()


def test_releasing_does_nothing_to_the_lock_of_another(store, reopen, name):
    assert store.getlock(name).get()
    other = reopen().getlock(name)
    assert not other.get()
    other.release()
    assert store.getlock(name).is_locked()


def test_releasing_what_nobody_holds_does_nothing(store, name):
    store.getlock(name).release()
    assert not store.getlock(name).is_locked()


def test_releasing_twice_leaves_the_next_holder_alone(store, reopen, name):
    first, second = store.getlock(name), reopen().getlock(name)
    first.get()
    first.release()
    assert second.get()
    first.release()
    assert second.is_locked()


def test_a_lock_that_was_taken_away_can_be_released_all_the_same(store, reopen, name):
    lock = store.getlock(name)
    lock.get()
    assert reopen().remove_locks() == 1
    lock.release()
    assert not lock.is_locked()
    assert lock.get()


def test_a_failed_lock_stays(store, reopen, name):
    lock = store.getlock(name)
    lock.get()
    assert not lock.is_failed()
    assert lock.fail()
    assert lock.is_failed()
    assert reopen().getlock(name).is_failed()
    assert reopen().getlock(name).is_locked()
    assert not reopen().getlock(name).get()


def of_itself(store, lock, name):
    return lock


def of_a_script(store, lock, name):
    return store.getlock(name)


def of_one_who_was_refused(store, lock, name):
    other = store.getlock(name)
    assert not other.get()
    return other


@pytest.mark.parametrize("whose", [of_itself, of_a_script, of_one_who_was_refused])
def test_releasing_a_failed_lock_removes_it(store, reopen, name, whose):
    lock = reopen().getlock(name)
    assert lock.get()
    assert lock.fail()
    whose(store, lock, name).release()
    assert not reopen().getlock(name).is_locked()
    assert lock.get()


def test_failing_twice_changes_nothing(store, name):
    lock = store.getlock(name)
    lock.get()
    assert lock.fail()
    assert lock.fail()
    assert lock.is_failed()


def test_what_nobody_holds_cannot_fail(store, name):
    lock = store.getlock(name)
    assert not lock.fail()
    assert not lock.is_failed()
    assert not lock.is_locked()


def test_locks_are_listed_with_their_state(store, reopen, names):
    assert store.getlock(names[0]).get()
    failed = store.getlock(names[1])
    assert failed.get()
    assert failed.fail()
    assert sorted(reopen().listlocks()) == sorted(names[:2])
    assert reopen().lock_states() == {names[0]: False, names[1]: True}


def test_all_locks_can_be_removed(store, reopen, names):
    for name in names:
        store.getlock(name).get()
    assert reopen().remove_locks() == 10
    assert list(store.listlocks()) == []
    assert store.getlock(names[0]).get()


def test_anybody_can_remove_a_lock(store, reopen, name):
    store.getlock(name).get()
    assert reopen().remove_lock(name)
    assert not reopen().remove_lock(name)
    assert not store.getlock(name).is_locked()


def test_removing_failed_locks_only_leaves_the_held_ones(store, reopen, names):
    held, failed = store.getlock(names[0]), store.getlock(names[1])
    assert held.get()
    assert failed.get()
    assert failed.fail()
    assert [reopen().remove_lock(name, failed_only=True) for name in names[:3]] == [False, True, False]
    assert list(store.listlocks()) == [names[0]]


def test_a_lock_is_no_result(store, name):
    store.getlock(name).get()
    assert list(store.list()) == []
    assert not store.can_load(name)


def test_of_many_threads_one_gets_the_lock(store, names):
    won = []
    start = threading.Barrier(8)

    def race():
        start.wait()
        won.extend(name for name in names if store.getlock(name).get())

    threads = [threading.Thread(target=race) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(won) == sorted(names)
