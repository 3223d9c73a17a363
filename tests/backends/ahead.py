"""A worker that has locks ahead, and is mistaken: for the tests of every kind of store that lets it."""

import hashlib
import os

from processes import start_python, wait_for_file, write

NAMES = [hashlib.sha1(b"%d" % number).hexdigest().encode() for number in range(6)]
FIRST, SECOND, THIRD = NAMES[:3]

# Takes the locks of the tasks of its arguments in the store of the first of these, stores a result for the first, and
# then does what the second says, as if that were the second task. At last it begins the others.
AT_WORK = """
import ctypes, os, sys, time
from jug.backends.select import select
jugdir, what, *names = sys.argv[1:]
names = [name.encode() for name in names]
store = select(jugdir)
store.foresee(lambda name: names[names.index(name) + 1:])
locks = [store.getlock(name) for name in names]
assert locks[0].get()
assert store.dump_soon("first", names[0], locks[0]) is None
assert locks[1].get() and not store.can_load(names[1])
open("pid.new", "w").write(str(os.getpid()))
os.rename("pid.new", "pid")
if what == "C":  # without letting Python run
    ctypes.PyDLL(None).sleep(6)
elif what == "stop":
    os.kill(os.getpid(), 19)
else:
    time.sleep(100)
assert store.dump_soon("second", names[1], locks[1]) is None
print([lock.get() for lock in locks[2:]], flush=True)
store.close()
"""


def at_work(where, jugdir, what):
    """The worker, which has begun what it does."""
    script = write(where, AT_WORK, "at_work.py")
    worker = start_python(where, script, jugdir, what, *(name.decode() for name in NAMES[:4]))
    wait_for_file(where / "pid", alive=worker)
    return worker


def gets_in_a_child(store, name):
    """Whether a process that is forked now gets the lock."""
    child = os.fork()
    if child == 0:
        try:
            os._exit(int(store.getlock(name).get()))
        finally:
            os._exit(9)
    code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    assert code in (0, 1)
    return code == 1


def have(other):
    """Have another worker hold the second lock, and fail with the third task."""
    assert other.getlock(SECOND).get()
    failed = other.getlock(THIRD)
    assert failed.get() and failed.fail()


def not_to_be_had(store):
    """Whether it is told that one is held, and the other failed."""
    busy, failed = store.getlock(SECOND), store.getlock(THIRD)
    return (busy.get(), busy.is_failed(), failed.get(), failed.is_failed()) == (False, False, False, True)
