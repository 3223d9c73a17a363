"""The hashes that other versions of Python and numpy give."""

import functools
import operator
from collections import OrderedDict
from fractions import Fraction
from itertools import product
from pathlib import PurePosixPath as Posix

import pytest
from optional import library
from optional import numpy as np
from processes import jug, write

from jug import Task
from jug.hash import hash_one, pickling_by
from jug.hashcheck.other_versions import KINDS, _pickler, hashes_of_others
from jug.hashcheck.version_notes import NUMBER, note
from jug.unsafe import NoHash

OBJECTS = {
    "number": lambda: np.float64(0.5),
    "small number": lambda: np.int8(3),
    "bool": lambda: np.bool_(True),
    "text": lambda: np.str_("a"),
    "long double": lambda: np.longdouble(1.5),
    "date": lambda: np.datetime64("2020-01-01"),
    "dates": lambda: np.arange(3).astype("M8[s]"),
    "masked array": lambda: np.ma.array([1, 2], mask=[False, True]),
    "record array": lambda: np.rec.array([(1, 2.0)], dtype=[("a", "i4"), ("b", "f8")]),
    "ufunc": lambda: np.sin,
    "mapping of arrays": lambda: OrderedDict(a=np.arange(3), b=np.float64(1), c=np.float32(1), d={"x", "y"}),
    "objects": lambda: np.array([np.float64(1), None], dtype=object),
    "large": lambda: OrderedDict((str(i), np.float64(i)) for i in range(3000)),
    "path": lambda: Posix("data.txt"),
    "deep path": lambda: Posix("/a/b/a"),
    "class of paths": lambda: Posix,
    "fraction": lambda: Fraction(1, 3),
    "all of them": lambda: [OrderedDict(p=Posix("a/b"), q=Posix("a/c"), n=np.float64(1)), Fraction(1, 2)],
}

# How they begin with Python 3.10 and numpy 1, 3.11 and numpy 1, 3.12 and numpy 2, 3.13 and numpy 2.
HASHES = {
    "number": (
        "771515043239",
        "771515043239",
        "719a65fd1dbb",
        "719a65fd1dbb",
    ),
    "small number": (
        "ac4c73f1d029",
        "ac4c73f1d029",
        "f844d828623d",
        "f844d828623d",
    ),
    "bool": (
        "f0db1422a0b9",
        "f0db1422a0b9",
        "973a1d271f4e",
        "973a1d271f4e",
    ),
    "text": (
        "ba51514b3632",
        "ba51514b3632",
        "8cb2a440f72b",
        "8cb2a440f72b",
    ),
    "long double": (
        "3d468f5fac8c",
        "3d468f5fac8c",
        "911603212d6f",
        "911603212d6f",
    ),
    "date": (
        "fa3137b5fac4",
        "fa3137b5fac4",
        "9490db871dfa",
        "9490db871dfa",
    ),
    "dates": (
        "95bd906056f7",
        "95bd906056f7",
        "66940424ba05",
        "66940424ba05",
    ),
    "masked array": (
        "5d8e9007b246",
        "5d8e9007b246",
        "4c66b4a7b0e0",
        "4c66b4a7b0e0",
    ),
    "record array": (
        "144a460b46d1",
        "144a460b46d1",
        "63665ee7c6a6",
        "63665ee7c6a6",
    ),
    "ufunc": (
        "477fa00fa772",
        "477fa00fa772",
        "0ea0738837ab",
        "0ea0738837ab",
    ),
    "mapping of arrays": (
        "2cf06629fc83",
        "2cf06629fc83",
        "9db7e284be3b",
        "9db7e284be3b",
    ),
    "objects": (
        "0c35853ee924",
        "0c35853ee924",
        "0fc653802204",
        "0fc653802204",
    ),
    "large": (
        "40d62d2c1127",
        "40d62d2c1127",
        "b068312e5b11",
        "b068312e5b11",
    ),
    "path": (
        "ac7b1995761f",
        "ac7b1995761f",
        "ac7b1995761f",
        "6d06f8619934",
    ),
    "deep path": (
        "e79d7a28c26f",
        "e79d7a28c26f",
        "e79d7a28c26f",
        "1cc61643273e",
    ),
    "class of paths": (
        "c5ff5b7c0bb2",
        "c5ff5b7c0bb2",
        "c5ff5b7c0bb2",
        "e5885462931e",
    ),
    "fraction": (
        "da04dd7fad98",
        "3258e1d56c68",
        "3258e1d56c68",
        "3258e1d56c68",
    ),
    "all of them": (
        "52d055138bfc",
        "d555707c0cf9",
        "091ebc1b884a",
        "b1cf5a715217",
    ),
}


def f(x, **more):
    return x


def all_hashes(obj):
    """Those that `obj` has with this version, and with any other."""
    found = {hash_one(obj).decode()[:12]}
    for chosen in product(*[[None, *changes()] for changes in KINDS.values()]):
        changes = tuple(change for change in chosen if change is not None)
        with pickling_by(_pickler(changes, tuple(KINDS))):
            found.add(hash_one(obj).decode()[:12])
    return found


@pytest.mark.parametrize("kind", HASHES)
def test_the_hashes_of_other_versions_are_known(kind):
    assert all_hashes(OBJECTS[kind]()) >= set(HASHES[kind])


