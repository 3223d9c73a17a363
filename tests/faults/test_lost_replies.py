"""Replies get lost, calls fail now and then, and workers are killed at a call: all that real workers do ends well."""

import pytest
from lab import LOST_REPLIES, mounted
from reporting import Run

pytestmark = pytest.mark.faults

TASKS = 40
ERRORS = ["EIO", "ENOSPC", "EDQUOT", "ESTALE", "EINTR", "ETIMEDOUT", "EAGAIN", "EBUSY"]


def finish(run, mount):
    """Two workers do everything, each task once; returns how many calls have failed."""
    workers = [run.start() for _ in range(2)]
    for worker in workers:
        done = worker.wait()
        assert (done.code, done.last) == (0, "jug: All tasks are finished."), done
    failed = mount.heal()
    ran, stored = run.said()
    assert ran == dict.fromkeys(range(run.number), 1)
    assert stored == set(range(run.number))
    run.assert_all_is_well()
    return failed


@pytest.mark.parametrize("seed", range(3))
def test_replies_of_all_that_changes_names_get_lost(tmp_path, seed):
    print(f"seed {seed}")
    with mounted(tmp_path) as mount:
        run = Run(tmp_path, TASKS, mount)
        for op, error in [*LOST_REPLIES.items(), ("create", ["EIO", "ETIMEDOUT", "EBUSY"][seed])]:
            mount.fail(op, error, "after", chance=0.15, seed=seed, path="/jugdir")
        assert finish(run, mount) > TASKS / 2


@pytest.mark.parametrize("op", LOST_REPLIES)
def test_each_reply_of_one_kind_gets_lost(tmp_path, op):
    with mounted(tmp_path) as mount:
        run = Run(tmp_path, TASKS, mount)
        mount.fail(op, LOST_REPLIES[op], "after", path="/jugdir")
        failed = finish(run, mount)
        calls = [call for call in mount.calls_so_far() if call.op == op and call.done]
        assert failed == len([call for call in calls if call.error]) >= min(1, len(calls))


@pytest.mark.parametrize("error", ERRORS)
def test_one_call_in_a_hundred_fails(tmp_path, error):
    with mounted(tmp_path) as mount:
        run = Run(tmp_path, TASKS, mount)
        ops = "create,write,fsync,fsyncdir,mkdir,link,rename" if error in ("ENOSPC", "EDQUOT") else "all"
        mount.fail(ops, error, chance=0.01, seed=5, path="/jugdir")
        assert finish(run, mount) > 0
