"""Run by ``test_every_call.py``: ``every_call.py DIRECTORY FAULT PART PARTS`` lets a fault happen at every store call.

A worker makes a small run, once for each of its calls (or for each of every PARTS calls), and there the fault happens.
Where it does not end well, another worker follows. Prints a line for each position at which something is not as it
should be then, and at last how many there were. Workers are forks of this process that run ``jug execute``: as true as
a process of its own, and much faster.

FAULT is KILL; an error that passes; ``LOST`` (the call is done, but the worker is told what NFSv3 says when the reply
was lost); or an error with ``-for-ever``, for that call and all that follow. After ``takeover-``, the worker finds what
another one, which was killed, has left.
"""

import errno
import os
import shutil
import signal
import subprocess
import sys
import traceback
from pathlib import Path

from interleaving import CALLS, NO_TIME
from reporting import PATIENCE, Run

import jug.jug
import jug.subcommands.execute
from jug.backends.system.filesystem import FileSystem
from jug.backends.system.signals import Deaf

TASKS = 5
KILLED = -signal.SIGKILL
FULL = (errno.ENOSPC, errno.EDQUOT)
NEEDS_ROOM = {"open_excl", "write", "fsync", "link", "rename", "mkdir"}
LOST = {
    "link": errno.EEXIST,
    "rename": errno.ENOENT,
    "unlink": errno.ENOENT,
    "mkdir": errno.EEXIST,
    "open_excl": errno.EIO,
}


class Fault:
    """What happens at the call number `at`, and at which it was."""

    def __init__(self, text, at):
        self.name = text.removeprefix("takeover-")
        self.error = getattr(errno, self.name.partition("-")[0], None)
        self.is_for_ever = self.name.endswith("-for-ever")
        self.at = at
        self.calls = []
        self.waited = 0.0

    def call(self, name, real, fs, args):
        self.calls.append(f"{name} {' '.join(map(str, args))[:160]}")
        number = len(self.calls)
        if number != self.at and not (self.is_for_ever and number > self.at > 0):
            return real(fs, *args)
        if self.name == "KILL":
            os.kill(os.getpid(), signal.SIGKILL)
        if name == "is_link":
            return False  # it says so of any error
        if self.name != "LOST":
            raise OSError(self.error, os.strerror(self.error))
        done = real(fs, *args)
        if name not in LOST:
            return done
        if done is not None:
            os.close(done)
        raise OSError(LOST[name], os.strerror(LOST[name]))

    def install(self):
        """From now on, all calls of this process come by here, and its waiting takes no time."""
        for name in CALLS:
            if name not in NO_TIME:
                setattr(FileSystem, name, self._counted(name, getattr(FileSystem, name)))
        real_time = FileSystem.monotonic
        FileSystem.monotonic = lambda fs: real_time(fs) + self.waited
        FileSystem.sleep = lambda fs, seconds: self._wait(seconds)
        FileSystem.ear = lambda fs: Deaf(self._wait)

    def _counted(self, name, real):
        return lambda fs, *args: self.call(name, real, fs, args)

    def _wait(self, seconds):
        self.waited += seconds


def work(run, fault=None, die_at=None):
    """A worker in a process of its own, to its end; returns its exit status (or minus a signal)."""
    pid = os.fork()
    if pid == 0:
        os.chdir(run.where)
        os.environ.update(REPORTS=str(run.reports), DIE_AT=str(die_at))
        with open("messages", "a") as file:
            os.dup2(file.fileno(), 1)
            os.dup2(file.fileno(), 2)
        status = 99
        try:
            if fault is not None:
                fault.install()
            jug.jug.main(["jug", "execute", "--jugdir", str(run.jugdir), *PATIENCE])
            status = 0
        except SystemExit as end:
            status = end.code or 0
        except BaseException:  # noqa: BLE001  (told by the exit status)
            traceback.print_exc()
        finally:
            Path("calls").write_text("\n".join(fault.calls if fault else ()))
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])


