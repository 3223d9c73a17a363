"""What is shown of tasks, jugfile and store as they change; time is the test's."""

import json
from itertools import pairwise

import pytest

import jug.task
from jug import Task
from jug.backends.dict_store import dict_store
from jug.backends.listing import Listing
from jug.barrier import BarrierError
from jug.engine.graph import Graph
from jug.errors import StoreError
from jug.web.board import Board
from jug.web.monitor import JugfileProblem, Monitor, Reading, stamp_of


def work(*args):
    return 1


def later(*args):
    return 1


class Scene:
    """A monitor with its board, in a world where time passes only when the test says so."""

    def __init__(self, path, tasks, store, barrier=None):
        self.path = path
        path.write_text("")
        self.store = store
        self.now = 1000.0
        self.takes = 0.0  # seconds per look
        self.readings = 0
        self.next = None
        self.board = Board(self.clock)
        facts = {"jugfile": str(path), "jug": "3"}
        self.monitor = Monitor(self.reading(tasks, barrier), self.read, facts, 2.0, self.clock, lambda: 5.0)

    def clock(self):
        return self.now

    def reading(self, tasks, barrier=None):
        return Reading(Graph(tasks), barrier, self.store, stamp_of(self.path))

    def read(self):
        self.readings += 1
        if isinstance(self.next, Exception):
            raise self.next
        return self.next

    def look(self, after=0.0):
        self.now += after
        self.monitor.look(self.board)
        return self.board.snapshot.content


@pytest.fixture
def path(tmp_path):
    return tmp_path / "jugfile.py"


def finish(store, *tasks):
    for task in tasks:
        store.dump(1, task.hash())


def test_totals_and_names(path, store):
    tasks = [Task(work, i) for i in range(3)]
    tasks.append(Task(later, list(tasks)))
    finish(store, tasks[0])
    store.getlock(tasks[1].hash()).get()
    told = Scene(path, tasks, store).look()
    assert told["totals"] == {
        "tasks": 4,
        "waiting": 1,
        "ready": 1,
        "running": 1,
        "claimed": 0,
        "abandoned": 0,
        "failed": 0,
        "finished": 1,
    }
    assert [(row["name"], row["tasks"], row["finished"]) for row in told["names"]] == [
        (tasks[0].name, 3, 1),
        (tasks[3].name, 1, 0),
    ]
    assert (told["is_complete"], told["barrier"], told["jug"]) == (False, None, "3")


def test_no_tasks_are_complete(path, store):
    told = Scene(path, [], store).look()
    assert (told["totals"]["tasks"], told["names"], told["is_complete"]) == (0, [], True)


def test_a_moment_in_which_nothing_has_changed_has_the_same_etag(path, store):
    task = Task(work, 1)
    scene = Scene(path, [task], store)
    scene.look()
    first = scene.board.snapshot
    scene.look(after=50)
    second = scene.board.snapshot
    assert first.etag == second.etag
    assert [json.loads(one.body)["looks"] for one in (first, second)] == [1, 2]
    finish(store, task)
    scene.look(after=1)
    assert scene.board.snapshot.etag != first.etag


def test_rate_and_time_left_while_somebody_works(path, store):
    tasks = [Task(work, i) for i in range(100)]
    scene = Scene(path, tasks, store)
    told = scene.look()
    assert (told["rate"], told["seconds_left"]) == (None, None)
    finish(store, *tasks[:20])
    told = scene.look(after=10)
    assert told["rate"] == {"finished": 20, "seconds": 10.0, "per_second": 2.0}
    assert told["seconds_left"] == 40.0
    told = scene.look(after=100)  # nobody works any more
    assert (told["rate"], told["seconds_left"]) == (None, None)
    store.getlock(tasks[50].hash()).get()
    assert scene.look(after=1)["seconds_left"] > 300


def test_results_that_are_removed_make_no_negative_rate(path, store):
    tasks = [Task(work, i) for i in range(10)]
    finish(store, *tasks)
    scene = Scene(path, tasks, store)
    scene.next = scene.reading(tasks)
    scene.look()
    store.remove_many([task.hash() for task in tasks])
    store.getlock(tasks[0].hash()).get()
    told = scene.look(after=10)
    assert (told["rate"], told["totals"]["finished"]) == (None, 0)


