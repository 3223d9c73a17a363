"""``python floor.py DIRECTORY N``: the least that a worker does for N tasks whose results are to survive a crash.

For each, a lock that only one can take (a hard link), a result of 60 bytes at the end of a file, and the lock is
removed; every 30 ms, the file and its directory are synced. No tasks, no hashes, no questions to the disk.
"""

import os
import sys
import time

INTERVAL = 0.03
RESULT = b"r" * 60


def main(directory: str, tasks: int) -> None:
    locks = os.path.join(directory, "locks")
    os.makedirs(locks)
    own = os.path.join(directory, "worker")
    os.close(os.open(own, os.O_WRONLY | os.O_CREAT))
    results = os.open(os.path.join(directory, "results"), os.O_WRONLY | os.O_CREAT | os.O_APPEND)
    place = os.open(directory, os.O_RDONLY)
    synced = time.monotonic()
    for number in range(tasks):
        lock = f"{locks}/{number}"
        os.link(own, lock)
        os.write(results, RESULT)
        os.unlink(lock)
        if time.monotonic() - synced >= INTERVAL:
            os.fsync(results)
            os.fsync(place)
            synced = time.monotonic()
    os.fsync(results)
    os.fsync(place)


main(sys.argv[1], int(sys.argv[2]))
