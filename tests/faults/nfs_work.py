"""A jugfile for workers on the clients of the NFS lab, and what they note down while they run."""

import itertools
from collections import Counter

from processes import write

_numbers = itertools.count(1)
_PLACES = {"v3": "/srv/export", "v4": "/srv/export", "seconds": "/srv/seconds"}

# The notes are on a disk of the host, not on NFS.
_NOTES = """
    import os
    import time

    HERE = os.getcwd()
    HOST = os.uname().nodename

    def note(what):
        with open(f"{HERE}/note-{HOST}-{os.getpid()}", "a") as log:
            log.write(f"{what}\\n")

    def wait_for(name):
        while not os.path.exists(f"{HERE}/{name}"):
            time.sleep(0.02)
"""


class Work:
    """A jugfile in a directory that is not on NFS, and a jugdir that is."""

    def __init__(self, lab, mount, jugfile=""):
        name = f"work{next(_numbers)}"
        self.lab = lab
        self.where = lab.shared / name
        self.jugdir = f"/mnt/{mount}/{name}"
        self.on_server = f"{_PLACES[mount]}/{name}"
        write(self.where, _NOTES, "notes.py")
        write(self.where, jugfile)

    # What is done

    def worker(self, client, *arguments):
        """Start a worker there."""
        often = ["--wait-cycle-time", "0.1", "--nr-wait-cycles", "2000"]
        return client.jug(self.where, "execute", "--jugdir", self.jugdir, *often, *arguments)

    def python(self, client, code):
        """Start a program there, which knows the store as `store`."""
        begin = f"""
from notes import note, wait_for
from jug.backends.file_store import FileSystem, file_store

jugdir = {self.jugdir!r}
store = file_store(jugdir)
"""
        return client.start_python(self.where, write(self.where, begin + code, f"program{next(_numbers)}.py"))

    def tell(self, what):
        """Let those go on who wait for this."""
        write(self.where, "", what)

    # What came of it

    def notes(self):
        """What was noted how often, as (text, host)."""
        return Counter((line, log.name.split("-")[1]) for log in self._logs() for line in log.read_text().splitlines())

    def wait_for_note(self, text, client):
        """Return when it was noted there."""
        self.lab.wait_until(
            lambda: self.notes()[text, client.name], lambda: f"no {text} on {client.name}: {self.notes()}"
        )

    def pid(self, client):
        """The process of the one worker there."""
        (pid,) = [log.name.split("-")[2] for log in self._logs() if log.name.split("-")[1] == client.name]
        return pid

    def left(self):
        """Locks and temporary files that are there, as the server sees them."""
        return self.lab.server.run(f"cd {self.on_server} && find locks tempfiles -type f").split()

    def results(self, client):
        """What all results are, as another process of this client sees them."""
        return ends(self.python(client, "print(sorted([store.load(name) for name in store.list()]))"))

    def _logs(self):
        return list(self.where.glob("note-*"))


def ends(job):
    """What a program says, which has to succeed."""
    end = job.wait()
    assert end.code == 0, end
    return end.out.strip()


def all_end_well(jobs):
    """The workers say, truthfully as is to be seen, that they are done."""
    for job in jobs:
        end = job.wait()
        assert end.code == 0, end
        assert end.last.startswith("jug: All tasks") and end.last.endswith("are finished."), end
