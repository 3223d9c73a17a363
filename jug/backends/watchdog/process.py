"""The watchdog as a process of its own: how it is started, and the line to it.

It is a small Python without the user's packages, which does not even import jug as a whole, and of jug nothing before
there is something to do: a worker that ends well within a second pays for the bare Python. A pipe ends when the worker
does, however that is; there is memory that both share (:mod:`jug.backends.watchdog.shared_memory`). The watchdog is in
a session of its own (Ctrl-C is not meant for it), no signal but those that nobody can refuse reaches it, and it keeps
no file open that the worker was started with.
"""

from __future__ import annotations

import fcntl
import os
import select
import signal
import sys
import time

from jug.backends.system.signals import SIGNALS

from .shared_memory import Mirror, shared_memory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any, Protocol

    class Owner(Protocol):
        """The owner file of a worker: :class:`jug.backends.file.owner.owner_file.OwnerFile`."""

        path: str
        root: str
        name: str
        text: bytes
        inode: int

    StartWatchdog = Callable[["Charge"], "WatchdogProcess"]

#: Signs of life in a lease.
BEATS = 10
#: Seconds between two looks at what there is to do, at most.
TICK = 1.0
#: The numbers of the files that the other process is started with.
LINE, ANSWERS, SHARED = 0, 1, 3
_FREE = 10  # numbers of files from here on are nobody's
_PATIENCE = 2.0  # seconds: for an answer; of the last pause when it ends, some six in all

# Waits for as long as there would be nothing to do. Then makes modules of jug importable without running its __init__,
# which imports all of the language.
_PROGRAM = """
import os, sys
from select import select
place, owner, pause, *charge = sys.argv[1:]
os.closerange(4, 1024)
os.chdir("/")
said = b""
if select([0], [], [], float(pause))[0]:
    said = os.read(0, 65536)
    if said == b"b\\n":
        try:
            os.unlink(owner)
            os._exit(0)
        except OSError:
            pass
module = type(sys)
for name in ("jug", "jug.backends"):
    sys.modules[name] = module(name)
    sys.modules[name].__path__ = [place + "/" + name.replace(".", "/")]
from jug.backends.watchdog.main import main
main(charge, said)
"""


class Charge:
    """What a watchdog looks after, in words that go from one process to another.

    Attributes
    ----------
    path : str
        That of the owner file; in the worker only.
    """

    __slots__ = ("inode", "lease", "name", "path", "pid", "root", "size")

    def __init__(self, owner: Owner, pid: int, lease: float) -> None:
        self.path = owner.path
        self.root = owner.root
        self.name = owner.name
        self.size = len(owner.text)
        self.inode = owner.inode
        self.pid = pid
        self.lease = lease

    @property
    def pause(self) -> float:
        """Seconds between two looks at what there is to do."""
        return min(TICK, self.lease / BEATS)

    def words(self) -> list[str]:
        """For a command line."""
        return [self.root, self.name, str(self.size), str(self.inode), str(self.pid), str(self.lease)]

    @classmethod
    def of(cls, words: list[str]) -> Charge:
        """What those :meth:`words` say."""
        charge = cls.__new__(cls)
        charge.root, charge.name = words[:2]
        charge.size, charge.inode, charge.pid = map(int, words[2:5])
        charge.lease = float(words[5])
        return charge


class WatchdogProcess:
    """The worker's end of the line.

    Attributes
    ----------
    pid : int
    mirror : Mirror or None
        Where the worker shows what it does; None once the watchdog has ended, and where there is no shared memory.
    """

    def __init__(self, charge: Charge) -> None:
        ours, theirs, answers, said = -1, -1, -1, -1
        self.mirror, shared = _shared()
        try:
            theirs, ours = _pipe()
            answers, said = _pipe()
            self.pid = _spawn(charge, theirs, said, shared)
        except BaseException:
            for fd in (ours, answers):
                _close(fd)
            if self.mirror is not None:
                self.mirror.close()
            raise
        finally:
            for fd in (theirs, said):
                _close(fd)
        os.set_blocking(ours, False)
        self._creator = os.getpid()
        self._line, self._answers = ours, answers
        self._ended = False

    def is_alive(self) -> bool:
        """Whether it is there; an end is noticed once and for all."""
        if not self._ended:
            try:
                self._ended = os.waitpid(self.pid, os.WNOHANG)[0] != 0
            except ChildProcessError:  # somebody else in this process has waited for it
                self._ended = True
        return not self._ended

    def tell(self, message: str) -> bool:
        """Send a message; False if nobody reads it."""
        try:
            os.write(self._line, message.encode("ascii") + b"\n")
        except OSError:
            return False
        return True

    def asked(self, question: str) -> bool:
        """Send a question, and wait for the answer, which is no if nobody gives one."""
        if not self.tell(question):
            return False
        if not select.select([self._answers], [], [], _PATIENCE)[0]:
            os.kill(self.pid, signal.SIGKILL)  # it hangs; another one takes its place
            return False
        return os.read(self._answers, 1) == b"1"

    def end(self, well: bool) -> None:
        """Let it end; `well`: there is nothing to clean up but what was deferred. Waits for it, but not for ever."""
        if well:
            self.tell("b")
        for fd in (self._line, self._answers):
            os.close(fd)
        if self.mirror is not None:
            self.mirror.close()
            self.mirror = None
        pause = 0.001
        while self._creator == os.getpid() and self.is_alive() and pause < _PATIENCE:
            time.sleep(pause)
            pause *= 1.5


def _pipe() -> tuple[int, int]:
    """Both ends of a pipe, whose numbers are not those that the other process is to have."""
    ends = os.pipe()
    try:
        reading, writing = (fcntl.fcntl(end, fcntl.F_DUPFD_CLOEXEC, _FREE) for end in ends)
    finally:
        for end in ends:
            os.close(end)
    return reading, writing


def _shared() -> tuple[Mirror | None, int]:
    """Memory, and the file by which another process gets it; None and -1 where there is none."""
    created = shared_memory()
    if created < 0:
        return None, -1
    try:
        shared = fcntl.fcntl(created, fcntl.F_DUPFD_CLOEXEC, _FREE)
        return Mirror(shared, writes=True), shared
    finally:
        os.close(created)


def _spawn(charge: Charge, line: int, said: int, shared: int) -> int:
    place = os.path.dirname(os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__)))))
    python = sys.executable or "python3"
    words = [python, "-I", "-S", "-c", _PROGRAM, place, charge.path, str(charge.pause), *charge.words()]
    files: list[Any] = [(os.POSIX_SPAWN_DUP2, line, LINE), (os.POSIX_SPAWN_DUP2, said, ANSWERS)]
    files.append((os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0))
    if shared >= 0:
        files.append((os.POSIX_SPAWN_DUP2, shared, SHARED))
    # Batch systems send some signals to all processes of a job: it ends with the worker, and not before.
    return os.posix_spawnp(python, words, os.environ, file_actions=files, setsid=True, setsigmask=SIGNALS)


def _close(fd: int) -> None:
    if fd >= 0:
        os.close(fd)
