"""A disk that is full, or a quota that is used up: workers wait, say so, and go on when there is room."""

import os
import re
import select
from pathlib import Path

import pytest
from lab import mounted, small
from processes import jug, write
from reporting import Run

pytestmark = pytest.mark.faults

TASKS = 20


def fill(path):
    """Take all room that is left, to the last byte."""
    with open(path, "wb", buffering=0) as file:
        for size in (1 << 16, 1 << 10, 1):
            with pytest.raises(OSError, match="No space left"):
                keep_writing(file, size)
        os.fsync(file.fileno())


def keep_writing(file, size):
    while True:
        file.write(bytes(size))


def first_word_of_waiting(workers):
    """Returns when each worker has said that it waits for room, with what it said."""
    return [first_line_with("waiting for room", worker) for worker in workers]


def first_of_them_to_wait(workers):
    """Returns when one of the workers has said that it waits for room; the others may wait for its tasks."""
    said = {worker.process.stderr: "" for worker in workers}
    while not any("waiting for room" in text for text in said.values()):
        for stream in select.select(list(said), [], [])[0]:
            line = stream.readline()
            assert line, f"it has ended:\n{said[stream]}"
            said[stream] += line


def first_line_with(words, worker):
    said = ""
    for line in worker.process.stderr:
        said += line
        if words in line:
            return line
    raise AssertionError(f"it has ended:\n{said}")


def check(run, workers):
    for worker in workers:
        done = worker.wait()
        assert done.code == 0 and done.last == "jug: All tasks are finished.", done
    ran, stored = run.said()
    assert ran == dict.fromkeys(range(TASKS), 1)
    assert stored == set(range(TASKS))
    run.assert_all_is_well()


@pytest.mark.parametrize("kind", ["tmpfs", "ext4"])
def test_a_disk_is_full(tmp_path, kind):
    with small(tmp_path, kind) as path:
        run = Run(tmp_path, TASKS)
        run.jugdir = path / "jugdir"
        ballast = path / "ballast"
        fill(ballast)
        workers = [run.start() for _ in range(2)]
        for said in first_word_of_waiting(workers):
            assert "No space left on device" in said and str(path) in said
        ballast.unlink()
        check(run, workers)


def test_the_disk_is_full_while_they_work(tmp_path):
    with small(tmp_path, "tmpfs") as path:
        run = Run(tmp_path, TASKS)
        run.jugdir = path / "jugdir"
        (path / "ballast").write_bytes(bytes((2 << 20) - 120_000))  # not all of the larger results fit
        workers = [run.start() for _ in range(2)]
        first_of_them_to_wait(workers)
        assert len(run.said()[1]) > 0
        (path / "ballast").unlink()
        check(run, workers)


@pytest.mark.parametrize("error", ["EDQUOT", "ENOSPC"])
def test_a_quota_is_used_up(tmp_path, error):
    with mounted(tmp_path) as mount:
        run = Run(tmp_path, TASKS, mount)
        mount.fail("create,write,link,mkdir,rename", error, path="/jugdir", at=60)
        workers = [run.start() for _ in range(2)]
        first_word_of_waiting(workers)
        assert mount.heal() > 0
        check(run, workers)


def test_who_looks_at_a_full_disk_is_not_stopped(tmp_path):
    with small(tmp_path, "tmpfs") as path:
        run = Run(tmp_path, TASKS)
        run.jugdir = path / "jugdir"
        check(run, [run.start()])
        fill(path / "ballast")
        check(run, [run.start()])
        assert Path(path, "ballast").exists()


LARGE = """
    import os
    from jug import TaskGenerator

    @TaskGenerator
    def large(size):
        return os.urandom(size)

    sizes = [large(100), large(3_000_000), large(200)]
"""


def test_what_has_no_room_for_too_long_fails_with_its_size_and_costs_nothing_else(tmp_path):
    with small(tmp_path, "tmpfs") as path:
        write(tmp_path, LARGE)
        options = ("execute", "--jugdir", path / "jugdir", "--store-timeout", "0.5", "--keep-going")
        done = jug(tmp_path, *options)
        assert done.code == 1, done
        assert "waiting for room for 0.5 s" in done.err
        size = int(re.search(r"what was to be stored is lost \((\d+) bytes\)", done.err)[1])
        assert 3_000_000 < size < 3_100_000
        assert jug(tmp_path, "status", "--jugdir", path / "jugdir").table()["Total:"]["Finished"] == 2
        assert os.listdir(path / "jugdir" / "locks") == os.listdir(path / "jugdir" / "tempfiles") == []
        assert jug(tmp_path, *options).code == 1  # still
