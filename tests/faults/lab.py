"""Mounts for tests: a directory behind ``faultfs.c``, which fails as a test says, and small file systems that fill up.

``with mounted(tmp_path) as mount:`` compiles the program (once per process), mounts, and unmounts whatever happens;
the program ends by itself when the tests do, however they do.
"""

import atexit
import errno
import os
import shutil
import subprocess
import tempfile
from contextlib import contextmanager
from functools import cache
from pathlib import Path

import debian
import pytest

SOURCE = Path(__file__).resolve().with_name("faultfs.c")
SECONDS = 60

#: What NFSv3 says to a call that was done but whose reply was lost, when the client asks again.
LOST_REPLIES = {"link": "EEXIST", "rename": "ENOENT", "unlink": "ENOENT", "mkdir": "EEXIST"}


class Mount:
    """The directory `backing` as it is seen at `path`; :meth:`fail` says what goes wrong there."""

    def __init__(self, backing, path, trace, **beliefs):
        self.backing, self.path, self.trace = Path(backing), Path(path), Path(trace)
        for directory in (self.backing, self.path):
            directory.mkdir(exist_ok=True)
        words = [f"{name}={value}" for name, value in beliefs.items()]
        self._process = subprocess.Popen(
            [faultfs(), str(backing), str(path), str(trace), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            encoding="utf-8",
        )
        if self._process.stdout.readline() != "mounted\n":
            why = self._process.communicate(timeout=SECONDS)[1].strip()
            pytest.skip(f"nothing can be mounted here: {why}")

    def tell(self, *words):
        """Give an order; returns the answer."""
        print(*words, file=self._process.stdin, flush=True)
        return self._process.stdout.readline().strip()

    def fail(self, ops, error, *words, **numbers):
        """Let calls fail, as the order ``fail`` of ``faultfs.c`` says; `length` is its ``for``."""
        if "length" in numbers:
            numbers["for"] = numbers.pop("length")
        answer = self.tell("fail", ops, error, *words, *(f"{name}={value}" for name, value in numbers.items()))
        assert answer == "ok", answer

    def heal(self):
        """Let nothing fail any more; returns how many calls have failed."""
        return int(self.tell("heal"))

    def calls(self):
        """How many calls there were."""
        return int(self.tell("calls"))

    def calls_so_far(self):
        """What the trace holds, as a list of :class:`Call`."""
        assert self.tell("flush") == "ok"
        with open(self.trace, encoding="ascii") as lines:
            return [Call(line) for line in lines if line.endswith("\n")]  # there may be a call just now

    def close(self):
        """Unmount, whoever still has a file open there."""
        try:
            self._process.communicate(timeout=SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.communicate()
        if os.path.ismount(self.path) or _is_dead(self.path):
            subprocess.run(["umount", "-l", str(self.path)], check=False, capture_output=True, timeout=SECONDS)


class Call:
    """A line of a trace; see ``faultfs.c``."""

    __slots__ = ("detail", "directory", "directory2", "done", "error", "name", "name2", "node", "op", "pid")

    def __init__(self, line):
        pid, self.op, done, error, node, directory, name, directory2, name2, detail = line.split(" ")
        self.pid, self.done, self.error = int(pid), done == "1", int(error)
        self.node, self.directory, self.directory2 = int(node), int(directory), int(directory2)
        self.name, self.name2, self.detail = name, name2, detail.rstrip("\n")

    def __repr__(self):
        return " ".join(str(getattr(self, name)) for name in ("pid", "op", "done", "error", "name", "name2"))


@contextmanager
def mounted(where, name="mount", backing="backing", **beliefs):
    """The directory `backing` in `where`, mounted as `name`; see ``faultfs.c`` for what a mount may believe."""
    where = Path(where)
    mount = Mount(where / backing, where / name, where / f"{name}.trace", **beliefs)
    try:
        yield mount
    finally:
        mount.close()


@contextmanager
def small(where, kind):
    """A real file system of a few megabytes, mounted in `where`: ``tmpfs``, or ``ext4`` on a loop device."""
    if os.geteuid() != 0:
        pytest.skip("only root may mount a file system")
    path = Path(where, kind)
    path.mkdir()
    if kind == "tmpfs":
        mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(path)]
    else:
        image = Path(where, "image")
        image.touch()
        os.truncate(image, 8 << 20)
        mkfs = debian.program("mkfs.ext4", "e2fsprogs")
        subprocess.run([mkfs, "-q", "-m", "0", str(image)], check=True, timeout=SECONDS)
        mount = ["mount", "-o", "loop", str(image), str(path)]
    done = subprocess.run(mount, check=False, capture_output=True, text=True, timeout=SECONDS)
    if done.returncode:
        pytest.skip(f"a {kind} cannot be mounted here: {done.stderr.strip()}")
    try:
        yield path
    finally:
        subprocess.run(["umount", "-l", str(path)], check=True, timeout=SECONDS)


@cache
def faultfs():
    """The path of the program, compiled here."""
    _require_fuse()
    directory = tempfile.mkdtemp(prefix="jug-faultfs-")
    atexit.register(shutil.rmtree, directory, ignore_errors=True)
    program = Path(directory, "faultfs")
    command = ["gcc", "-O1", "-Wall", "-Wextra", "-Werror", "-o", program, SOURCE, *_flags()]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=SECONDS)
    assert done.returncode == 0, done.stderr
    return str(program)


def _flags():
    pkg_config = debian.program("pkg-config", "pkg-config")
    command = [pkg_config, "--cflags", "--libs", "fuse3"]
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=SECONDS).stdout.split()


def _require_fuse():
    if not Path("/dev/fuse").exists():
        pytest.skip("there is no /dev/fuse here")
    try:
        os.close(os.open("/dev/fuse", os.O_RDWR))
    except OSError as error:
        pytest.skip(f"/dev/fuse cannot be used here: {error.strerror}")
    debian.program("gcc", "gcc")
    debian.file("/usr/include/fuse3/fuse_lowlevel.h", "libfuse3-dev")
    debian.file("/usr/include/stdio.h", "libc6-dev")
    debian.program("fusermount3", "fuse3")


def _is_dead(path):
    """Whether the program behind a mount has ended without unmounting."""
    try:
        os.stat(path)
    except OSError as error:
        return error.errno == errno.ENOTCONN
    return False
