"""After a power cut every result that was reported is there, nothing half-written is visible, and the work goes on."""

import random
import shutil

import pytest
from lab import mounted
from power import CHANGES, Disk
from processes import jug
from reporting import PATIENCE, Run, end, expected, left_over, parsed

from jug.backends.file_store import file_store

pytestmark = pytest.mark.faults

TASKS = 30
RUNS = 4
CUTS = 50  # of each run: 200 in all
GENERATIONS = 4


@pytest.fixture(scope="module")
def names(tmp_path_factory):
    """Of the results, by number."""
    run = Run(tmp_path_factory.mktemp("names"), TASKS)
    assert run.start().wait().code == 0
    return run.names()


def groups(seed):
    """What has workers store results together, in half of the runs."""
    return {"GROUPS": "yes"} if seed % 2 else {}


def work(run, chance, **environment):
    """Three workers, of which one is killed in the middle and replaced; they do everything."""
    workers = [run.start(**environment) for _ in range(3)]
    wait_for_reports(run, chance.randrange(1, TASKS - 5), workers)
    end(workers.pop(chance.randrange(3)))
    workers.append(run.start(**environment))
    for worker in workers:
        done = worker.wait()
        assert done.code == 0, done
    run.assert_all_is_well()


def wait_for_reports(run, number, workers):
    """Returns when so many results are reported, or there is no more to do."""
    while len(run.said()[1]) < number and any(worker.process.poll() is None for worker in workers):
        pass


def cut_at(disk, chance, where):
    """What is there when the power is lost now; returns the directory, and the numbers of the reported tasks."""
    reports = disk.files("reports")
    disk.cut(chance, where)
    shutil.rmtree(where / "reports", ignore_errors=True)
    return where / "jugdir", parsed(data.decode() for name, data in reports.items() if name.isdecimal())[1]


def check_what_is_there(jugdir, names, reported):
    store = file_store(jugdir)
    there = set(store.list())
    assert {names[n] for n in reported} <= there, "a result that was reported is gone"
    values = dict(zip(names, expected(TASKS), strict=True))
    assert {name: store.load(name) for name in there} == {name: values[name] for name in there}
    return there


def check_that_the_work_goes_on(where, names, there):
    """A worker computes what is missing, and cleans up."""
    rest = Run(where, TASKS)
    done = jug(where, "execute", "--jugdir", rest.jugdir, *PATIENCE, REPORTS=str(rest.reports))
    assert done.code == 0, done
    ran, stored = rest.said()
    missing = {n for n, name in enumerate(names) if name not in there}
    assert (set(ran), stored) == (missing, missing)
    rest.assert_all_is_well()


@pytest.mark.parametrize("seed", range(RUNS))
def test_the_power_is_cut_at_any_moment(tmp_path, names, seed):
    chance = random.Random(seed)
    (tmp_path / "backing").mkdir()
    disk = Disk(tmp_path / "backing")
    with mounted(tmp_path) as mount:
        run = Run(tmp_path, TASKS, mount)
        work(run, chance, **groups(seed))
        calls = mount.calls_so_far()
    changes = [at for at, call in enumerate(calls) if call.done and call.op in CHANGES]
    moments = sorted(chance.sample(changes, CUTS))
    for at, call in enumerate(calls):
        disk.do(call)
        if at not in moments:
            continue
        print(f"seed {seed}, after call {at} of {len(calls)}: {call}")
        where = tmp_path / f"cut-{at}"
        jugdir, reported = cut_at(disk, chance, where)
        there = check_what_is_there(jugdir, names, reported)
        check_that_the_work_goes_on(where, names, there)


@pytest.mark.parametrize("seed", range(4))
def test_the_power_is_cut_again_and_again(tmp_path, names, seed):
    chance = random.Random(100 + seed)
    print(f"seed {seed}")
    reported = set()
    where = tmp_path / "0"
    (where / "backing").mkdir(parents=True)
    for generation in range(GENERATIONS):
        disk = Disk(where / "backing")
        with mounted(where) as mount:
            run = Run(where, TASKS, mount)
            workers = [run.start(**groups(seed)) for _ in range(2)]
            wait_for_reports(run, chance.randrange(10), workers)
            for worker in workers:
                end(worker)
            calls = mount.calls_so_far()
        for call in calls:
            disk.do(call)
        where = tmp_path / str(generation + 1)
        where.mkdir()
        jugdir, now_reported = cut_at(disk, chance, where / "backing")
        reported |= now_reported
        there = check_what_is_there(jugdir, names, reported)
    (where / "backing" / "jugdir").rename(where / "jugdir")
    check_that_the_work_goes_on(where, names, there)
    assert left_over(where / "jugdir") == []
