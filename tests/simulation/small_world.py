"""A few workers, a handful of tasks, and what must be true of them whatever happens."""

from collections import Counter

from interleaving import Killed
from schedule import ROOT, Simulation

from jug import Task
from jug.backends.base import LEASE
from jug.backends.file.owner.holder import parse_holder
from jug.backends.file.segments import compaction
from jug.engine.graph import Graph
from jug.engine.reporter import Reporter
from jug.engine.run.scheduler import Scheduler
from jug.engine.run.settings import Settings
from jug.engine.run.settings import World as EngineWorld

now = None  # the world whose turn it is


def work(x, *needs):
    return now.compute(x, needs)


MOST = 12


def tasks(number=MOST):
    """The first of: 0 and 1, then 2 of both, 3 of 0, 4 of 2 and 3, and others that need nothing."""
    zero, one = (Task.unregistered(work, i) for i in range(2))
    two, three = Task.unregistered(work, 2, zero, one), Task.unregistered(work, 3, zero)
    four = Task.unregistered(work, 4, two, three)
    return [zero, one, two, three, four, *(Task.unregistered(work, i) for i in range(5, MOST))][:number]


NAMES = [task.hash() for task in tasks()]
VALUES = ["0", "1", "2(0 1)", "3(0)", "4(2(0 1) 3(0))", *map(str, range(5, MOST))]


class Acknowledged(Reporter):
    def __init__(self, world):
        self.world = world

    def executed(self, task, seconds):
        self.world.acknowledged.add(task.args[0])

    def failed(self, task, error):
        if not isinstance(error, Killed):
            self.world.errors.append(error)


class SmallWorld(Simulation):
    """Workers that run the tasks above; :meth:`check` says what must be true."""

    def __init__(self, seed, kind, trace=None):
        global now
        super().__init__(seed, kind, trace)
        now = self
        compaction.MANY = self.chance.choice((2, 16))
        self.number = self.chance.choice((2, 3, 3, 5))  # of tasks
        self.ran = Counter()
        self.running = Counter()
        self.runs = {}  # by process
        self.frozen = None
        self.wrong = []  # what nobody may do
        self.acknowledged = set()
        self.errors = []
        self.codes = []
        self.twice = []
        self.groups = True  # whether results may be stored together

    def compute(self, x, needs):
        process = self.current
        if self.running[x] and process is not self.frozen and self.runs.get(self.frozen) != x:
            self.twice.append(x)
        self.running[x] += 1
        self.runs[process] = x
        try:
            for _ in range(3):
                process.step("compute")
        finally:
            self.running[x] -= 1
            del self.runs[process]
        self.ran[x] += 1
        return f"{x}({' '.join(needs)})" if needs else f"{x}"

    def work(self, store):
        """What a worker does."""
        fs = store._fs
        if self.chance.random() < 0.5:  # as a barrier does: this machine now believes that there are no results
            store.first_missing(NAMES[: self.number])
        world = EngineWorld(fs.monotonic, fs.sleep, self.chance.random)
        settings = Settings(nr_wait_cycles=100, groups=self.groups)
        code = Scheduler(Graph(tasks(self.number)), store, settings, Acknowledged(self), world=world).run().exit_code
        self.codes.append(code)
        store.close()

    def start_workers(self, number, version=0):
        machines = [self.machine(version) for _ in range(self.chance.randint(1, number) if version else 1)]
        for i in range(number):
            self.launch(self.work, machines[i % len(machines)])

    # What must be true

    def answer(self, process, call, args):
        if call in ("rename", "unlink"):
            self.watch(process, call, args[-1])
        return super().answer(process, call, args)

    def watch(self, process, call, path):
        """Nobody writes over a result, or removes a lock that is not his unless it is his turn."""
        if call == "rename" and path.removeprefix(ROOT).replace("/", "", 1).replace("/", "").encode() in NAMES:
            if self.exists(path):
                self.wrong.append((process.pid, call, path))
        elif call == "unlink" and "/locks/" in path and self.exists(path):
            turn = path.replace("/locks/", "/tempfiles/steal-")
            allowed = {self.pid_in(path), self.pid_in(turn)} if self.exists(turn) else {self.pid_in(path)}
            if allowed.isdisjoint({process.pid, process.guards}):
                self.wrong.append((process.pid, call, path))

    def exists(self, path):
        try:
            return bool(self.disk.stat(path))
        except FileNotFoundError:
            return False

    def pid_in(self, path):
        return parse_holder(self.disk._walk(path).data).pid

    def check(self, once=True):
        """All is complete, nobody was in the way of another, and nothing is left over."""
        for process in self.processes:
            if process.error is not None:
                raise process.error
        assert self.errors == []
        assert self.wrong == [], self.wrong
        assert set(self.codes) == {0}, self.codes
        assert self.twice == [], "run by two at once"
        if once:
            assert dict(self.ran) == dict.fromkeys(range(self.number), 1), self.ran
        self.check_results(range(self.number))

    def check_results(self, needed):
        """What was acknowledged is there, and whatever is there is whole."""
        store = self.store()
        there = set(store.list())
        assert {NAMES[x] for x in needed} <= there, "a result is gone"
        for name in there:
            assert store.load(name) == VALUES[NAMES.index(name)], "a result is not what it was"

    def check_nothing_is_left(self):
        """Neither now nor, of those whose machine is not there any more, after their lease."""
        left = [self.disk.listdir(f"{ROOT}/{directory}") for directory in ("locks", "tempfiles")]
        if left == [[], []]:
            return
        self.launch(self.tidy, self.machine(4))
        assert self.run()
        left = [self.disk.listdir(f"{ROOT}/{directory}") for directory in ("locks", "tempfiles")]
        assert left == [[], []], left

    def tidy(self, store):
        """What a person does who has time."""
        store.remove_abandoned()
        store._fs.sleep(2 * LEASE)
        store.remove_abandoned()
        store.close()
