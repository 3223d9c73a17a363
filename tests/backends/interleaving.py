"""Processes on one file system in memory, of which one moves at a time, call by call, as a test says."""

import threading

from memory_fs import MemoryFS, on

from jug.backends.file_store import file_store
from jug.backends.system.filesystem import FileSystem
from jug.backends.system.signals import Deaf

CALLS = [name for name in vars(FileSystem) if not name.startswith("_")]
NO_TIME = {
    *("pid", "host", "token", "now", "monotonic", "elapsed", "abspath", "process", "sleep", "boot", "machine"),
    *("namespace", "user", "kind", "start_watchdog", "stamp_now"),
}
ALL = 10**9


class Killed(BaseException):
    """Nothing that the process does after this reaches the file system."""


class World:
    """The file system and the processes that use it."""

    def __init__(self):
        self.fs = MemoryFS()
        self.processes = []

    def store(self):
        """The store as somebody sees it whom nobody interrupts."""
        return file_store("/jugdir", **on(self.fs))

    def view(self, process):
        """The file system as one process uses it."""
        return View(process)

    def start(self, function):
        """A process that is about to call `function` with a store of its own."""
        process = Process(self, function, pid=1000 + len(self.processes))
        self.processes.append(process)
        return process

    def finish(self):
        """Let everybody run to the end, in turns where they wait for each other."""
        for _ in range(5000):
            left = [process for process in self.processes if not process.done]
            if not left:
                break
            for process in left:
                process.go(ALL)
        else:
            raise AssertionError("they wait for each other for ever")
        for process in self.processes:
            if process.error is not None:
                raise process.error


class Process:
    """A thread that stops after as many calls as it was allowed, and wherever it sleeps."""

    def __init__(self, world, function, pid):
        self.world = world
        self.pid = pid
        self.calls = 0
        self.done = False
        self.killed = False
        self.error = None
        self._allowed = 0
        self._resume = _taken()
        self._paused = _taken()
        self._thread = threading.Thread(target=self._run, args=[function], daemon=True)
        self._thread.start()

    def go(self, calls):
        """Let it make this many calls more; returns when it has, or sleeps, or has ended."""
        if not self.done:
            self._allowed = calls
            self._resume.release()
            self._paused.acquire()

    def kill(self):
        """End it here."""
        self.killed = True
        self.go(ALL)

    def _run(self, function):
        self._resume.acquire()
        self._store = file_store("/jugdir", **on(self.world.view(self)))  # stays until after the end
        try:
            function(self._store)
        except Killed:
            pass
        except BaseException as error:  # noqa: BLE001  (told by World.finish)
            self.error = error
        self.done = True
        self._paused.release()

    def step(self, call):
        if self.killed:
            raise Killed
        if call not in NO_TIME:
            if not self._allowed:
                self._pause()
            self._allowed -= 1
            self.calls += 1
        elif call == "sleep":
            self._pause()

    def _pause(self):
        self._paused.release()
        self._resume.acquire()
        if self.killed:
            raise Killed


class View:
    """The file system as one process uses it."""

    def __init__(self, process):
        self._process = process

    def ear(self):
        return Deaf(self.sleep)

    def pid(self):
        return self._process.pid

    def process(self, pid):
        ended = any(process.pid == pid and process.done for process in self._process.world.processes)
        return None if ended else ("1", False)


def _stepping(call):
    def method(self, *args):
        if (self._process.done or self._process.killed) and call == "close":  # by a finalizer, after its end
            return None
        self._process.step(call)
        return getattr(self._process.world.fs, call)(*args)

    return method


for _call in (*CALLS, "start_watchdog"):
    if _call not in vars(View):
        setattr(View, _call, _stepping(_call))


def _taken():
    """A lock that somebody waits for: much faster than a Semaphore."""
    lock = threading.Lock()
    lock.acquire()
    return lock
