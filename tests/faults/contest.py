"""Many processes that want to take over the same locks at the same moment; a program of its own, whose memory is small.

    contest.py JUGDIR

Prints, for each lock in turn, by how many of them it was had.
"""

import faulthandler
import multiprocessing
import os
import signal
import sys
import time
import traceback
from pathlib import Path

from jug.backends.file_store import file_store

CONTENDERS, LOCKS = 100, 1000
_PATIENCE = 300  # seconds
_FORK = multiprocessing.get_context("fork")


def hold(jugdir, names, ready):
    """Take all locks, have nobody look after them, and wait for the end."""
    store = file_store(jugdir)
    for name in names:
        assert store.getlock(name).get()
    os.kill(store._dir.ownership._watchdog.pid, signal.SIGKILL)
    ready.set()
    signal.pause()


def contend(jugdir, names, start_now, all_have):
    said = (jugdir / f"said-{os.getpid()}").open("w")
    faulthandler.register(signal.SIGUSR1, said)
    try:
        store = file_store(jugdir)
        store.lease = 3600.0
        store._dir.owner_file()
        start_now.wait()
        for number, name in enumerate(names):
            if store.getlock(name).get():
                with open(jugdir / "winners", "a") as winners:
                    winners.write(f"{number}\n")
        all_have.wait()  # whoever ends gives back what he has
    except BaseException:
        traceback.print_exc(file=said)
        said.flush()
        start_now.abort()
        all_have.abort()
        raise
    os._exit(0)


def finish(contenders, jugdir):
    """Wait for all of them; if they wait for ever, say where."""
    end = time.monotonic() + _PATIENCE
    for contender in contenders:
        contender.join(max(0, end - time.monotonic()))
    for late in [contender for contender in contenders if contender.is_alive()]:
        os.kill(late.pid, signal.SIGUSR1)
        time.sleep(0.1)
        late.kill()
        late.join()
    said = {path.read_text() for path in jugdir.glob("said-*")} - {""}
    codes = {contender.exitcode for contender in contenders}
    if said or codes != {0}:
        sys.exit("\n".join([*said, f"exit codes: {codes}"]))


def main(jugdir):
    names = [b"%040x" % number for number in range(LOCKS)]
    ready = _FORK.Event()
    holder = _FORK.Process(target=hold, args=(jugdir, names, ready))
    holder.start()
    assert ready.wait(60)
    holder.kill()
    holder.join()
    start_now, all_have = _FORK.Barrier(CONTENDERS), _FORK.Barrier(CONTENDERS)
    contenders = [_FORK.Process(target=contend, args=(jugdir, names, start_now, all_have)) for _ in range(CONTENDERS)]
    for contender in contenders:
        contender.start()
    finish(contenders, jugdir)
    winners = list(map(int, (jugdir / "winners").read_text().split()))
    print(*(winners.count(number) for number in range(LOCKS)))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
