"""Runs jug as people do: a process of its own, from this tree, in a directory where nothing else is configured."""

import atexit
import os
import re
import signal
import subprocess
import sys
import time
from importlib.util import find_spec
from pathlib import Path
from textwrap import dedent

import pytest

ROOT = Path(__file__).resolve().parent.parent
JUGFILES = Path(__file__).resolve().parent / "jugfiles"
SECONDS = 120  # nothing takes so long; what does hangs
HANGS = 60  # seconds, of what is waited for by wait_until


class Finished:
    """A process that has ended: its exit status and what it wrote."""

    def __init__(self, code, out, err):
        self.code = code
        self.out = out
        self.err = err

    @property
    def last(self):
        """The last line on standard error."""
        return self.err.rstrip("\n").rpartition("\n")[2]

    def table(self):
        """What a table of tasks says: ``{task name: {heading: number}}``."""
        _, found, text = self.out.partition("Task name ")
        assert found, self
        first, *lines = text.splitlines()
        headings = first.split()
        rows = {}
        for line in lines:
            found = re.fullmatch(r"(\S+)((?: +\d+)+)", line)
            if found is None:
                break
            rows[found[1]] = dict(zip(headings, map(int, found[2].split()), strict=True))
        return rows

    def __repr__(self):
        return f"exit status {self.code}\n--- out\n{self.out}--- err\n{self.err}---"


class Running:
    """A process that has been started; it does not outlive the tests, even if one fails before it waits."""

    def __init__(self, process):
        self.process = process
        self.pid = process.pid
        atexit.register(self.kill)

    def kill(self):
        """Make sure that it has ended."""
        atexit.unregister(self.kill)
        if self.process.returncode is None:
            self.process.kill()
            self.process.communicate()

    def wait(self, stdin=None):
        """Its end."""
        try:
            out, err = self.process.communicate(stdin, timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            out, err = self.process.communicate()
            raise AssertionError(f"hangs:\n{Finished(None, out, err)}") from None
        self.kill()
        return Finished(self.process.returncode, out, err)


def environment(home, **extra):
    """The environment of a process that knows nothing but `home`; a value None removes a variable."""
    env = {name: text for name, text in os.environ.items() if not name.startswith(("JUG", "PYTHON", "LC_"))}
    env.update(HOME=str(home), IPYTHONDIR=str(Path(home, ".ipython")), PYTHONPATH=str(ROOT), LANG="C.UTF-8")
    env.update(PYTHONDONTWRITEBYTECODE="1", PYTHONWARNINGS="error::ResourceWarning", COLUMNS="80")
    env.update(extra)
    return {name: text for name, text in env.items() if text is not None}


def start_python(where, *arguments, stdin=subprocess.DEVNULL, **env):
    """Start Python with these arguments, in the directory `where`."""
    return Running(
        subprocess.Popen(
            [sys.executable, *map(str, arguments)],
            cwd=where,
            env=environment(where, **env),
            stdin=stdin,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
    )


def start(where, *arguments, **env):
    """Start ``jug`` with these arguments, in the directory `where`."""
    if arguments[:1] == ("shell",) and find_spec("IPython") is None:
        pytest.skip("IPython is not installed")
    return start_python(where, "-m", "jug", *arguments, **env)


def jug(where, *arguments, stdin=None, **env):
    """Run ``jug`` with these arguments to its end; keywords are environment variables."""
    pipe = subprocess.DEVNULL if stdin is None else subprocess.PIPE
    return start(where, *arguments, **env, stdin=pipe).wait(stdin)


def python(where, *arguments, **env):
    """Run Python with these arguments to its end."""
    return start_python(where, *arguments, **env).wait()


def write(where, source, name="jugfile.py"):
    """Write a file, most often the jugfile."""
    path = Path(where, name)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(dedent(source), encoding="utf-8")
    return path


def use(where, name, as_name="jugfile.py"):
    """Put the file `name` of ``tests/jugfiles`` there."""
    return write(where, (JUGFILES / name).read_text(encoding="utf-8"), as_name)


def files_in(where):
    """All files and directories below `where`, relative to it."""
    return sorted(str(path.relative_to(where)) for path in Path(where).rglob("*"))


def wait_until(condition):
    """Return when it is so; fail if it takes too long."""
    end = time.monotonic() + HANGS
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.02)


def wait_for_file(path, *, alive):
    """Return when `path` exists; fail if the process `alive` ends before."""
    path = Path(path)
    while not path.exists():
        assert alive.process.poll() is None, alive.wait()
        time.sleep(0.005)


def lose(worker):
    """Kill a worker together with what would give back its locks, as when its machine is lost."""
    (watchdog,) = Path(f"/proc/{worker.pid}/task/{worker.pid}/children").read_text().split()
    worker.process.send_signal(signal.SIGSTOP)
    os.kill(int(watchdog), signal.SIGKILL)
    worker.process.kill()
    assert worker.wait().code == -signal.SIGKILL
