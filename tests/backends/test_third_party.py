"""Stores of third parties that have only what stores have always had."""

import copy

import pytest
from processes import ROOT, jug, python, use, write
from spec_store import SpecStore

from jug.backends import select
from jug.backends.dict_store import dict_store
from jug.backends.third_party import adapted_store


@pytest.fixture
def theirs(tmp_path):
    return SpecStore(tmp_path / "there")


@pytest.fixture
def store(theirs):
    return select(theirs)


class Active:
    def __init__(self, name):
        self._name = name

    def hash(self):
        return self._name


def test_names_and_answers_have_the_forms_that_jug_expects(store, names):
    store.dump(1, names[0])
    store.dump(2, names[1])
    assert sorted(store.list()) == sorted(names[:2])
    assert store.remove_many(names[1:3]) == {names[1]}
    assert store.metadata(Active(names[0])) == {"computed": True}


def test_what_it_lacks_is_derived(store, names):
    for name in names[:3]:
        store.dump(1, name)
    store.getlock(names[0]).get()
    failed = store.getlock(names[1])
    failed.get()
    failed.fail()
    assert store.lock_states() == {names[0]: False, names[1]: True}
    assert store.lock_details()[names[1]].failed
    assert store.first_missing(names) == names[3]
    assert list(store.load_many(names[:2])) == [(names[0], 1), (names[1], 1)]
    assert store.listing().refresh() == (set(names[:3]), set())
    assert store.failures() == {}
    store.record_failure(names[0], {})
    assert store.remove_lock(names[1], failed_only=True)
    assert list(store.listlocks()) == [names[0]]


@pytest.mark.parametrize("form", [lambda name: name, Active])
def test_its_own_cleanup_gets_tasks(store, theirs, names, form):
    for name in names[:3]:
        store.dump(1, name)
    assert store.cleanup([form(names[0])], keeplocks=True) == 2
    assert theirs.calls[0] == "cleanup"
    assert list(store.list()) == [names[0]]


def test_it_may_lack_what_came_with_later_releases(theirs, names):
    class Old(SpecStore):
        create = remove_many = cleanup = metadata = property(lambda self: self.missing)

    old = Old(theirs.where)
    theirs.create()
    store = select(old)
    store.create()
    for name in names[:3]:
        (theirs.where / f"{name.decode()}.result").write_bytes(b"N.")
    assert store.remove_many(names[:1]) == {names[0]}
    assert store.cleanup([names[1]]) == 1
    assert store.metadata(Active(names[1])) is None


def test_what_it_has_beyond_is_its_own(theirs, names):
    theirs.first_missing = lambda names: b"mine"
    theirs.colour = "blue"
    store = select(theirs)
    assert store.first_missing(names) == b"mine"
    assert store.colour == "blue"
    assert store.adapted is theirs
    with pytest.raises(AttributeError, match="'SpecStore' object has no attribute 'pack'"):
        _ = store.pack
    assert copy.copy(store).colour == "blue"


def test_an_attribute_of_its_own_is_not_taken_for_a_method_of_ours(theirs):
    theirs.failures = 3  # it counts them
    assert select(theirs).failures() == {}


def test_a_store_of_ours_is_left_as_it_is():
    store = dict_store()
    assert select(store) is store
    assert isinstance(select(SpecStore("x")), adapted_store)


JUGFILE = """
from spec_store import SpecStore
from jug import TaskGenerator, barrier, set_jugdir, value
set_jugdir(SpecStore('kept'))

@TaskGenerator
def double(x):
    return 2 * x

numbers = [double(i) for i in range(50)]
barrier()
total = double(sum(value(numbers)))
"""
WHERE = {"PYTHONPATH": f"{ROOT / 'tests' / 'backends'}:{ROOT}"}


def test_a_jugfile_can_choose_it(tmp_path):
    write(tmp_path, JUGFILE)
    assert jug(tmp_path, "status", **WHERE).table()["jugfile.double"]["Ready"] == 50
    done = jug(tmp_path, "execute", **WHERE)
    assert done.code == 0, done
    assert done.table()["jugfile.double"]["Executed"] == 51
    assert jug(tmp_path, "status", **WHERE).table()["jugfile.double"]["Finished"] == 51
    packed = jug(tmp_path, "pack", **WHERE)
    assert (packed.code, packed.out) == (2, "")
    assert packed.last == "jug: Cannot pack this store (only jugdata directories can be packed)"


def test_scripts_can_use_it(tmp_path):
    use(tmp_path, "primes.py")
    script = """
        import sys
        from spec_store import SpecStore
        import jug
        from jug import value
        from jug.options import default_options
        from jug.jug import execution_loop
        store, space = jug.init('jugfile.py', store=SpecStore('kept'))
        assert execution_loop(list(jug.task.alltasks), default_options.copy()) is False
        print(len(list(store.list())), len(jug.task.alltasks))
    """
    write(tmp_path, script, "script.py")
    done = python(tmp_path, "script.py", **WHERE)
    assert done.code == 0, done
    stored, tasks = done.out.split()[-2:]
    assert stored == tasks
