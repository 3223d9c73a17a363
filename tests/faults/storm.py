"""Workers that are killed again and again, and what must be true of the tasks that they ran."""

import random
import time
from collections import defaultdict
from itertools import pairwise

from processes import start, write

WORKERS, TASKS = 8, 2000
STORM, INTERVAL = 60.0, 0.5  # seconds

# Of a task, the beginning and the end are noted, with the process and the time by a clock that all processes share.
JUGFILE = f"""
    import os, time
    from jug import TaskGenerator

    log = os.open("log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)

    def note(what, x):
        os.write(log, f"{{what}} {{x}} {{os.getpid()}} {{time.monotonic()}}\\n".encode())

    @TaskGenerator
    def short(x):
        note("begin", x)
        time.sleep(0.1 + x % 7 / 25)
        note("end", x)
        return x

    @TaskGenerator
    def total(xs):
        return sum(xs)

    result = total([short(x) for x in range({TASKS})])
"""


class Storm:
    """Workers in the directory `where`, started with `options`, and what befalls them.

    Attributes
    ----------
    killed : dict
        When each process was killed that was.
    ended : list of Finished
        Those that came to an end by themselves.
    """

    def __init__(self, where, seed, *options):
        print("seed", seed)
        self.where = where
        self.dice = random.Random(seed)
        self.options = options
        self.killed = {}
        self.ended = []
        write(where, JUGFILE)
        self.workers = [self.new_worker() for _ in range(WORKERS)]

    def new_worker(self):
        return start(self.where, "execute", *self.options, "--wait-cycle-time", "0.5", "--short")

    def rage(self):
        """Kill a worker every so many seconds, until it is over or all is done."""
        began = time.monotonic()
        while (passed := time.monotonic() - began) < STORM and self.replace_those_that_ended():
            self.strike(passed)
            self.kill_one()
            time.sleep(INTERVAL)

    def strike(self, passed):
        """What else goes wrong, so many seconds after the beginning."""

    def replace_those_that_ended(self):
        """False if all is done."""
        for worker in [worker for worker in self.workers if worker.process.poll() is not None]:
            self.workers.remove(worker)
            self.ended.append(worker.wait())
            if self.ended[-1].code == 0:
                return False
            self.workers.append(self.new_worker())
        return True

    def kill_one(self):
        worker = self.workers.pop(self.dice.randrange(len(self.workers)))
        self.killed[worker.pid] = time.monotonic()
        worker.process.kill()
        worker.wait()
        self.workers.append(self.new_worker())

    def calm(self):
        """All workers to their end."""
        self.ended += [worker.wait() for worker in self.workers]
        print(len(self.killed), "workers were killed;", len(self.ended), "came to an end")
        assert len(self.killed) > 50

    def close(self):
        for worker in self.workers:
            worker.kill()

    def check_runs(self):
        """All tasks have run, and who began one was its only holder until he had died."""
        runs, ends = self._runs()
        assert sorted(runs) == list(range(TASKS))
        for task, began in runs.items():
            for (_, pid), (later, _) in pairwise(began):
                assert pid in self.killed, f"{task} was run twice, although nobody had died: {began}"
                assert self.killed[pid] <= later, f"{task} was run while its holder was alive: {began}"
            assert (task, began[-1][1]) in ends
        print(sum(len(began) - 1 for began in runs.values()), "tasks were begun again")

    def _runs(self):
        """By task, who began it when; and which tasks were run to their end by whom."""
        runs, ends = defaultdict(list), set()
        for line in (self.where / "log").read_text().splitlines():
            what, task, pid, moment = line.split()
            if what == "begin":
                runs[int(task)].append((float(moment), int(pid)))
            else:
                ends.add((int(task), int(pid)))
        return runs, ends
