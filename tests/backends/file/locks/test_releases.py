"""What the locks of our own stores promise of `release` beyond the contract."""


def test_a_lock_given_back_leaves_the_failure_of_the_next_alone(store, reopen, name):
    first, second = store.getlock(name), reopen().getlock(name)
    assert first.get()
    first.release()
    assert second.get()
    assert second.fail()
    first.release()
    assert second.is_failed()


def test_a_lock_of_this_process_is_removed_by_its_name(store, name):
    assert store.getlock(name).get()
    store.getlock(name).release()
    assert not store.getlock(name).is_locked()
    assert store.getlock(name).get()


def test_a_lock_that_was_taken_over_is_not_released_by_who_had_it(store, reopen, name):
    first, second = store.getlock(name), reopen().getlock(name)
    assert first.get()
    reopen().remove_lock(name)
    assert second.get()
    first.release()
    first.release()
    assert second.is_locked()
