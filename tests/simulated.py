"""A simulated world for engines: time, a store that tells and can be told, workers that share it."""

from jug.backends.base import LockDetails, WorkerDetails, as_name
from jug.backends.dict_store import dict_lock, dict_store
from jug.engine.graph import Graph
from jug.engine.reporter import Reporter
from jug.engine.run.scheduler import Scheduler
from jug.engine.run.settings import Settings, World


class FakeWorld(World):
    """Time passes only while somebody sleeps; each of `others` is called in one sleep, in their order.

    Attributes
    ----------
    naps : list of float
        How long each sleep was.
    """

    def __init__(self, *others, chance=0.0):
        super().__init__(lambda: self.now, self._sleep, lambda: chance)
        self.now = 0.0
        self.naps = []
        self.others = list(others)

    def _sleep(self, seconds):
        self.now += seconds
        self.naps.append(seconds)
        if self.others:
            self.others.pop(0)()


class RecordingStore(dict_store):
    """A store whose `log` says what was asked of it, in order; `before` is called before each question.

    The views of several workers share results, locks and log when they are made with the same `shared`.
    """

    def __init__(self, shared=None):
        super().__init__()
        self.log = []
        self.before = lambda operation, name: None
        if shared is not None:
            self.store, self.log = shared.store, shared.log

    def tell(self, operation, name=None):
        self.before(operation, name)
        self.log.append((operation, name))

    def number_of(self, *operations):
        """How often one of these was asked for."""
        return sum(operation in operations for operation, _ in self.log)

    def about(self, name):
        """What was asked about this name, in order."""
        return [operation for operation, asked in self.log if asked == name]

    def dump(self, object, name):
        self.tell("dump", name)
        super().dump(object, name)

    def load(self, name):
        self.tell("load", name)
        return super().load(name)

    def load_many(self, names):
        self.tell("load_many", len(names))
        return super().load_many(names)

    def can_load(self, name):
        self.tell("can_load", name)
        return super().can_load(name)

    def remove(self, name):
        self.tell("remove", name)
        return super().remove(name)

    def list(self):
        self.tell("list")
        return super().list()

    def listlocks(self):
        self.tell("listlocks")
        return super().listlocks()

    def getlock(self, name):
        return RecordingLock(self, name)


class Leases(dict_store):
    """A view of `shared` that knows who holds the locks, and that some of these are `gone`.

    Attributes
    ----------
    holder : tuple
        Host, process and name of the worker that takes locks through this view.
    gone : set of bytes
        Names of locks whose holders are gone.
    known : list of WorkerDetails
    run : str
    """

    def __init__(self, shared=None, holder=("node1", 1, "w1"), since=1e9):
        super().__init__()
        self.holder, self.since, self.run = holder, since, "this run"
        self.held, self.gone, self.known = {}, set(), []
        if shared is not None:
            self.store = shared.store
        if isinstance(shared, Leases):
            self.held, self.gone, self.known = shared.held, shared.gone, shared.known

    def run_id(self):
        return self.run

    def workers(self):
        return self.known

    def getlock(self, name):
        self.held.setdefault(as_name(name), (*self.holder, self.since))
        return super().getlock(name)

    def lock_details(self):
        details = {}
        for name, state in self.lock_states().items():
            host, pid, worker, since = self.held.get(name, ("", 0, "", None))
            details[name] = LockDetails(state, host, pid, since, name in self.gone and not state)
            details[name].worker = worker
        return details

    def lock_states(self):
        return {name: self.store[b"lock:" + name] == 2 for name in self.listlocks()}

    def remove_abandoned(self, failed=True):
        gone = [name for name, lock in self.lock_details().items() if lock.abandoned or (failed and lock.failed)]
        return sum(self.remove_lock(name) for name in gone)


def at_work(worker, host, pid, user="ann", since=1e9, gone=False, run="this run", sign=None):
    """A worker as a store tells of it."""
    details = WorkerDetails(worker, host, pid, since, run)
    details.user, details.gone, details.sign = user, gone, sign
    return details


class RecordingLock(dict_lock):
    """A lock of a RecordingStore."""

    def __init__(self, store, name):
        super().__init__(store.store, store.counts, name)
        self._tell = lambda operation: store.tell(operation, name)

    def get(self):
        self._tell("get")
        return super().get()

    def release(self):
        self._tell("release")
        super().release()

    def fail(self):
        self._tell("fail")
        return super().fail()

    def is_failed(self):
        self._tell("is_failed")
        return super().is_failed()


class Events(Reporter):
    """Keeps what it is told: `events` as tuples, `errors` of failed tasks."""

    def __init__(self):
        self.events = []
        self.errors = []

    def started(self, task):
        self.events.append(("started", *task.args[:1]))

    def executed(self, task, seconds):
        self.events.append(("executed", *task.args[:1]))

    def overtaken(self, task):
        self.events.append(("overtaken", *task.args[:1]))

    def loadable(self, tasks):
        self.events += [("loadable", *task.args[:1]) for task in tasks]

    def failed(self, task, error):
        self.events.append(("failed", *task.args[:1]))
        self.errors.append(error)

    def damaged(self, task, error, place):
        self.events.append(("damaged", *task.args[:1]))

    def waiting(self, running_elsewhere, waiting):
        self.events.append(("waiting", running_elsewhere, waiting))

    def of(self, kind):
        """What follows this kind of event, for each of them."""
        return [event[1] for event in self.events if event[0] == kind]


def worker(tasks, store, world=None, selected=None, **settings):
    """A scheduler over these tasks, with fake time and a reporter that remembers."""
    return Scheduler(Graph(tasks), store, Settings(**settings), Events(), selected, world or FakeWorld())


def finish(store, *tasks):
    """Another worker has stored the results of these tasks (what they are is of no importance)."""
    for task in tasks:
        dict_store.dump(store, "by another", task.hash())


def names_of_locks(store):
    """The locks that are there now."""
    return set(dict_store.listlocks(store))


class Counting(dict_store):
    """A store that counts how often it is asked about results and locks, and refuses to read a result."""

    asked = 0

    def list(self):
        self.asked += 1
        return super().list()

    def can_load(self, name):
        self.asked += 1
        return super().can_load(name)

    def load(self, name):
        raise AssertionError("a result was read")

    def listlocks(self):
        self.asked += 1
        return super().listlocks()

    def getlock(self, name):
        self.asked += 1
        return super().getlock(name)