class Position:
    """A run with one fault, in a directory of its own that starts as a copy of `template`."""

    def __init__(self, template, where, fault, at, call=""):
        subprocess.run(["cp", "-a", template, where], check=True)  # hard links remain what they are
        self.run = Run(where, TASKS)
        self.fault = Fault(fault, at)
        self.call = call.partition(" ")[0]
        self.before = self.run.said()

    def check(self):
        """What is wrong with it; nothing, if all is well."""
        first = work(self.run, self.fault)
        calls = self.calls()
        if len(calls) >= self.fault.at > 0:  # it may be another one than in a run before, as time passes
            self.call = calls[self.fault.at - 1].partition(" ")[0]
        endings = self.endings()
        stored = self.run.said()[1]
        kept = stored | self.there()
        second = work(self.run) if first or self.is_strange() else first
        again = {n for n, times in (self.run.said()[0] - self.before[0]).items() if times > 1}
        problems = []
        if first not in endings:
            problems.append(f"it ended with status {first}")
        if second:
            problems.append(f"the next worker ended with status {second}")
        if again & kept or len(again) > self.may_run_again():
            problems.append(f"ran twice: {again} (kept before: {kept})")
        try:
            self.run.assert_all_is_well()
        except (AssertionError, Exception) as error:  # noqa: BLE001  (whatever it is, it is told)
            problems.append(f"{type(error).__name__}: {' '.join(str(error).split())[:300]}")
        return problems

    def there(self):
        """The numbers of the tasks that have results."""
        return set(self.run.there()) if (self.run.reports / "names").exists() else set()

    def endings(self):
        if not self.fault.at or self.is_over():
            return {0}
        if self.fault.name == "KILL":
            return {KILLED}
        if self.fault.is_for_ever:
            return {0, 1, 4}  # the store cannot be used, or no room for a result was found in time
        return {0, 4} if self.is_strange() else {0}

    def is_over(self):
        """Whether the worker came to its end before the fault: it makes some calls more or less, as time passes."""
        return 0 < len(self.calls()) < self.fault.at

    def calls(self):
        """Those of the first worker; none if it was killed."""
        path = Path(self.run.where, "calls")
        return path.read_text().splitlines() if path.exists() else []

    def is_strange(self):
        """Whether no file system says this: that there is no room to look at something, or to remove it."""
        return bool(self.fault.at) and self.fault.error in FULL and self.call not in NEEDS_ROOM

    def may_run_again(self):
        """How many of those that were not kept: the one that was running, and those that waited to be stored."""
        ends = self.fault.name == "KILL" or self.fault.is_for_ever or self.is_strange()
        return TASKS if ends else 0


def prepared(where, is_takeover):
    """A directory with nothing done, or with what a killed worker leaves whose helpers were killed too."""
    where.mkdir()
    run = Run(where, TASKS)
    if is_takeover:
        assert work(run, die_at=2) == KILLED
    return where


def main(directory, text, part, parts):
    directory = Path(directory)
    directory.mkdir()
    template = prepared(directory / "template", text.startswith("takeover-"))
    clean = Position(template, directory / "clean", text, 0)
    problems = clean.check()
    if problems:
        print("without any fault:", *problems, (directory / "clean" / "messages").read_text())
        return
    calls = (directory / "clean" / "calls").read_text().splitlines()
    # The reply to a call that changes nothing is no loss.
    positions = [at for at, call in enumerate(calls, 1) if text[-4:] != "LOST" or call.partition(" ")[0] in LOST]
    positions = positions[int(part) :: int(parts)]
    for at in positions:
        where = directory / str(at)
        problems = Position(template, where, text, at, calls[at - 1]).check()
        if problems:
            print(f"at call {at} of {len(calls)}, {calls[at - 1]}: {'; '.join(problems)}")
        else:
            shutil.rmtree(where)
    print(len(positions), "positions")


if __name__ == "__main__":
    main(*sys.argv[1:])
