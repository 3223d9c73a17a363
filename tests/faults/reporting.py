"""A jugfile whose tasks say when they run and whose workers say what they have stored, and what must be true of both.

What is said goes to files in the directory $REPORTS, one per process, a line at a time: ``ran N`` from the task,
``stored N`` from the worker, when it tells that the task is executed. (Not by a hook: then no result would wait to be
stored with others.) With $GROUPS, workers take any file system for a local one, on which results do that.
"""

import random
import time
from collections import Counter
from pathlib import Path

from processes import start, write

from jug.backends.file_store import file_store

#: What every worker of these tests is told: to look often, and not to wait for ever.
PATIENCE = ("--wait-cycle-time", "0.1", "--nr-wait-cycles", "600")
#: The helper of a worker that was killed may still be at work when the next worker has ended.
HELPER_SECONDS = 10

JUGFILE = """
    import os
    import random
    import signal
    import time
    from pathlib import Path

    from jug import TaskGenerator
    from jug.backends.system.filesystem import FileSystem
    from jug.engine.run.pending_results import Results

    def say(*words):
        path = os.path.join(os.environ["REPORTS"], str(os.getpid()))
        fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        os.write(fd, (" ".join(map(str, words)) + "\\n").encode())
        os.close(fd)

    def die():
        # With all processes that were started by this one, and without a further word.
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                parent = path.read_text().rpartition(")")[2].split()[1]
            except OSError:
                continue  # it has ended meanwhile
            if int(parent) == os.getpid():
                os.kill(int(path.parent.name), signal.SIGKILL)
        os.kill(os.getpid(), signal.SIGKILL)

    @TaskGenerator
    def work(n, *needs):
        say("ran", n)
        time.sleep(float(os.environ.get("TAKES", 0)))
        if os.environ.get("DIE_AT") == str(n):
            die()
        if n % 5 == 1:
            return None
        if n % 5 == 2:
            return random.Random(n).randbytes(60_000)
        return [n, *(need and need[0] for need in needs)]

    def tell(self, node, seconds, is_overtaken, tell=getattr(Results._tell, "plain", Results._tell)):
        tell(self, node, seconds, is_overtaken)
        say("stored", self._graph.tasks[node].args[0])

    tell.plain = getattr(Results._tell, "plain", Results._tell)  # the jugfile may be read again
    Results._tell = tell
    if "GROUPS" in os.environ:
        FileSystem.kind = lambda fs, path: "ext4"

    tasks = []
    for n in range(NUMBER):
        tasks.append(work(n, *tasks[max(0, n - FAR - 1) : max(0, n - FAR + 1)]))

    if "LOOKS" in os.environ:  # as with barriers: this machine now believes that there are no results
        [task.can_load() for task in tasks]

    Path(os.environ["REPORTS"], "names").write_text("\\n".join(task.hash().decode() for task in tasks))
"""


class Run:
    """Workers in the directory `where`; their jugdir and their reports are there, or on `mount`.

    A task needs the two that are about `far` before it.
    """

    def __init__(self, where, number, mount=None, far=5):
        self.where = Path(where)
        self.number, self.far = number, far
        self.jugdir = Path(mount.path if mount else where, "jugdir")
        self.reports = Path(mount.path if mount else where, "reports")
        self.reports.mkdir(exist_ok=True)
        self._said = Path(mount.backing if mount else where, "reports")  # it is not for us to be among the calls
        write(self.where, JUGFILE.replace("NUMBER", str(number)).replace("FAR", str(far)))

    def start(self, jugdir=None, **environment):
        """Start a worker; on another path of the same jugdir if that is said. A task takes $TAKES seconds."""
        where = jugdir or self.jugdir
        return start(self.where, "execute", "--jugdir", where, *PATIENCE, REPORTS=str(self.reports), **environment)

    def said(self):
        """How often each task ran, and the numbers of those that were reported as stored."""
        return parsed(path.read_text() for path in self._said.iterdir() if path.name.isdecimal())

    def names(self):
        """The names of the results, by number."""
        return (self._said / "names").read_text().encode().split()

    def loose(self):
        """The numbers of the tasks whose results are files."""
        paths = [self.jugdir / name[:2].decode() / name[2:].decode() for name in self.names()]
        return [n for n, path in enumerate(paths) if path.exists()]

    def there(self):
        """The numbers of the tasks that have results."""
        names = set(file_store(self.jugdir).list())
        return [n for n, name in enumerate(self.names()) if name in names]

    def assert_all_is_well(self, jugdir=None):
        """Everything is computed and right, and nothing else is left in the jugdir."""
        jugdir = Path(jugdir or self.jugdir)
        store = file_store(jugdir)
        missing = [n for n, name in enumerate(self.names()) if not store.can_load(name)]
        assert not missing, f"there are no results of {missing}"
        assert [store.load(name) for name in self.names()] == expected(self.number, self.far), "a result is wrong"
        end = time.monotonic() + HELPER_SECONDS
        while (left := left_over(jugdir)) and time.monotonic() < end:
            time.sleep(0.01)
        assert not left, f"left over: {left}"


def end(worker):
    """Kill a worker, if it has not ended by itself; returns its end."""
    worker.process.kill()
    return worker.wait()


def parsed(texts):
    """What :meth:`Run.said` returns, of the texts of many processes."""
    ran, stored = Counter(), set()
    for text in texts:
        for line in text.splitlines():
            what, n = line.split()
            if what == "ran":
                ran[int(n)] += 1
            else:
                stored.add(int(n))
    return ran, stored


def expected(number, far=5):
    """The results of the tasks, by number."""
    values = []
    for n in range(number):
        needs = values[max(0, n - far - 1) : max(0, n - far + 1)]
        special = {1: None, 2: random.Random(n).randbytes(60_000)}
        values.append(special.get(n % 5, [n, *(need and need[0] for need in needs)]))
    return values


def left_over(jugdir):
    """What should not be there when nobody works any more: locks, temporary files, damaged results."""
    found = []
    for name in ("locks", "tempfiles", "corrupt"):
        if Path(jugdir, name).exists():
            found += sorted(f"{name}/{path.name}" for path in Path(jugdir, name).iterdir())
    return found
