"""A worker that is killed at a place that it was told of, after it has come there so many times.

``python crashing.py PLACE TIMES ARGUMENTS OF JUG...``; with ``WITH_WATCHDOG`` in the environment, its watchdog is
killed as well, so that it leaves more behind.
"""

import os
import signal
import sys

from jug.backends import file_store as stores
from jug.backends.file.locks import workers
from jug.backends.file.owner import session, takeover
from jug.backends.file.owner.owner_file import OwnerFile
from jug.backends.file.pack.packer import SmallFiles
from jug.backends.file.prefetch.lock_prefetch import LockPrefetch
from jug.backends.file.segments import compaction
from jug.backends.system.atomic import atomic_file
from jug.engine.run.peers import Peers
from jug.jug import main
from jug.task import Task

PLACES = {
    "after claim": (Peers, "claim", "after"),
    "with locks ahead": (LockPrefetch, "extend", "after"),
    "during the run": (Task, "run", "before"),
    "during the write": (atomic_file, "write", "after"),
    "between publish and release": (stores.file_store, "dump_locked", "after"),
    "while results wait": (stores.file_store, "dump_soon", "after"),
    "between a group and its release": (compaction.Compaction, "write", "after"),
    "while groups are merged": (compaction.Compaction, "_records", "after"),
    "before a takeover": (OwnerFile, "replace", "before"),
    "after a takeover": (OwnerFile, "replace", "after"),
    "before the turn ends": (takeover, "is_still", "after"),
    "while it cleans up": (takeover, "take_away", "after"),
    "while it packs": (SmallFiles, "retire", "before"),
    "when the pack is made": (SmallFiles, "retire", "after"),
}


def die():
    if os.environ.get("WITH_WATCHDOG"):
        for own in list(session._holding):
            os.kill(own._watchdog.pid, signal.SIGKILL)
    os.kill(os.getpid(), signal.SIGKILL)


def die_at(place, times):
    compaction.MANY = 2
    if "takeover" in place:
        workers.sweep = lambda jugdir: 0  # otherwise there is rarely something left to be taken over
    kind, name, when = PLACES[place]
    plain = getattr(kind, name)
    left = [times]

    def step(*args, **kwargs):
        value = None if when == "before" else plain(*args, **kwargs)
        left[0] -= 1
        if left[0] <= 0 and value is not False:
            die()
        return plain(*args, **kwargs) if when == "before" else value

    setattr(kind, name, step)


if __name__ == "__main__":
    if sys.argv[1] != "nowhere":
        die_at(sys.argv[1], int(sys.argv[2]))
    main(["jug", *sys.argv[3:]])