def test_failed_tasks_are_not_left_to_do(path, store):
    tasks = [Task(work, i) for i in range(10)]
    scene = Scene(path, tasks, store)
    scene.look()
    store.record_failure(tasks[9].hash(), {"error": "ValueError: x", "time": 1.0})
    finish(store, *tasks[:5])
    told = scene.look(after=5)
    assert (told["totals"]["failed"], told["seconds_left"]) == (1, 4.0)
    assert told["failures"]["list"][0]["error"] == "ValueError: x"


def test_what_waits_for_failed_tasks_is_told_and_not_left_to_do(path, store):
    bad, *good = (Task(work, i) for i in range(5))
    scene = Scene(path, [bad, *good, Task(later, bad)], store)
    scene.look()
    store.record_failure(bad.hash(), {})
    finish(store, *good[:3])
    told = scene.look(after=6)
    assert (told["blocked"], told["totals"]["waiting"], told["seconds_left"]) == (1, 1, 2.0)
    finish(store, good[3])
    told = scene.look(after=6)
    assert (told["blocked"], told["rate"] is None, told["seconds_left"]) == (1, False, None)


def test_a_look_that_takes_long_makes_the_next_one_wait(path, store):
    scene = Scene(path, [Task(work, 1)], store)

    class SlowListing(Listing):
        def refresh(self):
            scene.now += 1.5
            return super().refresh()

    scene.monitor._status._listing = SlowListing(store.list)
    scene.look()
    scene.now += 29.9
    assert scene.board.ask().done()
    scene.now += 0.2
    assert not scene.board.ask().done()


def test_the_jugfile_is_read_again_when_its_barrier_opens(path, store):
    tasks = [Task(work, i) for i in range(2)]
    scene = Scene(path, tasks, store, BarrierError("work has no result yet"))
    told = scene.look()
    sentence = "The jugfile stops at a barrier until 2 tasks are finished: there may be more tasks after it."
    assert told["barrier"] == {"missing": 2, "sentence": sentence}
    finish(store, tasks[0])
    told = scene.look(after=3)
    assert told["barrier"]["missing"] == 1 and "until 1 task is finished" in told["barrier"]["sentence"]
    assert (scene.readings, told["is_complete"]) == (0, False)
    scene.next = scene.reading([*tasks, Task(later, 1)])
    finish(store, tasks[1])
    told = scene.look(after=3)
    assert (scene.readings, told["barrier"], told["totals"]["tasks"], told["totals"]["finished"]) == (1, None, 3, 2)
    assert not told["is_read_again"]


def test_a_barrier_for_some_results_opens_when_these_are_there(path, store):
    listed, unlisted = Task(work, 1), Task(work, 2)
    needs = frozenset([listed.hash(), unlisted.hash()])
    scene = Scene(path, [listed, Task(work, 3)], store, BarrierError("", needs))
    scene.next = scene.reading([listed])
    finish(store, listed)
    scene.look()
    assert scene.readings == 0
    finish(store, unlisted)
    scene.look(after=3)
    assert scene.readings == 1


def test_what_was_finished_before_the_barrier_opened_does_not_count_as_progress(path, store):
    first, old, new = Task(work, 1), Task(later, 1), [Task(later, i) for i in range(2, 6)]
    finish(store, old)
    scene = Scene(path, [first], store, BarrierError())
    scene.look()
    scene.next = scene.reading([first, old, *new])
    finish(store, first)
    scene.look(after=10)
    finish(store, new[0])
    assert scene.look(after=10)["rate"] == {"finished": 2, "seconds": 20.0, "per_second": 0.1}


def test_while_the_jugfile_is_read_that_is_told(path, store):
    task = Task(work, 1)
    scene = Scene(path, [task], store, BarrierError())
    scene.look()
    finish(store, task)
    seen = []
    scene.monitor._read = lambda: seen.append(scene.board.snapshot.content["is_read_again"]) or scene.reading([task])
    scene.look(after=600)
    assert seen == [True]


