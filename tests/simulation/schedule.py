"""Workers on simulated machines, switched at any call as chance has it: all that happens follows from one seed."""

import errno
import random
from contextlib import contextmanager

from client import Machine, NfsClient
from disk import Disk
from interleaving import CALLS, Process, World
from memory_fs import on

from jug.backends.file.prefetch.watch_duty import Watchdog
from jug.backends.file_store import file_store
from jug.backends.system.signals import Deaf

ROOT = "/jugdir"
PASSING = (errno.EIO, errno.ESTALE, errno.EINTR, errno.ETIMEDOUT, errno.EAGAIN, errno.EBUSY)
# What NFSv3 says when it sends again.
LOST = {"rename": errno.ENOENT, "link": errno.EEXIST, "unlink": errno.ENOENT, "mkdir": errno.EEXIST}
MOST_STEPS = 40_000
DELAYS_NS = (1_000, 100_000, 2_000_000)  # of one call


class View:
    """The file system as one process sees it: that of its machine, with its faults."""

    def __init__(self, process):
        self._process = process
        self._simulation = process.world

    def abspath(self, path):
        return "/" + str(path).strip("/")

    def now(self):
        return self._simulation.disk.now() + self._process.machine.offset

    def monotonic(self):
        return self._simulation.disk.monotonic() + self._process.machine.offset % 1000

    def stamp_now(self):
        return self._simulation.disk.stamp_now()

    def sleep(self, seconds):
        self._process.sleep(seconds)

    def ear(self):
        return Deaf(self.sleep)

    def pid(self):
        return self._process.pid

    def elapsed(self):
        return self.monotonic()

    def process(self, pid):
        mine = self._process.machine.name
        for process in self._simulation.processes:
            if process.pid == pid and process.machine.name == mine and not process.done:
                return str(pid), process.is_stopped
        return None

    def boot(self):
        return f"boot {self._simulation.boots} of {self._process.machine.name}"

    def machine(self):
        return self._process.machine.name

    def namespace(self):
        return "pid:[4026531836]"

    def user(self):
        return "me"

    def kind(self, path):
        return self._process.machine.kind

    def start_watchdog(self, charge):
        return self._simulation.start_watchdog(self._process, charge)

    def host(self):
        return self._process.machine.name

    def token(self):
        return f"{self._simulation.chance.getrandbits(64):016x}"


def _asking(call):
    def method(self, *args):
        process = self._process
        if (process.done or process.killed) and call == "close":  # by a finalizer, after its end
            return None
        process.next = call, args
        process.step(call)
        return self._simulation.answer(process, call, args)

    return method


for _call in CALLS:
    if _call not in vars(View):
        setattr(View, _call, _asking(_call))


class Worker(Process):
    """A process on a machine; it can sleep, and be held up for a while."""

    def __init__(self, simulation, machine, function, pid):
        self.machine = machine
        self.is_stopped = False
        self.guards = 0  # the worker that it is the watchdog of
        self.next = "", ()  # the call that it is about to make
        self.watchdog = None  # that of a worker, as soon as it has one
        self.wakes = 0  # not before this time, in nanoseconds
        super().__init__(simulation, function, pid)

    def sleep(self, seconds):
        self.wakes = self.world.disk.clock_ns + int(seconds * 1e9)
        self.step("sleep")


class SimulatedMirror:
    """The memory that both share."""

    def __init__(self, simulation):
        self._simulation = simulation
        self._runs = b"", 0.0
        self._number, self._data = 0, b""
        self._ahead, self._names, self._unused = (0, 0), [], set()
        self._user = None
        self._is_closed = False

    def close(self):
        self._is_closed = True

    def runs(self, task, since):
        self._runs = task, since

    def running(self):
        return self._runs

    def show(self, data, at):
        assert not self._is_closed
        self._data = self._data[:at] + data

    def clear(self):
        self._number, self._data = self._number + 1, b""

    def state(self):
        return self._number, len(self._data)

    def data(self):
        return self._data

    def foresees(self, names):
        assert not self._is_closed
        self._ahead = self._ahead[0] + 1, len(names)
        self._names, self._unused = list(names), set(names)

    def begins(self, number):
        self._unused.discard(self._names[number])

    def ahead(self):
        return self._ahead

    def unused(self):
        return [name for name in self._names if name in self._unused]

    @contextmanager
    def alone(self, waits=True):
        process = self._simulation.current
        while self._user is not None:
            if not waits:
                yield False
                return
            process.sleep(0.001)
        self._user = process
        try:
            yield True
        finally:
            self._user = None


class SimulatedWatchdog:
    """Both ends of the line between a worker and its watchdog, which is another process of the machine."""

    def __init__(self, simulation, worker, charge):
        self._worker = worker
        self._messages = []
        self._answers = []
        self.mirror = SimulatedMirror(simulation)
        self._is_closed = False

        def work(store):
            self._store = store
            Watchdog(store._fs, charge, self).run()

        self.process = worker.watchdog = simulation.launch(work, worker.machine)
        self.process.guards = worker.pid

    # The worker's

    def is_alive(self):
        return not self.process.done

    def tell(self, message):
        if self.process.done:
            return False
        self._messages.append(message)
        return True

    def asked(self, question):
        if not self.tell(question):
            return False
        self.process.wakes = 0
        while not self._answers and not self.process.done:
            self._worker.sleep(0.001)
        return bool(self._answers) and self._answers.pop()

    def end(self, well):
        if well:
            self.tell("b")
        self._is_closed, self.process.wakes = True, 0
        self.mirror.close()
        # After its own end, a worker waits for nobody: this is a finalizer, in whatever thread.
        while not (self.process.done or self._worker.done or self._worker.killed):
            self._worker.sleep(0.01)

    # The watchdog's

    def listen(self, seconds):
        if not self._messages and not self._is_over():
            self.process.sleep(seconds)
        if self._is_over() and not self._messages:
            return None
        messages, self._messages = self._messages, []
        return messages

    def answer(self, yes):
        self._answers.append(yes)

    def is_stopped(self):
        return self._worker.is_stopped

    def _is_over(self):
        return self._is_closed or self._worker.done


