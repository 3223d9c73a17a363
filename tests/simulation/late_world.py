"""Workers that are stopped in the middle of what they do, and go on when others have taken over, run and removed.

No two runs of a task have the same value, so that it shows whose it is, and what it was computed from.
"""

import re

from schedule import ROOT
from small_world import NAMES, SmallWorld

from jug.backends.encode import decode
from jug.backends.file.pack.pack_format import parts_of, read_pack
from jug.backends.file.segments.segment_format import scanned
from jug.backends.result_bytes.result_file import read_content

NEEDS = {2: (0, 1), 3: (0,), 4: (2, 3)}
CHANGES = ("rename", "link", "unlink")
FOR_LONG = 5000.0  # seconds; longer than any lease


class LateWorld(SmallWorld):
    """Sees to it that a task has one result: what could be read once stays, until somebody removes it."""

    def __init__(self, seed, kind, trace=None):
        super().__init__(seed, kind, trace)
        self.number = self.chance.choice((3, 5, 8))
        self.runs_by = {}  # which process ran it, by number of the run
        self.values = {}  # what can be read now, by task
        self.void = set()  # runs whose claim is not there any more
        self.is_removing = False
        self.is_whole = True  # nobody has in memory what was removed

    # What a task is

    def compute(self, x, needs):
        process, run = self.current, len(self.runs_by)
        self.runs_by[run] = process
        process.step("compute")
        return f"{x}#{run}({' '.join(needs)})"

    # What everybody can read

    def answer(self, process, call, args):
        try:
            return super().answer(process, call, args)
        finally:
            if call in CHANGES and not args[-1].startswith((f"{ROOT}/locks", f"{ROOT}/tempfiles/s")):
                self.look(process, call, args)

    def watch(self, process, call, path):
        """Two at once may have been at work, here; whether that does harm is seen by what comes of it."""

    def look(self, process, call, args):
        if self.wrong:
            return
        for x, found in self.readable().items():
            before = self.values.get(x)
            if len(found) > 1 or (before and found and found != {before}):
                self.wrong.append(("two results", x, before, found, process.pid, call, args))
            if before and not found and not self.is_removing:
                self.wrong.append(("gone", x, before, process.pid, call, args))
            if any(run_of(value) in self.void for value in found):
                self.wrong.append(("too late", x, before, found, process.pid, call, args))
            self.values[x] = next(iter(found), None)

    def readable(self):
        """By task, all values that there are, wherever they are."""
        found = {x: set() for x in range(self.number)}
        for x in found:
            text = NAMES[x].decode()
            for path in (f"{ROOT}/{text[:2]}/{text[2:]}", f"{ROOT}/tempfiles/p-{text}"):
                if self.exists(path):
                    found[x].add(read_content(self.disk._walk(path).data, None))
        for name in self.disk.listdir(f"{ROOT}/packs") if self.exists(f"{ROOT}/packs") else ():
            data = self.disk._walk(f"{ROOT}/packs/{name}").data
            if name == "jugpack":
                for key, entry in read_pack(data).items():
                    found[NAMES.index(key)].add(decode(parts_of(key, entry).body, exact=True))
            else:
                for key, at, size in scanned(data):
                    found[NAMES.index(key)].add(read_content(data[at : at + size], None))
        return found

    # Who does what

    def advance(self, process, calls):
        """Let it alone make so many calls; False if it has ended before."""
        while process.calls < calls and not process.done:
            for each in filter(None, (process, process.watchdog)):  # it may wait for that
                self.current = each
                self.disk.clock_ns = max(self.disk.clock_ns, each.wakes if each is process else 0)
                if each.wakes <= self.disk.clock_ns:
                    each.go(max(1, calls - process.calls))
        return not process.done

    def stop(self, *processes):
        """As when their machine sleeps: they, and their watchdogs, do nothing until :meth:`wake`."""
        for process in processes:
            self.freeze(process, FOR_LONG * 1000)

    def wake(self, *processes):
        for process in processes:
            for each in filter(None, (process, process.watchdog)):
                each.is_stopped, each.wakes = False, 0

    def finish(self, *processes):
        """Let these go on until they have ended, with their watchdogs and in turns; nobody else moves."""
        for _ in range(20_000):
            left = [each for one in processes for each in (one, one.watchdog) if each is not None and not each.done]
            if all(process.done for process in processes):
                return
            awake = [process for process in left if process.wakes <= self.disk.clock_ns]
            if not awake:
                self.disk.clock_ns = min(process.wakes for process in left)
                continue
            self.current = self.chance.choice(awake)
            self.current.is_stopped = False
            self.current.go(1 + int(self.chance.expovariate(1 / 5)))
        raise AssertionError("somebody is stuck")

    def worker(self):
        return self.launch(self.work, self.machines[0] if self.machines else self.machine())

    def command(self, what):
        """Another process of the same machine, which does `what` to the store from beginning to end."""
        self.finish(self.launch(what, self.machines[0]))

    def invalidate(self):
        self.is_removing = True
        self.command(lambda store: (store.remove_many(NAMES[: self.number]), store.close()))
        self.is_removing = False

    def pack(self):
        self.command(lambda store: (store.pack(), store.close()))

    def nothing_more_of(self, *processes):
        """What these have run so far, and nobody can read, nobody ever reads."""
        there = {run_of(value) for value in self.values.values() if value}
        self.void |= {run for run, process in self.runs_by.items() if process in processes} - there

    def check(self, once=False):
        for process in self.processes:
            if process.error is not None:
                raise process.error
        assert self.errors == []
        assert self.wrong == [], self.wrong
        self.check_results(range(self.number))

    def check_results(self, needed):
        """All are there, each computed from those that are there; and every way to read them says the same."""
        found = {x: self.store().load(NAMES[x]) for x in needed}
        assert found == {x: self.values[x] for x in needed}
        assert found == {NAMES.index(name): value for name, value in self.store().load_many([NAMES[x] for x in needed])}
        for x, value in found.items() if self.is_whole else ():
            inputs = " ".join(found[y] for y in NEEDS.get(x, ()))
            assert re.sub(r"#\d+", "", value, count=1) == f"{x}({inputs})", (value, found)


def run_of(value):
    """The number of the run that made it."""
    return int(re.match(r"\d+#(\d+)", value)[1])
