"""Real NFS with two clients, whose caches are on: what one has done, the other must not miss, nor do again.

See nfs_lab for the mounts.
"""

from collections import Counter

import checkout
import pytest
from nfs_lab import MOUNTS, shared_lab
from nfs_work import Work, all_end_well, ends

checkout.required()

pytestmark = [pytest.mark.faults, pytest.mark.xdist_group("nfs")]


@pytest.fixture
def lab():
    return shared_lab()


@pytest.fixture(params=MOUNTS)
def mount(request):
    return request.param


@pytest.mark.parametrize(("mount", "tasks"), [("v3", 5000), ("v4", 1500), ("seconds", 300)])
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
    for client in lab.clients:  # no listing is out of date, either
        assert ends(work.python(client, "print(len(set(store.list())))")) == str(tasks)


@pytest.mark.parametrize(("mount", "steps"), [("v3", 6), ("v4", 6), ("seconds", 2)])
def test_what_another_client_has_stored_is_soon_seen(lab, mount, steps):
    """Each step needs what the other client has done before. What NFS remembers of missing names costs 30 s a step."""
    work = Work(
        lab,
        mount,
        f"""
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
        for _ in range({steps}):
            x = second(first(x))
        barrier()
        x = bvalue(x)
        for _ in range({steps}):
            x = bvalue(second(first(x)))
        """,
    )
    both = zip(lab.clients, ("first", "second"), strict=True)
    all_end_well([work.worker(client, "--name", name) for client, name in both])
    assert len(work.notes()) == work.notes().total() == 4 * steps
    assert work.left() == []


def test_who_gets_the_lock_after_its_holder_sees_the_result(lab, mount):
    """Also who looked for it in the moment before it came: the time stamps of NFSv3 are too coarse to tell of that."""
    work = Work(lab, mount)
    names = [b"ab%038x" % i for i in range(20)]
    holder = work.python(
        lab.clients[0],
        f"""
store.dump(0, b"ab" + b"f" * 38)
locks = [(name, store.getlock(name)) for name in {names}]
assert all([lock.get() for _, lock in locks])
note("held")
wait_for("looked")
for name, lock in locks:
    assert store.dump_locked(1, name, lock)
    lock.release()
wait_for("ended")
store.close()
""",
    )
    work.wait_for_note("held", lab.clients[0])
    successor = work.python(
        lab.clients[1],
        f"""
missing = [name for name in {names} if not store.can_load(name)]
assert len(missing) == 20
note("looked")
for name in missing:
    lock = store.getlock(name)
    while not lock.get():
        store.can_load(name)
    note("seen" if store.can_load(name) else "not seen")
    lock.release()
store.close()
""",
    )
    work.wait_for_note("looked", lab.clients[1])
    work.tell("looked")
    ends(successor)
    work.tell("ended")
    ends(holder)
    assert work.notes() == {("held", "client1"): 1, ("looked", "client2"): 1, ("seen", "client2"): 20}


# Each in a jugdir of its own: no look is to profit from what another one has asked for.
LOOKS = """
from itertools import product

def is_loaded(store, name):
    try:
        store.load(name)
    except FileNotFoundError:
        return False
    return True

looks = {{
    "load": is_loaded,
    "can_load": lambda store, name: store.can_load(name),
    "list": lambda store, name: name in store.list(),
    "first_missing": lambda store, name: store.first_missing([name]) is None,
    "failure": lambda store, name: store.failure(name) is not None,
}}
all_but_packs = ["00", "failures", "locks", "tempfiles"]
directories = {{"no jugdir": [], "no packs": all_but_packs, "no pack": [*all_but_packs, "packs"]}}
name = b"0" * 40
for look, before in product(looks, directories):
    store = file_store(f"{{jugdir}} {{look}} {{before}}")
    {}
"""
MAKE = "[store._dir.ensure(directory) for directory in directories[before]]"
DUMP = "store.dump(1, name); store.record_failure(name, {})"
LOOK = "print(looks[look](store, name), look, before)"


@pytest.mark.parametrize("mount", ["v3", "v4"])
@pytest.mark.parametrize("pack", ["", "; store.pack()"], ids=["loose", "packed"])
def test_every_look_finds_what_was_missing_a_moment_ago(lab, mount, pack):
    work = Work(lab, mount)
    one, other = lab.clients
    ends(work.python(one, LOOKS.format(MAKE)))
    for what, seen in ((None, "False"), (DUMP + pack, "True")):
        if what:
            ends(work.python(one, LOOKS.format(what)))
        found = ends(work.python(other, LOOKS.format(LOOK))).splitlines()
        assert len(found) == 15
        assert [line for line in found if not line.startswith(seen)] == []


SLOW = """
class Slow(FileSystem):
    def read(self, fd, size):
        if not waited:
            waited.append(fd)
            note("opened")
            wait_for("changed")
        return super().read(fd, size)

waited = []
store = file_store(jugdir, fs=Slow())
"""


@pytest.mark.parametrize("mount", ["v3", "v4"])
@pytest.mark.parametrize(
    ("before", "change"),
    [("", "store.pack()"), ("store.pack()", "store.remove(other)")],
    ids=["a result that is packed", "the pack"],
)
def test_a_result_is_read_although_another_client_removes_the_file_in_that_moment(lab, mount, before, change):
    """The server says "stale file handle", which no second reading from the same open file will change."""
    work = Work(lab, mount)
    names = "name, other = b'0' * 40, b'1' * 40\n"
    ends(work.python(lab.clients[0], f"{names}store.dump(1, name)\nstore.dump(2, other)\n{before}"))
    reader = work.python(lab.clients[1], names + SLOW + "print(store.load(name))")
    work.wait_for_note("opened", lab.clients[1])
    ends(work.python(lab.clients[0], names + change))
    work.tell("changed")
    assert ends(reader) == "1"


@pytest.mark.parametrize("mount", ["v3", "v4"])
@pytest.mark.parametrize("look", ["getlock(name).get()", "lock_details()", "workers()"])
def test_a_lock_can_be_looked_at_while_its_holder_ends(lab, mount, look):
    work = Work(lab, mount)
    name = "name = b'0' * 40\n"
    held = "lock = store.getlock(name)\nlock.get()\nnote('held')\nwait_for('opened')\nlock.release()\nstore.close()"
    holder = work.python(lab.clients[0], name + held)
    work.wait_for_note("held", lab.clients[0])
    reader = work.python(lab.clients[1], name + SLOW + f"store.{look}")
    work.wait_for_note("opened", lab.clients[1])
    work.tell("opened")
    ends(holder)
    work.tell("changed")
    ends(reader)
