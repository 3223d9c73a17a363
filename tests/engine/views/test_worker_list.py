"""Workers and locks as one list."""

from simulated import at_work

from jug.backends.base import LockDetails
from jug.engine.views.worker_list import holders

NAMES = [b"%040x" % number for number in range(6)]


def lock(host="", pid=0, worker="", since=None, **more):
    details = LockDetails(more.pop("failed", False), host, pid, since, more.pop("abandoned", False))
    details.worker = worker
    return details


def told(workers, locks):
    return [
        (holder.details.host, holder.details.pid, holder.is_known, holder.is_gone, [name for name, _ in holder.locks])
        for holder in holders(workers, locks)
    ]


def test_nobody():
    assert holders([], {}) == []


def test_workers_hold_the_locks_that_name_them_and_some_hold_none():
    workers = [at_work("a", "node2", 7), at_work("b", "node1", 9)]
    locks = {NAMES[0]: lock("node2", 7, "a", 5.0), NAMES[1]: lock("node2", 7, "a", 3.0)}
    assert told(workers, locks) == [
        ("node1", 9, True, False, []),
        ("node2", 7, True, False, [NAMES[1], NAMES[0]]),
    ]


def test_a_worker_of_the_same_number_later_is_another_one():
    locks = {NAMES[0]: lock("node1", 7, "old", abandoned=True)}
    assert told([at_work("new", "node1", 7)], locks) == [
        ("node1", 7, True, False, []),
        ("node1", 7, False, True, [NAMES[0]]),
    ]


def test_those_who_are_gone_are_last_and_those_without_a_name_behind_those_who_have_one():
    workers = [at_work("a", "node1", 1, gone=True), at_work("b", "node2", 2)]
    locks = {NAMES[0]: lock(), NAMES[1]: lock("node3", 3), NAMES[2]: lock()}
    assert told(workers, locks) == [
        ("node2", 2, True, False, []),
        ("node3", 3, False, False, [NAMES[1]]),
        ("", 0, False, False, [NAMES[0], NAMES[2]]),
        ("node1", 1, True, True, []),
    ]


def test_failed_locks_are_held_by_nobody():
    assert told([], {NAMES[0]: lock("node1", 1, failed=True)}) == []