def test_an_error_of_the_jugfile_is_shown_with_what_was_known_before_and_tried_again_ever_later(path, store):
    task = Task(work, 1)
    scene = Scene(path, [task], store, BarrierError())
    scene.next = JugfileProblem("The jugfile raised ValueError", "Traceback ...")
    finish(store, task)
    told = scene.look()
    assert told["jugfile_error"] == {"sentence": "The jugfile raised ValueError", "report": "Traceback ..."}
    assert told["totals"]["finished"] == 1
    tries = []
    for second in range(1, 2000):
        scene.look(after=1)
        if scene.readings > len(tries) + 1:
            tries.append(second)
    pauses = [b - a for a, b in pairwise(tries)]
    assert pauses == sorted(pauses) and pauses[-1] == 300
    scene.next = scene.reading([task])
    assert scene.look(after=400)["jugfile_error"] is None


def test_a_jugfile_that_was_edited_is_read_again_at_once(path, store):
    scene = Scene(path, [Task(work, 1)], store)
    scene.look()
    path.write_text("# edited\n")
    scene.next = JugfileProblem("not Python")
    assert scene.look(after=0.1)["jugfile_error"]["sentence"] == "not Python"
    scene.look(after=600)
    assert scene.readings == 1  # not again, as long as it is the same
    path.write_text("# mended now\n")
    scene.next = scene.reading([Task(work, i) for i in range(5)])
    assert scene.look(after=0.1)["totals"]["tasks"] == 5


def test_a_jugfile_that_is_gone_is_no_reason_to_end(path, store):
    scene = Scene(path, [Task(work, 1)], store)
    scene.look()
    path.unlink()
    scene.next = JugfileProblem("cannot be read")
    assert scene.look(after=3)["jugfile_error"]["sentence"] == "cannot be read"


def test_after_results_have_vanished_the_jugfile_is_read_again(path, store):
    tasks = [Task(work, i) for i in range(2)]
    finish(store, *tasks)
    scene = Scene(path, tasks, store)
    scene.look()
    scene.next = scene.reading(tasks[:1], BarrierError())
    store.remove(tasks[0].hash())
    told = scene.look(after=3)
    assert (scene.readings, told["totals"]["tasks"], told["is_complete"]) == (1, 1, False)
    scene.look(after=600)
    assert scene.readings == 1


def test_a_store_that_cannot_be_asked_is_told_and_asked_again(path):
    class Unsteady(dict_store):
        is_gone = False

        def lock_details(self):
            if self.is_gone:
                raise StoreError("the directory 'x' cannot be listed")
            return super().lock_details()

    store = jug.task.Task.store = Unsteady()
    task = Task(work, 1)
    scene = Scene(path, [task], store)
    scene.look()
    store.is_gone = True
    told = scene.look(after=3)
    assert told["store_error"] == {"sentence": "The directory 'x' cannot be listed"}
    assert told["totals"]["ready"] == 1
    store.is_gone = False
    finish(store, task)
    told = scene.look(after=3)
    assert (told["store_error"], told["totals"]["finished"]) == (None, 1)


def test_a_store_that_cannot_be_asked_at_first_is_an_error(path):
    class Gone(dict_store):
        def failures(self):
            raise StoreError("gone")

    jug.task.Task.store = Gone()
    with pytest.raises(StoreError):
        Scene(path, [Task(work, 1)], jug.task.Task.store).look()


def test_the_text_is_the_table_of_jug_status(path, store):
    task = Task(work, 1)
    scene = Scene(path, [task], store, BarrierError())
    scene.look()
    lines = scene.board.snapshot.text.decode().splitlines()
    assert lines[0].split() == ["Task", "name", "Waiting", "Ready", "Finished", "Running"]
    assert lines[1].split() == [task.name, "0", "1", "0", "0"]
    assert lines[3].startswith("The jugfile stops at a barrier until 1 task")
    store.record_failure(task.hash(), {})
    scene.look(after=3)
    assert scene.board.snapshot.text.decode().split()[2] == "Failed"