class Simulation(World):
    """A disk, machines, and processes on them.

    Attributes
    ----------
    chance : Random
        Where everything that is not determined otherwise comes from.
    faults : int
        How many calls may still fail, each for no good reason, or after they did what they were asked for.
    boots : int
        How often the machines have been started.
    full : tuple
        From when to when there is no room, in seconds from the beginning.
    trace : list or None
        What happened, if it is to be told.
    """

    def __init__(self, seed, kind, trace=None):
        self.chance = random.Random(f"{kind} {seed}")
        self.disk = self.fs = Disk(step_ns=self.chance.choice((1, 4 * 10**6, 10**9)))
        self.processes = []
        self.machines = []
        self.faults = self.boots = 0
        self.full = (0, 0)
        self.trace = trace
        self.opened = {}
        self._start = self.disk.clock_ns

    def machine(self, version=0):
        """Another machine: NFS of this version, or 0 for one that is coherent with the others."""
        number, offset = len(self.machines), self.chance.choice((0.0, 0.0, 2400.0, -2400.0))
        made = NfsClient(self.disk, f"m{number}", offset, version) if version else Machine(self.disk, "m0", 0.0)
        self.machines.append(made)
        return made

    def store(self):
        return file_store(ROOT, **on(self.disk))

    def view(self, process):
        return View(process)

    def launch(self, function, machine):
        worker = Worker(self, machine, function, 1000 + len(self.processes))
        self.processes.append(worker)
        return worker

    def start_watchdog(self, worker, charge):
        return SimulatedWatchdog(self, worker, charge)

    # What a call gets

    def answer(self, process, call, args):
        disk = self.disk
        disk.clock_ns += DELAYS_NS[int(self.chance.random() * 3)]
        disk.is_full = self.full[0] <= (disk.clock_ns - self._start) / 1e9 < self.full[1]
        fault = self._fault(call, args) if self.faults else 0
        if fault and fault != LOST.get(call):
            self._tell(process, call, args, errno.errorcode[fault])
            raise OSError(fault, "passing trouble")
        try:
            value = process.machine.call(call, *args)
        except OSError as error:
            self._tell(process, call, args, errno.errorcode[error.errno])
            raise
        if self.trace is not None:
            self._tell(process, call, args, "reply lost" if fault else value)
        if call.startswith("open"):
            self.opened[value] = call
        if fault:
            raise OSError(fault, "lost reply")
        return value

    def _fault(self, call, args):
        """An error number: of one that passes, or of what is said when a reply was lost."""
        if self.chance.random() > 0.03 or not self._can_fail(call, args[0]):
            return 0
        self.faults -= 1
        lost = LOST.get(call)
        return lost if lost and self.chance.random() < 0.6 else self.chance.choice(PASSING)

    def _can_fail(self, call, about):
        """Closing what was only read never fails, nor does a question whose answer to an error is no."""
        if isinstance(about, int):
            return call != "stream" and (call != "close" or self.opened[about] == "open_excl")
        return call != "is_link"

    def _tell(self, process, call, args, value):
        if self.trace is not None:
            words = " ".join(_short(arg) for arg in args)
            now = (self.disk.clock_ns - self._start) / 1e9
            self.trace.append(f"{now:10.4f} {process.pid} {process.machine.name} {call} {words} -> {_short(value)}")

    # Who goes on

    def run(self, steps=MOST_STEPS):
        """Let the processes go on until all have ended, or for so many turns; True if all have ended."""
        chance = self.chance
        eager = chance.choice((2, 5, 20))  # how many calls in a row, about
        for _ in range(steps):
            left = [process for process in self.processes if not process.done]
            if not left:
                return True
            awake = [process for process in left if process.wakes <= self.disk.clock_ns]
            if not awake:
                self.disk.clock_ns = min(process.wakes for process in left)
                continue
            process = chance.choice(awake)
            process.is_stopped = False
            if chance.random() < 0.01:
                process.wakes = self.disk.clock_ns + int(chance.choice((0.01, 1, 40)) * 1e9)  # it is held up
                continue
            self.current = process
            process.go(1 + int(chance.expovariate(1 / eager)))
        return False

    def kill(self, process):
        self.current = process
        while not process.done:
            process.kill()

    def kill_all(self):
        for process in list(self.processes):
            self.kill(process)

    def freeze(self, process, seconds):
        """Stop a worker and its watchdog, as when its machine sleeps, or cannot reach the server.

        Not just before it removes its own lock, which it has looked at before: this is what can go wrong, and is known.
        """
        while not process.done and process.next[0] == "unlink" and process.next[1][0].endswith(".lock"):
            self.current = process
            process.go(1)
        for each in filter(None, (process, process.watchdog)):
            each.is_stopped = True
            each.wakes = self.disk.clock_ns + int(seconds * 1e9)


def _short(value):
    if isinstance(value, str):
        return value.removeprefix(ROOT)
    if hasattr(value, "st_mtime_ns"):
        return f"<inode {value.st_ino}, {value.st_size} bytes>"
    text = repr(bytes(value) if isinstance(value, memoryview) else value)
    return text if len(text) <= 60 else text[:57] + "..."
