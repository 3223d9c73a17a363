"""A view that asks once."""

import pytest

from jug import Task
from jug.backends import memoize_store
from jug.backends.dict_store import dict_store
from jug.engine.graph import Graph
from jug.engine.views.status import Status


@pytest.fixture
def base(names):
    base = dict_store()
    base.dump(1, names[0])
    base.getlock(names[1]).get()
    failed = base.getlock(names[2])
    failed.get()
    failed.fail()
    base.counts.clear()
    return base


@pytest.fixture(params=[False, True], ids=["one at a time", "listed"])
def view(request, base):
    return memoize_store(base, list_base=request.param)


def answers(view, names):
    return (
        [view.can_load(name) for name in names],
        [(view.getlock(name).is_locked(), view.getlock(name).is_failed()) for name in names],
        view.first_missing(names),
        sorted(view.list()),
        sorted(view.listlocks()),
        view.lock_states(),
        sorted(view.lock_details()),
        view.listing().refresh(),
    )


def test_it_answers_as_its_base_does(base, view, names):
    assert answers(view, names) == answers(base, names)
    assert view.can_load(names[0].decode())


def test_it_says_the_same_again_whatever_happens(base, view, names):
    before = answers(view, names)
    base.remove(names[0])
    base.remove_locks()
    base.dump(2, names[3])
    base.getlock(names[4]).get()
    assert answers(view, names) == before
    assert answers(memoize_store(base), names) != before


def test_every_question_is_asked_once(base, view, names):
    for _ in range(3):
        view.can_load(names[0])
        view.can_load(names[5])
        view.getlock(names[1]).is_locked()
        view.getlock(names[1]).is_failed()
    assert not [key for key, count in base.counts.items() if count > 1]


def test_a_listed_one_asks_its_base_nothing_about_what_is_not_there(base, names):
    view = memoize_store(base, True)
    assert [view.can_load(name) for name in names].count(True) == 1
    assert not view.getlock(names[5]).is_locked()
    assert dict(base.counts) == {}


def test_many_names_are_one_question(base):
    assert memoize_store(base).first_missing([b"%040x" % i for i in range(100)]) == b"0" * 40
    assert dict(base.counts) == {}


def test_what_is_no_question_is_refused_and_changes_nothing(base, view, names):
    steps = {
        "dump": lambda: view.dump(1, names[0]),
        "load": lambda: view.load(names[0]),
        "remove": lambda: view.remove(names[0]),
        "remove_many": lambda: view.remove_many(names),
        "remove_lock": lambda: view.remove_lock(names[1]),
        "dump_locked": lambda: view.dump_locked(1, names[0], base.getlock(names[0])),
        "remove_abandoned": view.remove_abandoned,
        "remove_locks": view.remove_locks,
        "remove_failures": lambda: view.remove_failures(names),
        "record_failure": lambda: view.record_failure(names[0], {}),
        "cleanup": lambda: view.cleanup([]),
        "get": view.getlock(names[5]).get,
        "release": view.getlock(names[1]).release,
        "fail": view.getlock(names[1]).fail,
    }
    before = dict(base.store)
    for name, step in steps.items():
        with pytest.raises(NotImplementedError, match=rf"{name}\(\)"):
            step()
    view.close()
    assert base.store == before


def double(x):
    return 2 * x


def test_a_status_can_be_made_of_it(base):
    Task.store = base
    tasks = [Task(double, i) for i in range(50)]
    tasks[3].run()
    base.counts.clear()
    graph = Graph(tasks)
    first = Status(graph, view := memoize_store(base)).counts()
    tasks[4].run()
    assert Status(graph, view).counts() == first
    assert Status(graph, memoize_store(base)).counts() != first
