"""Two machines that believe for a long time what they once saw of a directory: each task runs once all the same."""

from collections import Counter

import pytest
from lab import mounted
from reporting import Run

pytestmark = pytest.mark.faults

TASKS = 400
# What a mount believes: names for half a minute and attributes for three seconds, and, as NFSv3, no change that came
# in the same step of the server's clock as the one before.
BELIEFS = {
    "nfs4": {"names": 30, "attributes": 3},
    "nfs3": {"names": 30, "attributes": 3, "stamp": 1000},
}


@pytest.mark.parametrize("kind", BELIEFS)
def test_two_workers_on_two_mounts(tmp_path, kind):
    with mounted(tmp_path, "one", **BELIEFS[kind]) as one, mounted(tmp_path, "two", **BELIEFS[kind]) as two:
        # What one has done may take the other two seconds to see: so few tasks need each other.
        run = Run(tmp_path, TASKS, far=150)
        workers = [run.start(mount.path / "jugdir", TAKES="0.01", LOOKS="1") for mount in (one, two)]
        ended = [worker.wait() for worker in workers]
        for done in ended:
            assert (done.code, done.last) == (0, "jug: All tasks are finished."), done
        assert run.said() == (Counter(range(TASKS)), set(range(TASKS)))
        assert all(done.table()["Total:"]["Executed"] > TASKS / 20 for done in ended), "they did not work together"
        run.assert_all_is_well(one.backing / "jugdir")
