"""Two NFS clients and their server: three machines in a Linux kernel that runs as an ordinary process.

That kernel is Debian's user-mode-linux. It sees the files of the host, so that jug runs from this checkout, and can
write to one directory only. A machine of the lab has a host name, network, processes and mounts of its own.
"""

import atexit
import itertools
import os
import shlex
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

from debian import program
from processes import ROOT, Finished

SCRIPTS = Path(__file__).resolve().parent / "nfs"
#: The mounts of a client, with default options (but without lockd, which nothing here needs). What is on `seconds` has
#: time stamps of whole seconds, so that all that a client with NFSv3 can miss because of them is missed soon.
MOUNTS = {
    "v3": "10.9.{}.1:/srv/export /mnt/v3 -o vers=3,nolock",
    "v4": "10.9.{}.1:/ /mnt/v4 -o vers=4.2",
    "seconds": "10.9.{}.1:/srv/seconds /mnt/seconds -o vers=3,nolock",
}
#: Both are needed, and all else that the scripts call comes with them.
COMMANDS = {"linux.uml": "user-mode-linux", "mount.nfs": "nfs-common", "rpc.nfsd": "nfs-kernel-server"}
MORE = ["uml-utilities", "rpcbind", "iproute2", "kmod", "e2fsprogs"]
SECONDS = 240  # nothing takes so long; what does hangs


_numbers = itertools.count(1)


class Lab:
    """The three machines; they do not outlive the tests."""

    def __init__(self):
        for command, package in COMMANDS.items():
            program(command, package, *(COMMANDS.values()), *MORE)
        self.directory = Path(tempfile.mkdtemp(prefix="jug-nfs-"))
        self.shared = self.directory / "shared"
        self.shared.mkdir()
        self.consoles = [os.pipe() for _ in range(3)]
        self.kernel = None
        atexit.register(self.close)
        self._boot()
        names = ("server", "client1", "client2")
        self.server, *self.clients = [
            Machine(self, name, console) for name, (_, console) in zip(names, self.consoles, strict=True)
        ]
        for i, client in enumerate(self.clients, 1):
            for mount in MOUNTS.values():
                client.run("mount.nfs " + mount.format(i))

    def wait_until(self, is_so, what):
        """Return when `is_so()`; fail if it takes too long, or if the kernel ends."""
        end = time.monotonic() + SECONDS
        while not is_so():
            assert self.kernel.poll() is None, f"the kernel has ended:\n{self.log()}"
            assert time.monotonic() < end, f"{what()}\n{self.log()}"
            time.sleep(0.02)

    def _boot(self):
        disks = [self._disk("export"), self._disk("seconds", "-I", "128")]
        lines = [f"con{i}=fd:{console[0]},{'null' if i else 'fd:1'}" for i, console in enumerate(self.consoles)]
        with open(self.directory / "kernel.out", "wb") as out:
            self.kernel = subprocess.Popen(
                ["linux.uml", "mem=512M", "root=/dev/root", "rootfstype=hostfs", "rootflags=/", "ro"]
                + [f"ubd{i}={disk}" for i, disk in enumerate(disks)]
                + [f"SHARED={self.shared}", f"uml_dir={self.directory}"]
                + ["con=null", *lines, "quiet", "init=/bin/bash", "--", f"{SCRIPTS}/init.sh"],
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                pass_fds=[console[0] for console in self.consoles],
                start_new_session=True,
            )

    def _disk(self, name, *options):
        """An empty ext4; the time stamps of NFSv3 are those of the server's disk."""
        disk = self.directory / name
        with open(disk, "wb") as file:
            file.truncate(1 << 28)
        subprocess.run(["mkfs.ext4", "-q", "-F", *options, disk], capture_output=True, check=True)
        return disk

    def log(self):
        """What the kernel and its first process said."""
        return (self.directory / "kernel.out").read_text("utf-8", "replace")

    def close(self):
        """End the kernel, and all in it, at once: nothing of it is worth saving."""
        atexit.unregister(self.close)
        if self.kernel is not None:
            os.killpg(self.kernel.pid, signal.SIGKILL)
            self.kernel.wait()
            self.kernel = None
        for line in sum(self.consoles, ()):
            os.close(line)
        self.consoles = []
        shutil.rmtree(self.directory, ignore_errors=True)


@cache
def shared_lab():
    """The lab of this process of tests; no two tests use the same directories of it."""
    return Lab()


class Machine:
    """One of the three, on which shell scripts can be run."""

    def __init__(self, lab, name, console):
        self.lab = lab
        self.name = name
        self._console = console
        lab.wait_until((lab.shared / f"{name}.ready").exists, lambda: f"no {name}")

    def start(self, script, name=None):
        """Start a script, as root in a directory that is empty."""
        name = f"{self.name}-{next(_numbers)}"
        (self.lab.shared / name).write_text(script)
        os.write(self._console, f"{name}\n".encode())
        return Job(self.lab, name)

    def run(self, script):
        """What a script says, which has to succeed."""
        done = self.start(script).wait()
        assert done.code == 0, f"{self.name}: {script}\n{done}"
        return done.out

    def jug(self, where, *arguments):
        """Start ``jug`` of this checkout with these arguments, in the directory `where`."""
        return self.start_python(where, "-m", "jug", *arguments)

    def kill_all(self):
        """Kill all processes of Python there, at once: while one is killed, no other does anything."""
        self.run(
            """
            for signal in STOP KILL; do
                for process in /proc/[0-9]*; do
                    case $(readlink $process/exe) in *python*) kill -$signal ${process#/proc/};; esac
                done
            done
            """
        )

    def start_python(self, where, *arguments):
        """Start Python, which knows jug of this checkout, with these arguments, in the directory `where`."""
        words = ["env", f"PYTHONPATH={ROOT}", "LANG=C.UTF-8", sys.executable, *map(str, arguments)]
        return self.start(f"cd {shlex.quote(str(where))} && exec {shlex.join(words)}\n")


class Job:
    """A script that has been started on a machine of the lab."""

    def __init__(self, lab, name):
        self.lab = lab
        self.path = lab.shared / name

    def wait(self):
        """Its end."""
        self.lab.wait_until(self._with(".status").exists, lambda: f"hangs: {self.path.read_text()}\n{self._said(None)}")
        return self._said(int(self._with(".status").read_text()))

    def err(self):
        """What it has written to its error stream so far."""
        return self._said(None).err

    def _said(self, code):
        return Finished(code, *(self._with(stream).read_text("utf-8", "replace") for stream in (".out", ".err")))

    def _with(self, ending):
        return self.path.with_name(self.path.name + ending)
