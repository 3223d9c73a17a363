"""What happens to machines on NFS: killed, cut off from the network, a server that is started again."""

from collections import Counter

import checkout
import pytest
from nfs_lab import shared_lab
from nfs_work import Work, all_end_well

checkout.required()

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("nfs")]

ONE_LONG_TASK = """
    from jug import TaskGenerator
    from notes import HOST, note, wait_for

    @TaskGenerator
    def long():
        note("begun")
        wait_for("go-" + HOST)
        note("ended")
        return HOST

    long()
"""


@pytest.fixture
def lab():
    return shared_lab()


@pytest.fixture(params=["v3", "v4"])
def mount(request):
    return request.param


def begin(lab, mount, lease):
    """Client 1 runs the task."""
    work = Work(lab, mount, ONE_LONG_TASK)
    worker = work.worker(lab.clients[0], "--lease", lease)
    work.wait_for_note("begun", lab.clients[0])
    return work, worker


def take_over(work):
    """Client 2 runs the task, too, sooner or later."""
    worker = work.worker(work.lab.clients[1])
    work.wait_for_note("begun", work.lab.clients[1])
    return worker


def test_a_killed_worker_has_its_lock_given_back_at_once(lab, mount):
    """By the process that it leaves behind: nobody waits here for as long as the lease."""
    work, _ = begin(lab, mount, lease=3600)
    lab.clients[0].run(f"kill -9 {work.pid(lab.clients[0])}")
    successor = take_over(work)
    work.tell("go-client2")
    all_end_well([successor])
    assert work.left() == []


def test_a_machine_that_died_is_replaced_after_the_lease(lab, mount):
    work, _ = begin(lab, mount, lease=3)
    lab.clients[0].kill_all()
    successor = take_over(work)
    work.tell("go-client2")
    all_end_well([successor])
    assert work.left() == []


@pytest.fixture
def cut(lab):
    """Cuts client 1 off, and :func:`mended` is the end of it."""
    yield lambda: lab.server.run("ip link set server1 down")
    mend(lab)


def mend(lab):
    lab.server.run("ip link set server1 up")


def test_who_was_cut_off_stores_nothing_over_its_successors_result(lab, mount, cut):
    work, first = begin(lab, mount, lease=3)
    cut()
    second = take_over(work)
    work.tell("go-client2")
    all_end_well([second])
    mend(lab)
    work.tell("go-client1")
    all_end_well([first])
    assert work.results(lab.clients[0]) == work.results(lab.clients[1]) == "['client2']"
    assert work.left() == []


def test_who_was_cut_off_leaves_its_successor_the_lock(lab, mount, cut):
    """It stores nothing while the other one is at work, and waits for what that stores."""
    work, first = begin(lab, mount, lease=3)
    cut()
    second = take_over(work)
    mend(lab)
    work.tell("go-client1")
    work.wait_for_note("ended", lab.clients[0])
    lab.wait_until(lambda: "was run by another worker, too" in first.err(), first.err)
    assert any(name.startswith("locks/") for name in work.left())
    work.tell("go-client2")
    all_end_well([first, second])
    assert work.results(lab.clients[0]) == work.results(lab.clients[1]) == "['client2']"
    assert work.notes() == {(what, host): 1 for what in ("begun", "ended") for host in ("client1", "client2")}
    assert work.left() == []


def test_a_server_that_is_stopped_and_started_again_costs_nothing(lab, mount):
    """Replies get lost, and with NFSv4 nobody may open a file until the clients have had time to come back."""
    work = Work(
        lab,
        mount,
        """
        from jug import TaskGenerator
        from notes import note

        @TaskGenerator
        def double(x):
            note(x)
            return 2 * x

        doubles = [double(x) for x in range(400)]
        """,
    )
    workers = [work.worker(client) for client in lab.clients]
    for done in (50, 200):
        lab.wait_until(lambda done=done: work.notes().total() >= done, work.notes)
        lab.server.run("rpc.nfsd 0; sleep 1; rpc.nfsd --lease-time 10 --grace-time 10 8")
    all_end_well(workers)
    assert Counter(what for what, _ in work.notes().elements()) == Counter(map(str, range(400)))
    assert work.left() == []
