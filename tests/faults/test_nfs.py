"""Real NFS with two clients, whose caches are on: what one has done, the other must not miss, nor do again.

See nfs_lab for the mounts. All that tasks note down is on a disk of the host, not on NFS.
"""

import itertools
from collections import Counter

import checkout
import pytest
from nfs_lab import MOUNTS, Lab
from processes import write

checkout.required()

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("nfs"), pytest.mark.timeout(600)]

_numbers = itertools.count(1)

NOTES = """
    import os
    import time

    HERE = os.getcwd()
    HOST = os.uname().nodename

    def note(what):
        with open(f"{HERE}/log-{HOST}-{os.getpid()}", "a") as log:
            log.write(f"{what}\\n")

    def wait_for(name):
        while not os.path.exists(f"{HERE}/{name}"):
            time.sleep(0.02)
"""


@pytest.fixture(scope="module")
def lab():
    lab = Lab()
    yield lab
    lab.close()


@pytest.fixture(params=MOUNTS)
def mount(request):
    return request.param


class Work:
    """A jugfile in a directory that is not on NFS, and a jugdir that is."""

    def __init__(self, lab, mount, jugfile=""):
        name = f"work{next(_numbers)}"
        self.lab = lab
        self.where = lab.shared / name
        self.jugdir = f"/mnt/{mount}/{name}"
        self.on_server = f"/srv/{'seconds' if mount == 'seconds' else 'export'}/{name}"
        write(self.where, NOTES, "notes.py")
        write(self.where, jugfile)

    def worker(self, client, *arguments):
        """Start a worker there."""
        often = ["--wait-cycle-time", "0.1", "--nr-wait-cycles", "2000"]
        return client.jug(self.where, "execute", "--jugdir", self.jugdir, *often, *arguments)

    def python(self, client, code):
        """Start a program there, which knows the store as `store`."""
        begin = f"from jug.backends.file_store import file_store\nstore = file_store({self.jugdir!r})\n"
        return client.start_python(self.where, write(self.where, begin + code, f"program{next(_numbers)}.py"))

    def notes(self):
        """What was noted, by what and host."""
        return Counter(
            (line, log.name.split("-")[1]) for log in self.where.glob("log-*") for line in log.read_text().splitlines()
        )

    def left(self):
        """Locks and temporary files that are there, as the server sees them."""
        return self.lab.server.run(f"cd {self.on_server} && find locks tempfiles -type f").split()


ONE_LONG_TASK = """
    from jug import Task, TaskGenerator
    from notes import HOST, note, wait_for

    Task.store.lease = {lease}

    @TaskGenerator
    def long(x):
        note(x)
        wait_for("go-" + HOST)
        note("end")
        return HOST

    long(0)
"""


def all_end_well(jobs):
    for job in jobs:
        end = job.wait()
        assert end.code == 0, end
        assert end.last.startswith("jug: All tasks") and end.last.endswith("are finished."), end


@pytest.mark.parametrize(("mount", "tasks"), [("v3", 5000), ("v4", 2500), ("seconds", 500)])
def test_no_task_runs_twice(lab, mount, tasks):
    work = Work(
        lab,
        mount,
        f"""
        from jug import TaskGenerator
        from notes import note

        @TaskGenerator
        def double(x):
            note(x)
            return 2 * x

        doubles = [double(x) for x in range({tasks})]
        """,
    )
    all_end_well([work.worker(client) for client in (*lab.clients, *lab.clients)])
    times = Counter(what for what, _ in work.notes().elements())
    assert times == Counter(map(str, range(tasks)))
    assert {host for _, host in work.notes()} == {"client1", "client2"}
    assert work.left() == []
    assert work.python(lab.clients[0], "print(len(set(store.list())))").wait().out.split() == [str(tasks)]


def test_what_another_client_has_stored_is_soon_seen(lab, mount):
    """Each step needs what the other client has done before. What NFS remembers of missing names costs 30 s a step."""
    work = Work(
        lab,
        mount,
        """
        from jug import TaskGenerator, barrier, bvalue
        from notes import note

        @TaskGenerator
        def first(x):
            note(x)
            return x + 1

        @TaskGenerator
        def second(x):
            note(x)
            return x + 1

        x = 0
        for _ in range(6):
            x = second(first(x))
        barrier()
        for _ in range(6):
            x = bvalue(second(first(x)))
        """,
    )
    both = zip(lab.clients, ("first", "second"), strict=True)
    all_end_well([work.worker(client, "--name", name) for client, name in both])
    assert work.notes() == Counter((str(x), f"client{x % 2 + 1}") for x in range(24))
    assert work.left() == []


def test_who_gets_the_lock_after_its_holder_sees_the_result(lab, mount):
    """Also who has looked at the result in the moment before it came; with NFSv3, time stamps would hide it."""
    work = Work(lab, mount)
    names = [b"ab%038x" % i for i in range(20)]
    holder = work.python(
        lab.clients[0],
        f"""
from notes import note, wait_for
store.dump(0, b"ab" + b"f" * 38)
locks = [(name, store.getlock(name)) for name in {names}]
assert all([lock.get() for _, lock in locks])
open("held", "x").close()
wait_for("looked")
for name, lock in locks:
    assert store.dump_locked(1, name, lock)
    lock.release()
wait_for("ended")
store.close()
""",
    )
    successor = work.python(
        lab.clients[1],
        f"""
from notes import note, wait_for
wait_for("held")
missing = [name for name in {names} if not store.can_load(name)]
assert len(missing) == 20
open("looked", "x").close()
for name in missing:
    lock = store.getlock(name)
    while not lock.get():
        store.can_load(name)
    note("seen" if store.can_load(name) else "not seen")
    lock.release()
store.close()
open("ended", "x").close()
""",
    )
    for job in (successor, holder):
        end = job.wait()
        assert end.code == 0, end
    assert work.notes() == {("seen", "client2"): 20}


def test_a_killed_worker_has_its_lock_given_back_at_once(lab, mount):
    """By the process that it leaves behind: the lease would be longer than anybody waits here."""
    work, successor = killed_at_work(lab, mount, lease=3600, whole_machine=False)
    ends_with(work, successor, "client2")


def test_a_machine_that_died_is_replaced_after_the_lease(lab, mount):
    work, successor = killed_at_work(lab, mount, lease=3, whole_machine=True)
    ends_with(work, successor, "client2")


def killed_at_work(lab, mount, lease, whole_machine):
    """Client 1 is killed while it runs the task, and client 2 waits for it."""
    work = Work(lab, mount, ONE_LONG_TASK.format(lease=lease))
    work.worker(lab.clients[0])
    lab.wait_for(work.log_of("client1"))
    successor = work.worker(lab.clients[1])
    if whole_machine:
        lab.clients[0].kill_all()
    else:
        ...
    return work, successor