@pytest.mark.parametrize("obj", [1, "a", [2.5, {"k": (None,)}], f, range(3), operator.add, OrderedDict(a=1)])
def test_what_does_not_depend_on_versions_has_one_hash(obj):
    assert len(all_hashes(obj)) == 1
    assert note(obj) is None
    assert list(hashes_of_others([Task(f, obj)])) == []


def chain():
    first = Task(f, np.float64(0.5))
    second = Task(f, [first, {"k": 1}])
    third = Task(f, second[0])
    tasks = [first, second, third, Task(f, NoHash(1)), Task(f, third, x=second[np.int64(1)])]
    for task in tasks:
        task.name = "study.f"
    return tasks


# With numpy 1 and with numpy 2.
CHAIN = (
    [
        "aab246537527",
        "26319770332d",
        "d301d826d8bd",
        "db0dfc104e60",
        "eed05ddfb16f",
    ],
    [
        "d19c44dc7b9c",
        "d1c50a428640",
        "350ad514bbf8",
        "db0dfc104e60",
        "b4c13ea9e386",
    ],
)


def test_what_depends_on_them_has_other_hashes_too():
    tasks = chain()
    mine = [task.hash().decode() for task in tasks]
    ((changes, others),) = hashes_of_others(tasks)
    assert sorted([[digest[:12] for digest in mine], [digest.decode()[:12] for digest in others]]) == sorted(CHAIN)
    assert changes[0].version in ("numpy 1", "numpy 2")
    assert [task.hash().decode() for task in tasks] == mine


def test_hashes_that_were_not_asked_for_stay_unknown():
    tasks = [Task(f, Posix("a")), Task(f, 1)]
    tasks[1].hash()
    known = tasks[1]._hash
    list(hashes_of_others(tasks))
    assert [task._hash for task in tasks] == [None, known]


def test_many_numbers_take_linear_time():
    tasks = [Task(f, np.float64(i)) for i in range(3000)]
    ((_, others),) = hashes_of_others(tasks)
    assert len({*others, *(task.hash() for task in tasks)}) == 6000


# Notes of check --hashes


@pytest.mark.parametrize(
    ("make", "said"),
    [
        (lambda: np.float64(0.5), "pass x.item()"),
        (lambda: np.str_("a"), "pass x.item()"),
        (lambda: np.longdouble(1), "numpy 1 than with numpy 2, since"),
        (lambda: np.ma.array([1]), "numpy 1 than with numpy 2, since"),
        (lambda: OrderedDict(a=np.arange(3)), "numpy 1 than with numpy 2, since"),
        (lambda: np.sin, "numpy 1 than with numpy 2, since"),
        (lambda: Posix("a"), "pass str(path)"),
        (lambda: OrderedDict(a=Posix("a")), "pass str(path)"),
        (lambda: Fraction(1, 2), "Python 3.11"),
        (lambda: functools.partial(f, Fraction(1, 2)), "Python 3.11"),
        (
            lambda: library("sklearn.linear_model").LinearRegression(),
            "a private module of it, sklearn.linear_model._base",
        ),
    ],
)
def test_what_depends_on_a_version_is_noted(make, said):
    found = note(make())
    assert said in found.reason and found.is_harmless


def test_check_names_what_depends_on_versions(tmp_path):
    write(tmp_path, STUDY)
    done = jug(tmp_path, "check", "--hashes")
    assert (done.code, done.err) == (0, "")
    notes = done.out.splitlines()
    assert notes[0].startswith(
        "Only a note: jugfile.f: argument 'x' (np.float64(0.5), of type numpy.float64) makes anoth"
    )
    assert f"{NUMBER} (3 tasks, this is the first)." in notes[0]
    assert "argument 'x'['file'] (PosixPath('a/b'), of type pathlib.PosixPath) has a path in it" in done.out
    assert done.out.endswith("5 tasks: no hash changes.\n")


STUDY = """
from pathlib import Path

import numpy as np
from jug import TaskGenerator

@TaskGenerator
def f(x):
    return 1

a = [f(x) for x in np.linspace(0.5, 1, 3)]
b = f({'file': Path("a/b")})
c = f(a)
"""

# Does as numpy 1 does.
OLD = """
import jug.hash
from jug.hashcheck.other_versions import KINDS, Numpy1, Numpy2, _pickler
(change,) = KINDS[b"numpy"]()
jug.hash._instead = _pickler((change,), (b"numpy",))
"""


def test_status_says_what_is_there_under_other_hashes(tmp_path):
    path = write(tmp_path, STUDY)
    assert "under another hash" not in jug(tmp_path, "status").out  # there are no results
    write(tmp_path, OLD + STUDY)
    assert jug(tmp_path, "execute", "--short").code == 0
    write(tmp_path, STUDY)
    said = "\n4 unfinished tasks have results that were stored with numpy "
    done = jug(tmp_path, "status")
    assert said in done.out and "pass plain values (x.item(), str(path))" in done.out
    assert done.table()["Total:"]["Finished"] == 1  # that with the path
    assert "unfinished tasks have results" in jug(tmp_path, "status", "--short").out
    assert jug(tmp_path, "execute", "--short").code == 0
    assert "under another hash" not in jug(tmp_path, "status").out
    path.write_text(path.read_text().replace("linspace(0.5", "linspace(5"))
    assert "under another hash" not in jug(tmp_path, "status").out  # these were never computed
